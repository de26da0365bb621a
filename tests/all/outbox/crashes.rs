//! Writers and workers that are killed lose nothing, and send nothing twice.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use smtp_connector_inbox::{Inbox, Received, Store};
use smtp_connector_outbox::{Filter, Outbox, Run, RunState};

use crate::support::CommandLine;

const WRITERS: usize = 4;
const WORKERS: usize = 2;

/// Returns the number of times that all processes are killed: few by default, and as many as `OUTBOX_KILLS` says.
fn rounds() -> usize {
    std::env::var("OUTBOX_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

/// Counts the messages that a server accepted, by subject.
#[derive(Clone, Default)]
struct Delivered(Arc<Mutex<HashMap<String, HashMap<String, usize>>>>);

impl Store for Delivered {
    fn store(&self, message: &Received) -> std::io::Result<u64> {
        let content = String::from_utf8_lossy(&message.content);
        let header = |name: &str| {
            let line = content.lines().find_map(|line| line.strip_prefix(name));
            line.expect("each message has it").to_owned()
        };
        let mut all = self.0.lock().expect("no thread panics while holding it");
        *all.entry(header("Subject: ")).or_default().entry(header("Message-ID: ")).or_default() +=
            1;
        Ok(message.id)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_and_workers_that_are_killed_lose_nothing_and_send_nothing_twice() {
    let delivered = Delivered::default();
    let server = Inbox::builder().store(delivered.clone()).start("127.0.0.1:0").await;
    let server = server.expect("a port on loopback is free");
    let line = CommandLine::with_server(server.address().port());
    let path = line.home().join("outbox.db");
    let mut accepted = HashMap::new();
    for round in 0..rounds() {
        let mut writers: Vec<_> = (0..WRITERS).map(|one| writer(&path, round, one)).collect();
        let mut workers: Vec<_> = (0..WORKERS).map(|_| worker(&line)).collect();
        // Not all at once, so that the others go on beside a dead one.
        for process in writers.iter_mut().map(|(child, _)| child).chain(&mut workers) {
            thread::sleep(Duration::from_millis(50 + random() % 150));
            process.kill().expect("it is killed");
        }
        for (mut child, lines) in writers {
            child.wait().expect("it has ended");
            accepted.extend(lines.join().expect("the lines are read"));
        }
        for worker in &mut workers {
            worker.wait().expect("it has ended");
        }
        while server.take().is_some() {}
    }
    let ran = line.run(&["worker", "--until-empty"]).expect(0);
    let outbox = Outbox::open(&path).await.expect("it opens");
    let counts = outbox.counts().await.expect("it counts");
    assert!(accepted.len() > 10 * rounds(), "the writers got somewhere: {counts:?}, {ran:?}");
    check(&all(&outbox).await, &accepted, &delivered);
}

/// Checks each mail against what its server saw.
fn check(runs: &[Run], accepted: &HashMap<String, String>, delivered: &Delivered) {
    let known: HashSet<_> = runs.iter().map(|run| run.id.as_str()).collect();
    let lost: Vec<_> = accepted.keys().filter(|id| !known.contains(id.as_str())).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let delivered = delivered.0.lock().expect("no thread panics while holding it");
    for run in runs {
        let subject = run.key.as_deref().expect("each has a key");
        let copies: usize = delivered.get(subject).map_or(0, |ids| ids.values().sum());
        match run.state {
            RunState::Sent => assert_eq!(copies, 1, "{run:?}"),
            RunState::Unknown => assert!(copies <= 1, "{copies} copies of {run:?}"),
            _ => panic!("it did not end: {run:?}"),
        }
    }
}

async fn all(outbox: &Outbox) -> Vec<Run> {
    let mut all: Vec<Run> = Vec::new();
    loop {
        let before = all.last().map(|run| run.id.clone());
        let page = outbox.list(Filter::default().before(before).limit(1000)).await;
        let page = page.expect("it is read");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Starts a writer, and reads what it was told: the id and the subject of each accepted mail.
fn writer(path: &Path, round: usize, one: usize) -> (Child, JoinHandle<HashMap<String, String>>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_outbox-writer-under-test"))
        .arg(path)
        .arg(format!("{round}-{one}"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the writer starts");
    let lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
    let read = thread::spawn(move || {
        let lines = lines.map_while(Result::ok);
        lines
            .filter_map(|line| {
                line.split_once(' ').map(|(id, subject)| (id.to_owned(), subject.to_owned()))
            })
            .collect()
    });
    (child, read)
}

fn worker(line: &CommandLine) -> Child {
    let mut command = line.command(&["worker", "--concurrency", "8"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the worker starts")
}

fn random() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
