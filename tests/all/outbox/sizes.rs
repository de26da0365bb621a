//! The bytes of a mail in each store, before and after it is sent.

use std::fs;

use rusqlite::Connection;
use serde_json::json;
use smtp_connector_host::accounts::{AccountLimits, Security};
use smtp_connector_host::{Account, Invocation};
use smtp_connector_inbox::Inbox;
use smtp_connector_outbox::{Enqueue, Outbox, RunState};

use super::Queue;
use super::cluster::Cluster;

const MAILS: usize = 2000;
const TEXT: usize = 2000;

/// Text as people write it: PostgreSQL compresses texts.
const PAGE: &str = include_str!("../../../docs/accounts.md");

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, and takes a minute"]
#[expect(clippy::print_stdout, reason = "the figures are its result")]
async fn the_bytes_of_a_mail_in_each_store() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("sizes").await;
    Outbox::migrate(&url).await.expect("it is migrated");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("outbox.db");
    let file = Queue { outbox: Outbox::open(&path).await.expect("it opens"), folder };
    let client = cluster.client("sizes").await;
    let of_file = async || {
        let database = Connection::open(&path).expect("it opens");
        let cut = "PRAGMA wal_checkpoint(TRUNCATE)";
        database.query_row(cut, [], |_| Ok(())).expect("no one reads");
        fs::metadata(&path).expect("it is there").len() as usize / MAILS
    };
    println!("bytes of a mail with a text of 2 kB, waiting and sent");
    let (waiting, sent) = measure(&file, of_file).await;
    println!("SQLite: {waiting} and {sent}");
    let outbox = Outbox::connect(&url).await.expect("it is migrated");
    let database = Queue { outbox, folder: file.folder };
    let of_database = async || {
        let sql = "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
                    WHERE relnamespace = 'smtp_connector'::regnamespace AND relkind IN ('r', 'S')";
        let bytes: i64 = client.query_one(sql, &[]).await.expect("it is read").get(0);
        usize::try_from(bytes).expect("a size") / MAILS
    };
    let (waiting, sent) = measure(&database, of_database).await;
    println!("PostgreSQL: {waiting} and {sent}");
    assert!(waiting > TEXT / 2 && sent > waiting, "the text is the larger part");
}

/// Queues mails and sends them, and measures before and after.
async fn measure(queue: &Queue, bytes: impl AsyncFn() -> usize) -> (usize, usize) {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a port on loopback is free");
    let page: String = PAGE.chars().filter(char::is_ascii).collect();
    for number in 0..MAILS {
        let from = number % (page.len() - TEXT);
        let input =
            json!({ "to": "bob@example.net", "subject": "News", "text": page[from..from + TEXT] });
        let mail = Invocation::send_mail(input.to_string()).account("work");
        queue.request(Enqueue::new(mail).key(format!("order-{number}"))).await;
    }
    let waiting = bytes().await;
    let account = Account::builder("work", "127.0.0.1")
        .port(inbox.address().port())
        .security(Security::None)
        .sender("a@example.com")
        .limits(AccountLimits::default().connections(16));
    let worker = queue.work([account.build().expect("an account")]);
    let mut counts = queue.outbox.counts().await.expect("it counts");
    for _ in 0..600 {
        if counts.of(RunState::Sent) == MAILS as u64 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        // The inbox keeps messages until they are taken.
        while inbox.take().is_some() {}
        counts = queue.outbox.counts().await.expect("it counts");
    }
    worker.stop().await;
    assert_eq!(counts.of(RunState::Sent), MAILS as u64, "{counts:?}");
    (waiting, bytes().await)
}
