//! What cannot be known is said to be unknown, and what goes wrong loses nothing.

use std::fs;
use std::time::Duration;

use smtp_connector_outbox::{ErrorKind, EventKind, Outbox, RunState};

use super::{Queue, options};
use crate::support::{Act, FaultServer, Scenario, Stage};

#[tokio::test]
async fn a_mail_whose_end_was_not_answered_is_unknown_until_a_person_decides() {
    let server = FaultServer::start(Scenario::when(Stage::Dot, Act::Drop)).await;
    let queue = Queue::new().await;
    let id = queue.enqueue(&["bob@example.net"]).await;
    let worker = queue.work([server.account().build().expect("an account")]);
    let run = queue.reaches(&id, RunState::Unknown).await;
    assert_eq!(run.result.expect("it has a result")["error"]["delivered"], "unknown");
    assert_eq!(run.recipients[0].address, "bob@example.net");
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(server.seen().complete, 1, "it is not tried again by itself");
    assert_eq!(queue.kinds().await, [EventKind::Unknown]);
    worker.stop().await;
    let good = FaultServer::start(Scenario::default()).await;
    queue.outbox.retry(&id).await.expect("a person may");
    let worker = queue.work([good.account().build().expect("an account")]);
    queue.reaches(&id, RunState::Sent).await;
    worker.stop().await;
    let (first, second) = (&server.seen().messages[0], &good.seen().messages[0]);
    assert_eq!(first, second, "both copies have one Message-ID");
}

#[tokio::test]
async fn a_worker_that_is_stopped_for_good_leaves_the_mail_unknown() {
    let server = FaultServer::start(Scenario::when(Stage::Dot, Act::Hang)).await;
    let queue = Queue::new().await;
    let id = queue.enqueue(&["bob@example.net"]).await;
    let short = options().drain(Duration::from_millis(50));
    let worker = queue.work_with([server.account().build().expect("an account")], short);
    queue.reaches(&id, RunState::Sending).await;
    worker.stop().await;
    assert_eq!(queue.status(&id).await.state, RunState::Unknown);
}

#[tokio::test]
async fn a_refused_mail_fails_and_an_invalid_input_too() {
    let refused = Act::Reply("550 5.1.1 no such user\r\n");
    let server = FaultServer::start(Scenario::when(Stage::Rcpt(1), refused)).await;
    let queue = Queue::new().await;
    let id = queue.enqueue(&["bob@example.net"]).await;
    let invalid = queue.enqueue(&["bob at example"]).await;
    let worker = queue.work([server.account().build().expect("an account")]);
    let run = queue.reaches(&id, RunState::Failed).await;
    assert_eq!(run.result.expect("it has a result")["error"]["code"], "recipients");
    let run = queue.reaches(&invalid, RunState::Failed).await;
    assert_eq!(run.result.expect("it has a result")["error"]["code"], "validation");
    worker.stop().await;
    assert_eq!(queue.kinds().await, [EventKind::Failed, EventKind::Failed]);
}

#[tokio::test]
async fn a_file_that_is_not_an_outbox_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("text");
    fs::write(&text, [b'x'; 4096]).expect("it is written");
    let error = Outbox::open(text).await.expect_err("it is no database");
    assert_eq!(error.kind(), ErrorKind::NotAnOutbox, "{error}");
    let queue = Queue::new().await;
    let path = queue.folder.path().join("outbox.db");
    let database = rusqlite::Connection::open(&path).expect("it opens");
    database.pragma_update(None, "user_version", 1000).expect("it is written");
    let error = Outbox::open(&path).await.expect_err("it is newer");
    assert_eq!(error.kind(), ErrorKind::NotAnOutbox);
    assert!(error.to_string().contains("version 1000"), "{error}");
    database.pragma_update(None, "application_id", 7).expect("it is written");
    let error = Outbox::open(&path).await.expect_err("it is another program's");
    assert_eq!(error.to_string(), "the file is a database of another program, not an outbox");
    let error = Outbox::open(folder.path()).await.expect_err("it is a folder");
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
}
