//! Processes that use an outbox until they are killed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
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
        outbox: &Path,
        name: &str,
        [pause, large_every]: [&str; 2],
        settings: impl FnOnce(&mut Command),
    ) -> Self {
        let log = tempfile::tempfile().expect("a file can be made");
        let mut command = Command::new(env!("CARGO_BIN_EXE_outbox-writer-under-test"));
        command.arg(outbox).args([name, pause, large_every]);
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

    pub(super) fn worker(line: &CommandLine) -> Self {
        let log = tempfile::tempfile().expect("a file can be made");
        let mut command = line.command(&["worker", "--concurrency", "8"]);
        let child = command.stdout(Stdio::null()).stderr(into(&log)).spawn();
        Self { child: child.expect("the worker starts"), accepted: None, log }
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().expect("it has not been waited for");
    }

    /// Returns the answers that a killed process got.
    pub(super) fn end(mut self) -> Accepted {
        let status = self.child.wait().expect("it has ended");
        let mut log = String::new();
        self.log.rewind().and_then(|()| self.log.read_to_string(&mut log)).expect("it is text");
        assert_eq!(status.signal(), Some(9), "it ended before it was killed: {status}\n{log}");
        self.accepted.map_or_else(Accepted::new, |told| told.join().expect("the lines are read"))
    }
}

fn into(log: &File) -> Stdio {
    log.try_clone().expect("an open file can be cloned").into()
}

/// Sleeps for a fifth of a second at most.
pub(super) fn pause() {
    thread::sleep(Duration::from_millis(20 + random() % 180));
}

pub(super) fn random() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
