//! Full and broken disks, wrong clocks, locked databases, and workers that are thought dead.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use smtp_connector_host::accounts::AccountLimits;
use smtp_connector_outbox::{ErrorKind, EventKind, Outbox, RunState};

use super::disk::library;
use super::full_disk::FullDisk;
use super::{Queue, options};
use crate::support::{Act, CommandLine, FaultServer, Scenario, Stage, until};

/// A server that waits for this long, once, at a point of the first conversation.
async fn waits(stage: Stage, time: Duration) -> FaultServer {
    FaultServer::start(Scenario::when(stage, Act::Pause(time))).await
}

/// A worker in a process whose disk and clock the test spoils.
struct Spoilt {
    process: Child,
    line: CommandLine,
}

impl Spoilt {
    fn start(queue: &Queue, server: &FaultServer) -> Self {
        let line = CommandLine::with_server(server.port());
        fs::write(line.home().join("clock"), 0_i64.to_ne_bytes()).expect("it is written");
        let folder = fs::canonicalize(queue.folder.path()).expect("it is there");
        let mut command = line.command(&["worker"]);
        command
            .arg("--outbox")
            .arg(folder.join("outbox.db"))
            .env("LD_PRELOAD", library())
            .env("DISK_FOLDER", folder)
            .env("DISK_BROKEN", line.home().join("broken"))
            .env("DISK_CLOCK", line.home().join("clock"));
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self { process: process.expect("the worker starts"), line }
    }

    /// Lets each fsync fail from now on.
    fn break_disk(&self) {
        fs::write(self.line.home().join("broken"), "").expect("it is written");
    }

    fn mend_disk(&self) {
        fs::remove_file(self.line.home().join("broken")).expect("it is there");
    }

    fn set_clock(&self, ahead: i64) {
        let clock = fs::File::options().write(true).open(self.line.home().join("clock"));
        let clock = clock.expect("it is there");
        // In place: the process has mapped the file.
        std::os::unix::fs::FileExt::write_all_at(&clock, &ahead.to_ne_bytes(), 0)
            .expect("it is written");
    }
}

impl Drop for Spoilt {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_mark_that_cannot_be_written_sends_no_dot() {
    let server = waits(Stage::Data, Duration::from_secs(1)).await;
    let queue = Queue::new().await;
    let id = queue.enqueue(&["bob@example.net"]).await;
    let worker = Spoilt::start(&queue, &server);
    until(|| server.seen().commands.iter().any(|line| line == "DATA")).await;
    assert_eq!(queue.status(&id).await.state, RunState::Leased);
    worker.break_disk();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(server.seen().complete, 0, "no dot without a mark");
    assert_ne!(queue.status(&id).await.state, RunState::Sent);
    worker.mend_disk();
    // A person need not wait for the next attempt.
    queue.reaches(&id, RunState::Ready).await;
    queue.outbox.retry(&id).await.expect("it waits");
    queue.reaches(&id, RunState::Sent).await;
    assert_eq!(server.seen().complete, 1);
}

#[tokio::test]
async fn a_result_that_cannot_be_written_is_kept_and_no_mail_is_taken_meanwhile() {
    let server = waits(Stage::Dot, Duration::from_secs(1)).await;
    let queue = Queue::new().await;
    let first = queue.enqueue(&["bob@example.net"]).await;
    let worker = Spoilt::start(&queue, &server);
    queue.reaches(&first, RunState::Sending).await;
    worker.break_disk();
    let second = queue.enqueue(&["carol@example.net"]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(server.seen().complete, 1, "the server took the first mail, and no other");
    assert_eq!(queue.status(&second).await.attempts, 0, "it was not taken");
    worker.mend_disk();
    queue.reaches(&first, RunState::Sent).await;
    queue.reaches(&second, RunState::Sent).await;
    assert_eq!(server.seen().complete, 2);
    assert_eq!(queue.kinds().await, [EventKind::Sent, EventKind::Sent]);
}

#[tokio::test]
async fn a_clock_that_jumps_loses_no_mail_and_sends_none_twice() {
    for ahead in [3600, -3600] {
        let server = waits(Stage::Dot, Duration::from_secs(1)).await;
        let queue = Queue::new().await;
        let mut ids = Vec::new();
        for _ in 0..10 {
            ids.push(queue.enqueue(&["bob@example.net"]).await);
        }
        let worker = Spoilt::start(&queue, &server);
        queue.reaches(&ids[0], RunState::Sending).await;
        worker.set_clock(ahead);
        // The first one's result is written after the jump, and recovery runs meanwhile.
        queue.reaches(&ids[0], RunState::Sent).await;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        worker.set_clock(0);
        for id in &ids {
            queue.reaches(id, RunState::Sent).await;
        }
        assert_eq!(server.seen().complete, 10, "with the clock {ahead} s ahead");
    }
}

#[tokio::test]
async fn a_full_disk_loses_no_accepted_mail_and_sends_none() {
    let Some(disk) = FullDisk::mount() else { return };
    let server = FaultServer::start(Scenario::default()).await;
    let queue = Queue::at(disk.new_folder()).await;
    let mut accepted = vec![queue.enqueue(&["bob@example.net"]).await];
    disk.fill(&queue.path());
    let error = loop {
        match queue.outbox.enqueue(super::mail(&["bob@example.net"])).await {
            Ok(ticket) => accepted.push(ticket.id),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::DiskFull, true), "{error}");
    let large =
        super::mail(&["bob@example.net"]).keywords(format!("{{\"a\": {:?}}}", "a".repeat(100_000)));
    let error = queue.outbox.enqueue(large).await.expect_err("its file does not fit");
    assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
    disk.fill(&queue.path());
    let worker = queue.work([server.account().build().expect("an account")]);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(server.seen().connections, 0, "no mail is taken without a commit");
    disk.make_space();
    for id in &accepted {
        queue.reaches(id, RunState::Sent).await;
    }
    worker.stop().await;
    assert_eq!(server.seen().complete, accepted.len());
    assert_eq!(checked(&queue.path()), "ok");
}

#[tokio::test]
async fn a_read_only_disk_is_an_error_that_says_so() {
    let Some(disk) = FullDisk::mount() else { return };
    let queue = Queue::at(disk.new_folder()).await;
    queue.enqueue(&["bob@example.net"]).await;
    let path = queue.path();
    // The folder stays: only the outbox is closed.
    let folder = queue.folder.keep();
    drop(queue.outbox);
    disk.make_read_only().await;
    let error = Outbox::open(&path).await.expect_err("the disk is read-only");
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    assert!(error.to_string().contains(folder.to_str().expect("it is text")), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("write")), "{error:?}");
}

#[tokio::test]
async fn a_database_that_another_process_holds_is_waited_for() {
    let queue = Queue::new().await;
    let mut other = Connection::open(queue.path()).expect("it opens");
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let holder = std::thread::spawn(move || {
        let lock = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate);
        let lock = lock.expect("it is free");
        locked.send(()).expect("the test waits");
        std::thread::sleep(Duration::from_secs(1));
        drop(lock);
    });
    is_locked.await.expect("it is locked");
    let begun = Instant::now();
    let id = queue.enqueue(&["bob@example.net"]).await;
    assert!(begun.elapsed() > Duration::from_millis(500), "{:?}", begun.elapsed());
    holder.join().expect("it does not panic");
    assert_eq!(queue.status(&id).await.state, RunState::Ready);
}

