//! `send --queue`, `worker` and `outbox`.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use smtp_connector_inbox::{Inbox, Received};

use crate::support::{CommandLine, HttpServer, Page};

const MAIL: &[&str] =
    &["send", "--queue", "--to", "bob@example.net", "--subject", "Hi", "--text", "Hi!"];

async fn inbox() -> Inbox {
    Inbox::builder().start("127.0.0.1:0").await.expect("a port on loopback is free")
}

async fn received(inbox: &Inbox) -> Received {
    tokio::time::timeout(Duration::from_secs(20), inbox.next()).await.expect("it arrives")
}

fn with(words: &[&'static str]) -> Vec<&'static str> {
    MAIL.iter().chain(words).copied().collect()
}

fn list(line: &CommandLine) -> Value {
    line.run(&["outbox", "list", "--json"]).expect(0).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_mail_is_delivered_by_a_worker() {
    let inbox = inbox().await;
    let line = CommandLine::with_account(&inbox);
    fs::write(line.home().join("report.pdf"), "%PDF-1.4 report").expect("it is written");
    let queued = line.run(&with(&["--attach", "report.pdf", "--json"])).expect(0).json();
    let id = queued["id"].as_str().expect("it has an id").to_owned();
    assert_eq!(queued, json!({"status": "queued", "id": id, "state": "ready", "isNew": true}));
    // The file is in the outbox, so it is not needed any more.
    fs::remove_file(line.home().join("report.pdf")).expect("it is removed");
    assert!(inbox.take().is_none(), "no worker runs");
    let ran = line.run(&["worker", "--until-empty"]).expect(0);
    assert_eq!(ran.out.trim(), "stopped after one attempt");
    let message = String::from_utf8(received(&inbox).await.content).expect("it is text");
    assert!(message.contains("report.pdf") && message.contains("Subject: Hi"), "{message}");
    let shown = line.run(&["outbox", "show", &id]).expect(0).out;
    for part in [&format!("{id} is sent"), "account   work", "accepted  bob@example.net"] {
        assert!(shown.contains(part), "{part:?} in {shown}");
    }
    let table = line.run(&["outbox", "list"]).expect(0);
    assert!(table.out.starts_with("ID  ") && table.out.contains(&id), "{table:?}");
    assert!(table.err.contains("1 sent"), "{table:?}");
    let exported = line.run(&["outbox", "export", "--inputs"]).expect(0).out;
    assert!(exported.lines().count() == 1 && exported.contains("Hi!"), "{exported}");
    assert_eq!(line.run(&["outbox", "prune"]).expect(0).out.trim(), "deleted 0 inputs and 0 mails");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_queues_a_mail_only_once() {
    let inbox = inbox().await;
    let line = CommandLine::with_account(&inbox);
    let first = line.run(&with(&["--key", "order-1", "--json"])).expect(0).json();
    let second = line.run(&with(&["--key", "order-1"])).expect(0).out;
    let id = first["id"].as_str().expect("it has an id");
    assert_eq!(second.trim(), format!("known by its key: {id} is ready"));
    let other = ["send", "--queue", "--to", "carol@example.net", "--text", "x", "--key", "order-1"];
    let ran = line.run(&other).expect(65);
    assert!(ran.err.contains("was used before") && ran.err.contains("hint:"), "{ran:?}");
    let error = line.run(&[&other[..], &["--json"]].concat()).expect(65).json();
    assert_eq!(
        (&error["error"]["code"], &error["error"]["kind"]),
        (&json!("outbox"), &json!("key-reused"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_told_before_the_mail_is_queued() {
    let line = CommandLine::with_account(&inbox().await);
    let ran = line.run(&["send", "--queue", "--to", "bob at example", "--text", "x"]).expect(65);
    assert!(ran.err.contains("to"), "{ran:?}");
    for words in [
        &["--dry-run"][..],
        &["--server", "smtp://mail.example.com"],
        &["--upload", "a=report.pdf"],
    ] {
        line.run(&with(words)).expect(64);
    }
    line.run(&["send", "--to", "bob@example.net", "--text", "x", "--key", "k"]).expect(64);
    assert_eq!(list(&line)["runs"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_hold_release_cancel_and_retry() {
    let inbox = inbox().await;
    let line = CommandLine::with_account(&inbox);
    let queued = line.run(&with(&["--hold", "--json"])).expect(0).json();
    let id = queued["id"].as_str().expect("it has an id");
    line.run(&["worker", "--until-empty"]).expect(0);
    assert_eq!(list(&line)["runs"][0]["state"], "held");
    assert_eq!(line.run(&["outbox", "release", id]).expect(0).out.trim(), format!("released {id}"));
    line.run(&["outbox", "hold", id]).expect(0);
    line.run(&["outbox", "cancel", id]).expect(0);
    let ran = line.run(&["outbox", "retry", id]).expect(64);
    assert!(
        ran.err.contains(&format!("run {id} is cancelled, so it cannot be retried")),
        "{ran:?}"
    );
    let ran = line.run(&["outbox", "show", "nothing"]).expect(64);
    assert!(ran.err.contains("there is no run nothing"), "{ran:?}");
    assert_eq!(
        line.run(&["outbox", "resume", "work"]).expect(0).out.trim(),
        "the account \"work\" is not paused"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_a_worker_after_the_mails_under_way() {
    let inbox = inbox().await;
    let line = CommandLine::with_account(&inbox);
    let worker = line.command(&["worker"]).spawn().expect("it starts");
    line.run(MAIL).expect(0);
    received(&inbox).await;
    let pid = rustix::process::Pid::from_child(&worker);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is sent");
    let output = worker.wait_with_output().expect("it ends");
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(out.contains("stopped after one attempt"), "{out}");
    assert_eq!(list(&line)["counts"], json!({"sent": 1}));
}

#[tokio::test(flavor = "multi_thread")]
async fn capture_reads_urls_before_the_mail_is_queued() {
    let inbox = inbox().await;
    let web = HttpServer::start(vec![Page::file("/a.csv", "", b"1,2")]).await;
    let line = CommandLine::with_account(&inbox);
    let url = web.url("/a.csv");
    let attach = json!({ "to": "bob@example.net", "text": "Hi!", "attachments": url }).to_string();
    fs::write(line.home().join("mail.json"), attach).expect("it is written");
    let send = ["send", "--queue", "--capture", "--input", "mail.json"];
    let ran = line.run(&send).expect(77);
    assert!(ran.err.contains("policy.attachmentUrlHosts"), "the host is not allowed: {ran:?}");
    assert_eq!(list(&line)["runs"], json!([]));
    let accounts = fs::read_to_string(line.home().join("accounts.toml")).expect("it is there");
    let policy = format!("[accounts.work.policy]\nattachmentUrlHosts = [\"{}\"]\n", web.host());
    line.write_accounts(&format!("{accounts}\n{policy}"));
    line.run(&send).expect(0);
    drop(web);
    line.run(&["worker", "--until-empty"]).expect(0);
    let content = String::from_utf8(received(&inbox).await.content).expect("it is text");
    assert!(content.contains("a.csv"), "{content}");
}
