//! Processes that use an outbox until they are killed.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::support::CommandLine;

/// The ids of accepted mails, with their subjects.
pub(super) type Accepted = HashMap<String, String>;

/// A writer or a worker, until it is killed.
pub(super) struct Process {
    child: Child,
    /// The answers that a writer got.
    accepted: Option<JoinHandle<Accepted>>,
    log: File,
}

impl Process {
    /// Starts a writer, with its pause in milliseconds, and the number of mails of which one is large.
    pub(super) fn writer(
        outbox: impl AsRef<OsStr>,
        name: &str,
        [pause, large_every]: [&str; 2],
        settings: impl FnOnce(&mut Command),
    ) -> Self {
        let log = tempfile::tempfile().expect("a file can be made");
        let mut command = Command::new(env!("CARGO_BIN_EXE_outbox-writer-under-test"));
        command.arg(outbox.as_ref()).args([name, pause, large_every]);
        settings(&mut command);
        let started = command.stdout(Stdio::piped()).stderr(into(&log)).spawn();
        let mut child = started.expect("the writer starts");
        let lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
        let accepted = thread::spawn(move || {
            let told = lines.map_while(Result::ok);
            told.filter_map(|line| {
                line.split_once(' ').map(|(id, subject)| (id.to_owned(), subject.to_owned()))
            })
            .collect()
        });
        Self { child, accepted: Some(accepted), log }
    }

    /// Starts a worker, with more words for its command line.
    pub(super) fn worker(line: &CommandLine, words: &[&str]) -> Self {
        let log = tempfile::tempfile().expect("a file can be made");
        let mut command = line.command(&["worker", "--concurrency", "8"]);
        let child = command.args(words).stdout(Stdio::null()).stderr(into(&log)).spawn();
        Self { child: child.expect("the worker starts"), accepted: None, log }
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().expect("it has not been waited for");
    }

    /// Returns the answers that a killed process got.
    pub(super) fn end(self) -> Accepted {
        self.end_or(None)
    }

    /// As [`end`](Self::end), for a process that may have ended before with this code.
    pub(super) fn end_or(mut self, code: Option<i32>) -> Accepted {
        let status = self.child.wait().expect("it has ended");
        let mut log = String::new();
        self.log.rewind().and_then(|()| self.log.read_to_string(&mut log)).expect("it is text");
        let is_killed = status.signal() == Some(9);
        assert!(
            is_killed || code.is_some() && status.code() == code,
            "it ended before it was killed: {status}\n{log}"
        );
        self.accepted
            .take()
            .map_or_else(Accepted::new, |told| told.join().expect("the lines are read"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended. A test that fails leaves none behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn into(log: &File) -> Stdio {
    log.try_clone().expect("an open file can be cloned").into()
}

/// Sleeps for a fifth of a second at most.
pub(super) fn pause() {
    pause_up_to(200);
}

/// Sleeps for this many milliseconds at most.
pub(super) fn pause_up_to(most: u64) {
    thread::sleep(Duration::from_millis(most / 10 + random() % (most * 9 / 10)));
}

pub(super) fn random() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
