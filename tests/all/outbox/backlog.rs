//! A backlog of 100,000 mails costs a worker little memory, and delays neither its start nor another account.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use smtp_connector_host::Invocation;
use smtp_connector_inbox::Inbox;
use smtp_connector_outbox::{Outbox, RunState};

use crate::support::CommandLine;

const MAILS: u64 = 100_000;
/// Mails that are queued at the same time.
const TASKS: u64 = 64;
/// The memory in kB that the worker may use.
const MEMORY: u64 = 100_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute"]
#[expect(clippy::print_stdout, reason = "the figures are its result")]
async fn a_backlog_of_100_000_mails_delays_neither_the_start_nor_another_account() {
    let inbox = || Inbox::builder().start("127.0.0.1:0");
    let (busy, other) =
        (inbox().await.expect("a free port"), inbox().await.expect("another free port"));
    let line = CommandLine::new();
    let account = |name: &str, inbox: &Inbox| {
        let port = inbox.address().port();
        format!(
            "[accounts.{name}]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nfrom = \"a@example.com\"\n"
        )
    };
    line.write_accounts(&(account("work", &busy) + &account("other", &other)));
    let path = line.home().join("outbox.db");
    let outbox = Outbox::open(&path).await.expect("it opens");
    let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(fill(outbox.clone(), task))).collect();
    for task in tasks {
        task.await.expect("it does not panic");
    }
    assert_eq!(outbox.counts().await.expect("it counts").of(RunState::Ready), MAILS);

    let begun = Instant::now();
    let worker = Worker::start(&line);
    arrives(&busy).await;
    let first = begun.elapsed();
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let begun = Instant::now();
        outbox.enqueue(mail("other", "now")).await.expect("it is accepted");
        arrives(&other).await;
        slowest = slowest.max(begun.elapsed());
        // The server keeps messages until they are taken.
        while busy.take().is_some() {}
    }
    let memory = worker.most_memory();
    let waiting = outbox.counts().await.expect("it counts").of(RunState::Ready);
    println!(
        "first mail after {first:?}, the slowest of another account after {slowest:?}, {memory} kB, {waiting} still wait"
    );
    assert!(waiting > MAILS / 2, "there was a backlog: {waiting}");
    assert!(waiting < MAILS - 300, "it goes on: {waiting}");
    assert!(first < Duration::from_secs(2), "{first:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert!(memory < MEMORY, "{memory} kB");
}

async fn fill(outbox: Outbox, task: u64) {
    for number in 0..MAILS / TASKS + u64::from(task < MAILS % TASKS) {
        let request = mail("work", &format!("{task}-{number}"));
        outbox.enqueue(request).await.expect("it is accepted");
    }
}

fn mail(account: &str, subject: &str) -> Invocation {
    let text = "All work and no play makes Jack a dull boy. ".repeat(60);
    let input = format!(r#"{{"to": "bob@example.net", "subject": "{subject}", "text": "{text}"}}"#);
    Invocation::send_mail(input).account(account)
}

/// Waits for a message.
async fn arrives(inbox: &Inbox) {
    let arrived = async {
        while inbox.take().is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(super::PATIENCE, arrived).await.expect("a mail arrives in time");
}

/// A worker in its process.
struct Worker(Child);

impl Worker {
    fn start(line: &CommandLine) -> Self {
        let mut command = line.command(&["worker"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(child.expect("the worker starts"))
    }

    /// Returns the most memory that it used so far, in kB.
    fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()));
        let status = status.expect("the worker runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kilobytes.and_then(|number| number.parse().ok()).expect("the kernel tells it")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
