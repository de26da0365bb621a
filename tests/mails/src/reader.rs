//! Readers that are separate programs: each gets messages one by one, and reports what it finds in each.

use std::cell::{Cell, RefCell};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::reading::Reading;

/// A reader process, which runs until it is dropped.
pub struct Reader {
    /// The name of its script.
    pub name: &'static str,
    /// The reader gets one message out of this number.
    stride: u64,
    /// The number of messages so far, including those that it skipped.
    seen: Cell<u64>,
    process: RefCell<Process>,
}

struct Process {
    child: Child,
    messages: ChildStdin,
    readings: BufReader<ChildStdout>,
}

/// The readers, each with its stride: by default it gets one message out of this number, because reading all takes
/// three times as long as making them.
const READERS: &[(&str, u64)] = &[("python_email.py", 40), ("gmime.py", 4)];

/// An environment variable for CI: every reader must be installed and must read every message.
const ALL_READERS: &str = "SMTP_CONNECTOR_TEST_ALL_READERS";

impl Reader {
    /// Starts every reader that can run on this machine.
    #[expect(clippy::print_stderr, reason = "a person should know that a test did less")]
    pub fn all() -> Vec<Self> {
        let all = std::env::var_os(ALL_READERS).is_some();
        let readers = READERS.iter().filter_map(|(name, stride)| {
            let found = Self::start(name, if all { 1 } else { *stride });
            if found.is_none() {
                assert!(!all, "{name} cannot be run");
                eprintln!("skipped: what {name} needs is not installed");
            }
            found
        });
        readers.collect()
    }

    /// Starts the reader of a script. Returns `None` if its dependencies are not installed on this machine.
    fn start(name: &'static str, stride: u64) -> Option<Self> {
        // Debian's Python, which has Debian's packages. Without it, any other Python.
        let pythons = ["/usr/bin/python3", "python3"];
        pythons.into_iter().find_map(|python| Self::start_with(python, name, stride))
    }

    fn start_with(python: &str, name: &'static str, stride: u64) -> Option<Self> {
        let mut child = Command::new(python)
            .arg(format!("{}/readers/{name}", env!("CARGO_MANIFEST_DIR")))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let messages = child.stdin.take().expect("it was piped");
        let readings = BufReader::new(child.stdout.take().expect("it was piped"));
        let process = RefCell::new(Process { child, messages, readings });
        let reader = Self { name, stride, seen: Cell::new(0), process };
        reader.try_read(b"Subject: x\r\nContent-Type: text/plain\r\n\r\nx\r\n")?;
        Some(reader)
    }

    /// Returns what the reader finds in a message, or `None` if it skips this one.
    pub fn read(&self, message: &[u8]) -> Option<Reading> {
        let seen = self.seen.get();
        self.seen.set(seen + 1);
        if !seen.is_multiple_of(self.stride) {
            return None;
        }
        let line = self.try_read(message);
        let line = line.unwrap_or_else(|| {
            panic!("{} gives up on {}", self.name, String::from_utf8_lossy(message))
        });
        let reading = serde_json::from_str(&line);
        Some(reading.unwrap_or_else(|error| panic!("{}: {error}: {line}", self.name)))
    }

    fn try_read(&self, message: &[u8]) -> Option<String> {
        let process = &mut *self.process.borrow_mut();
        let length = u32::try_from(message.len()).expect("a message of a test is small");
        process.messages.write_all(&length.to_be_bytes()).ok()?;
        process.messages.write_all(message).ok()?;
        process.messages.flush().ok()?;
        let mut line = String::new();
        process.readings.read_line(&mut line).ok()?;
        (!line.is_empty()).then_some(line)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may already have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
