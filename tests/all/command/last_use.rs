//! The last use of an account, in `accounts list`.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use smtp_connector_inbox::Inbox;

use crate::support::CommandLine;

const MAIL: [&str; 7] = ["send", "--to", "bob@example.net", "--subject", "x", "--text", "y"];

/// Returns the last use of the only account, from `accounts list --json`.
fn last_use(line: &CommandLine) -> Value {
    let listed = line.run(&["accounts", "list", "--json"]).expect(0).json();
    listed["accounts"][0]["lastUse"].clone()
}

/// The files with the times, in order.
fn files(line: &CommandLine) -> Vec<PathBuf> {
    let entries = fs::read_dir(line.home().join("uses")).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_sent_or_tried_is_the_last_use() {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a free port");
    let line = CommandLine::with_account(&inbox);
    let shown = line.run(&["accounts", "list"]).expect(0).out;
    assert!(shown.contains("LAST USE") && shown.contains("never"), "{shown}");
    // None of these tries to send with the account.
    let server = format!("smtp://127.0.0.1:{}?security=none", inbox.address().port());
    let from = ["--from", "a@example.com"];
    for (more, code) in [
        (&["--dry-run"][..], 0),
        (&["--attach", "missing.pdf"], 64),
        (&["--cc", "not an address"], 65),
        (&[&["--server", &server][..], &from].concat(), 0),
    ] {
        line.run(&[&MAIL[..], more].concat()).expect(code);
    }
    line.run(&["accounts", "test", "work"]).expect(0);
    assert_eq!(last_use(&line), Value::Null);

    line.run(&MAIL).expect(0);
    let first = last_use(&line);
    assert_eq!(first.as_str().map(str::len), Some("2026-01-02T03:04:05Z".len()), "{first}");
    let shown = line.run(&["accounts", "list"]).expect(0).out;
    assert!(shown.contains("just now") || shown.contains("seconds ago"), "{shown}");
    let [file] = &files(&line)[..] else { panic!("one file") };
    assert_eq!(fs::metadata(file).expect("it is there").len(), 0);
    let at = |time: SystemTime| {
        let file = File::options().append(true).open(file).expect("it opens");
        file.set_modified(time).expect("it is ours");
    };
    at(UNIX_EPOCH + Duration::from_secs(1_767_323_045));
    assert_eq!(last_use(&line), "2026-01-02T03:04:05Z");
    at(SystemTime::now() - Duration::from_secs(3 * 3600 + 5));
    let shown = line.run(&["accounts", "list"]).expect(0).out;
    assert!(shown.contains("3 hours ago"), "{shown}");
    // A mail of a test is a mail too.
    line.run(&["accounts", "test", "work", "--send-to", "bob@example.net"]).expect(0);
    let shown = line.run(&["accounts", "list"]).expect(0).out;
    assert!(!shown.contains("3 hours ago"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_goes_along_with_a_new_name_and_ends_with_the_account() {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a free port");
    let line = CommandLine::with_account(&inbox);
    drop(inbox);
    // A server that cannot be reached was tried.
    line.run(&MAIL).expect(69);
    let before = last_use(&line);
    assert!(before.is_string(), "{before}");
    line.run(&["accounts", "rename", "work", "My Office"]).expect(0);
    assert_eq!(last_use(&line), before);
    line.run(&["accounts", "remove", "My Office", "--force"]).expect(0);
    assert_eq!(files(&line), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_sent_even_if_the_use_cannot_be_noted() {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a free port");
    let line = CommandLine::with_account(&inbox);
    fs::write(line.home().join("uses"), "a file in the way").expect("it is written");
    let ran = line.run(&MAIL).expect(0);
    assert_eq!(ran.err, "");
    assert_eq!(last_use(&line), Value::Null);
}