#[tokio::test]
async fn a_worker_that_was_thought_dead_sends_no_dot() {
    let (slow, fast) = (
        waits(Stage::Data, Duration::from_secs(2)).await,
        FaultServer::start(Scenario::default()).await,
    );
    let queue = Queue::new().await;
    let id = queue.enqueue(&["bob@example.net"]).await;
    // The first worker may take no second run, so the other one takes it.
    let once = slow.account().limits(AccountLimits::default().messages_per_minute(1));
    let first = queue.work([once.build().expect("an account")]);
    until(|| slow.seen().commands.iter().any(|line| line == "DATA")).await;
    bury(&queue);
    let second = queue.work([fast.account().build().expect("an account")]);
    let run = queue.reaches(&id, RunState::Sent).await;
    assert_eq!(run.attempts, 2);
    first.stop().await;
    second.stop().await;
    assert_eq!((slow.seen().complete, fast.seen().complete), (0, 1));
    assert_eq!(queue.status(&id).await.state, RunState::Sent);
}

#[tokio::test]
async fn a_worker_that_takes_its_own_run_again_finishes_the_first_attempt() {
    let server = waits(Stage::Data, Duration::from_secs(1)).await;
    let queue = Queue::new().await;
    let id = queue.enqueue(&["bob@example.net"]).await;
    let worker = queue.work([server.account().build().expect("an account")]);
    until(|| server.seen().commands.iter().any(|line| line == "DATA")).await;
    // As another worker does for one that it thinks dead.
    let outbox = Connection::open(queue.path()).expect("it opens");
    let recovered = outbox.execute("UPDATE run SET state = 'ready', lease_owner = NULL", []);
    assert_eq!(recovered.expect("it is written"), 1);
    let run = queue.reaches(&id, RunState::Sent).await;
    let seen = server.seen();
    assert_eq!((run.attempts, seen.complete, seen.most_open), (2, 1, 1));
    worker.stop().await;
    assert_eq!(server.seen().complete, 1);
}

#[tokio::test]
async fn the_late_answer_of_a_worker_that_was_thought_dead_settles_the_mail() {
    let (slow, fast) = (
        waits(Stage::Dot, Duration::from_secs(2)).await,
        FaultServer::start(Scenario::default()).await,
    );
    let queue = Queue::new().await;
    let id = queue.enqueue(&["bob@example.net"]).await;
    let first = queue.work([slow.account().build().expect("an account")]);
    queue.reaches(&id, RunState::Sending).await;
    bury(&queue);
    let second = queue.work_with([fast.account().build().expect("an account")], options());
    queue.reaches(&id, RunState::Unknown).await;
    queue.reaches(&id, RunState::Sent).await;
    first.stop().await;
    second.stop().await;
    assert_eq!((slow.seen().complete, fast.seen().complete), (1, 0));
}

#[test]
fn sqlite_is_one_that_keeps_its_databases_whole() {
    assert!(rusqlite::version_number() >= 3_051_003, "SQLite {}", rusqlite::version());
}

/// Removes the locks of all workers, so that the others think they are dead.
fn bury(queue: &Queue) {
    let owners = fs::read_dir(queue.folder.path().join("outbox.db-files/owners"));
    let owners: Vec<_> = owners.expect("a worker runs").collect();
    assert_eq!(owners.len(), 1);
    for owner in owners {
        fs::remove_file(owner.expect("it is read").path()).expect("it is removed");
    }
}

fn checked(database: &Path) -> String {
    let connection = Connection::open(database).expect("the database opens");
    connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it is checked")
}
