//! `outbox move`: from a file into PostgreSQL.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use smtp_connector_host::accounts::{AccountLimits, Security};
use smtp_connector_host::{Account, Invocation};
use smtp_connector_inbox::Inbox;
use smtp_connector_outbox::{
    Enqueue, ErrorKind, Outbox, RetrySchedule, Run, RunId, RunState, Timestamp, WorkerOptions,
};

use super::cluster::Cluster;
use super::crashes::{Delivered, all, check};
use super::monitoring::Monitored;
use super::processes::Accepted;
use super::{PATIENCE, Queue, input, mail};
use crate::support::{CommandLine, Ran, until};

/// A new database with an empty outbox. Returns the URL of a role that may not change the schema.
async fn target(name: &str) -> Option<String> {
    let cluster = Cluster::shared()?;
    let owner = cluster.database(name).await;
    Outbox::migrate(&owner).await.expect("it is migrated");
    let role = format!("worker_{name}");
    let make = format!("CREATE ROLE {role} LOGIN IN ROLE smtp_connector_worker");
    cluster.client(name).await.batch_execute(&make).await.expect("it is made");
    Some(cluster.url_of(&role, name))
}

async fn connect(url: &str) -> Outbox {
    Outbox::connect(url).await.expect("it is migrated")
}

/// Returns an account `work` that sends to an inbox, and whose mails are counted.
fn work(inbox: &Inbox) -> Account {
    let account = Account::builder("work", "127.0.0.1")
        .port(inbox.address().port())
        .security(Security::None)
        .sender("a@example.com")
        .limits(AccountLimits::default().messages_per_day(100).messages_per_minute(100));
    account.build().expect("an account")
}

fn move_to(line: &CommandLine, file: &str, url: &str) -> Ran {
    line.run(&["outbox", "move", "--outbox", file, "--to", url, "--json"])
}

/// Everything that a person can ask about an outbox.
async fn contents(outbox: &Outbox) -> (Vec<Run>, Vec<Option<(String, Option<String>)>>) {
    let runs = all(outbox).await;
    let mut inputs = Vec::new();
    for run in &runs {
        inputs.push(outbox.input(&run.id).await.expect("it is read"));
    }
    (runs, inputs)
}

/// Makes runs in all states, with the accounts and events that belong to them.
async fn fill(queue: &Queue, inbox: &Inbox) {
    queue.request(Enqueue::new(mail(&["bob@example.net"])).key("sent")).await;
    queue.enqueue(&["refused@example.net"]).await;
    queue.enqueue(&["bob@example.net", "later@example.net"]).await;
    let removed = Invocation::send_mail(input(&["bob@example.net"]).to_string()).account("removed");
    queue.request(removed).await;
    let hourly = RetrySchedule::new([Duration::from_secs(3600)]).expect("a pause");
    let worker = queue.work_with([work(inbox)], WorkerOptions::default().retries(hourly));
    let settled = async {
        while queue.outbox.paused_accounts().await.expect("it is read").is_empty()
            || all(&queue.outbox).await.iter().any(|run| run.attempts == 0)
            || queue.outbox.counts().await.expect("it counts").of(RunState::Sent) == 0
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("they are tried");
    worker.stop().await;
    let in_an_hour = Timestamp::now().after(Duration::from_secs(3600));
    let large =
        format!(r#"{{"to": "bob@example.net", "subject": "é", "text": "{}"}}"#, "é".repeat(50_000));
    let large = Invocation::send_mail(large)
        .account("work")
        .keywords(format!("{{\"a\": {:?}}}", "b".repeat(100_000)));
    queue.request(Enqueue::new(large).key("large").not_before(in_an_hour)).await;
    queue.request(Enqueue::new(mail(&["bob@example.net"])).held()).await;
    // Attachments that were captured.
    edit(
        queue,
        "UPDATE run_input SET captured = '{}' WHERE run = (SELECT id FROM run WHERE state = 'held')",
    );
    let cancelled = queue.request(Enqueue::new(mail(&["bob@example.net"])).held()).await;
    queue.outbox.cancel(&cancelled).await.expect("it is held");
    // A worker died with these.
    for state in ["leased", "sending"] {
        let id =
            queue.request(Enqueue::new(mail(&["bob@example.net"])).not_before(in_an_hour)).await;
        edit(
            queue,
            &format!(
                "UPDATE run SET state = '{state}', lease_owner = 'dead' WHERE run_id = '{id}'"
            ),
        );
    }
    let pruned = queue.request(Enqueue::new(mail(&["bob@example.net"])).held()).await;
    queue.outbox.cancel(&pruned).await.expect("it is held");
    edit(queue, &format!("UPDATE run SET has_input = 0 WHERE run_id = '{pruned}'"));
    edit(
        queue,
        &format!(
            "DELETE FROM run_input WHERE run = (SELECT id FROM run WHERE run_id = '{pruned}')"
        ),
    );
}

fn edit(queue: &Queue, sql: &str) {
    let database = Connection::open(queue.path()).expect("it opens");
    assert_eq!(database.execute(sql, []).expect("it is written"), 1, "{sql}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_moves_with_everything_in_it_and_the_file_is_closed() {
    let Some(url) = target("moved").await else { return };
    let inbox = Inbox::builder()
        .refuse("refused@example.net", "550 5.1.1 no such user")
        .refuse("later@example.net", "451 4.3.0 try later")
        .start("127.0.0.1:0")
        .await
        .expect("a port on loopback is free");
    let line = CommandLine::with_account(&inbox);
    let queue = Queue::new().await;
    fill(&queue, &inbox).await;
    while inbox.take().is_some() {}
    let file = queue.path().to_str().expect("it is UTF-8").to_owned();

    let moved = move_to(&line, &file, &url).expect(0).json();
    assert_eq!((&moved["runs"], &moved["accounts"]), (&10.into(), &2.into()), "{moved}");
    assert_eq!((&moved["wasDone"], &moved["withoutKey"]), (&false.into(), &serde_json::json!([])));
    assert!(moved["to"].as_str().expect("a name").starts_with("moved on "), "{moved}");
    // What the file says after the move, with the runs of dead workers recovered, is in the database.
    let new = connect(&url).await;
    let (runs, inputs) = contents(&queue.outbox).await;
    assert_eq!(contents(&new).await, (runs.clone(), inputs.clone()));
    assert!(inputs.iter().flatten().any(|(input, words)| input.len() > 100_000 && words.is_some()));
    let (known, old) = (events(&new).await, queue.events().await);
    assert_eq!((known, moved["events"].as_u64()), (old.clone(), Some(old.len() as u64)));
    let paused = async |outbox: &Outbox| outbox.paused_accounts().await.expect("it is read");
    assert_eq!(paused(&new).await, paused(&queue.outbox).await);
    let state = |state| runs.iter().filter(|run| run.state == state).count();
    use RunState::{Cancelled, Failed, Held, Ready, Sent, Unknown};
    assert_eq!([Cancelled, Failed, Held, Ready, Sent, Unknown].map(state), [2, 1, 1, 4, 1, 1]);
    counts_are_moved(&queue).await;

    // A repetition finds nothing to move.
    let again = move_to(&line, &file, &url).expect(0).json();
    assert_eq!((&again["runs"], &again["wasDone"]), (&0.into(), &true.into()), "{again}");
    the_file_is_closed(&line, &queue, &file, moved["to"].as_str().expect("a name")).await;

    // The key is known in the database, and the waiting mails are sent from there.
    let known = new.enqueue(Enqueue::new(mail(&["bob@example.net"])).key("sent")).await;
    assert!(!known.expect("it is the same mail").is_new);
    for run in runs.iter().filter(|run| run.state == Ready && run.account == "work") {
        new.retry(&run.id).await.expect("it waits");
    }
    let queue = Queue { outbox: new, folder: queue.folder };
    let worker = queue.work([work(&inbox)]);
    for run in runs.iter().filter(|run| run.state == Ready && run.recipients.is_empty()) {
        if run.account == "work" {
            queue.reaches(&run.id, Sent).await;
        }
    }
    worker.stop().await;
    let mut messages = 0;
    while let Some(message) = inbox.take() {
        assert_eq!(message.recipients, ["bob@example.net"]);
        messages += 1;
    }
    assert_eq!(messages, 2, "the large one, and that of the dead worker before its mark");
}

async fn events(outbox: &Outbox) -> Vec<smtp_connector_outbox::Event> {
    Queue { outbox: outbox.clone(), folder: tempfile::tempdir().expect("a folder") }.events().await
}

/// Compares the counts of the accounts' limits, and of captured attachments.
async fn counts_are_moved(queue: &Queue) {
    let file = Connection::open(queue.path()).expect("it opens");
    let client = Cluster::shared().expect("it runs").client("moved").await;
    for what in [
        "first_day FROM account WHERE name = 'work'",
        "day FROM account WHERE name = 'work'",
        "day_taken FROM account WHERE name = 'work'",
        "sum(taken) FROM minute WHERE account = 'work'",
        "count(*) FROM run_input WHERE captured = '{}'",
    ] {
        let old: i64 =
            file.query_row(&format!("SELECT {what}"), [], |row| row.get(0)).expect("a row");
        let new = what
            .replace("FROM ", "FROM smtp_connector.")
            .replace("sum(taken)", "sum(taken)::bigint");
        let new: i64 = client.query_one(&format!("SELECT {new}"), &[]).await.expect("a row").get(0);
        assert_eq!(new, old, "{what}");
        assert!(old > 0, "{what}");
    }
}

/// Neither this process, which has had the file open since before, nor a new one can queue, change or send a mail.
async fn the_file_is_closed(line: &CommandLine, queue: &Queue, file: &str, to: &str) {
    let enqueued = queue.outbox.enqueue(mail(&["bob@example.net"])).await;
    let waiting = queue.outbox.list(Default::default()).await.expect("it is read");
    let waiting = waiting.iter().find(|run| run.state == RunState::Ready).expect("one waits");
    let errors = [
        enqueued.map(drop).expect_err("it is closed"),
        queue.outbox.retry(&waiting.id).await.expect_err("it is closed"),
        queue.outbox.resume("removed").await.map(drop).expect_err("it is closed"),
        queue.outbox.check().await.expect_err("it is closed"),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Moved, "{error:?}");
        assert!(
            error.to_string().ends_with(&format!("this outbox was moved to the database {to}")),
            "{error}"
        );
    }
    for words in [
        &["worker", "--until-empty"][..],
        &["send", "--queue", "--to", "bob@example.net", "--text", "x"],
    ] {
        let ran = line.run(&[words, &["--outbox", file]].concat()).expect(78);
        assert!(
            ran.err.contains(&format!("this outbox was moved to the database {to}")),
            "{ran:?}"
        );
        assert!(ran.err.contains("hint: name the new outbox"), "{ran:?}");
    }
    line.run(&["outbox", "list", "--outbox", file]).expect(0);
}

/// The mails of the move that is killed.
const MAILS: usize = 1500;

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_is_killed_is_repeated_and_loses_nothing_and_sends_nothing_twice() {
    let Some(url) = target("killed").await else { return };
    let delivered = Delivered::default();
    let inbox = Inbox::builder().store(delivered.clone()).start("127.0.0.1:0").await;
    let inbox = inbox.expect("a port on loopback is free");
    let line = CommandLine::with_account(&inbox);
    let queue = Queue::new().await;
    let mut accepted = Accepted::new();
    for first in (0..MAILS).step_by(50) {
        let tasks: Vec<_> = (first..first + 50).map(|number| keyed(&queue, number)).collect();
        for task in tasks {
            let (id, subject) = task.await.expect("it does not panic");
            accepted.insert(id.as_str().to_owned(), subject);
        }
    }
    let file = queue.path().to_str().expect("it is UTF-8").to_owned();
    // A worker sends what arrives.
    let worker = Monitored::start_with(&line, &["--outbox", &url], &[]);
    let there = kill_in_the_middle(&line, &file, &url).await;
    let ran = line.run(&["worker", "--until-empty", "--outbox", &file]).expect(78);
    assert!(ran.err.contains("was moved"), "{ran:?}");
    let moved = move_to(&line, &file, &url).expect(0).json();
    let runs = moved["runs"].as_u64().expect("a number");
    assert!(runs <= MAILS as u64 - there && runs > 0, "{runs} after {there}");
    drop(worker);
    let end = "UPDATE smtp_connector.worker SET lease_until = clock_timestamp() - interval '1 s'";
    let client = Cluster::shared().expect("it runs").client("killed").await;
    client.batch_execute(end).await.expect("the worker was killed");
    line.run(&["worker", "--until-empty", "--outbox", &url]).expect(0);
    let runs = all(&connect(&url).await).await;
    assert_eq!(runs.len(), MAILS);
    check(&runs, &accepted, &delivered);
}

/// Queues a mail whose key is its subject. One of fifty is large.
fn keyed(queue: &Queue, number: usize) -> tokio::task::JoinHandle<(RunId, String)> {
    let outbox = queue.outbox.clone();
    tokio::spawn(async move {
        let large = if number.is_multiple_of(50) { "-large" } else { "" };
        let subject = format!("{number}{large}");
        let mail = Invocation::send_mail(super::writers_mail::input(&subject)).account("work");
        let ticket = outbox.enqueue(Enqueue::new(mail).key(&subject)).await;
        (ticket.expect("it is accepted").id, subject)
    })
}

/// Kills a move after some mails. Returns how many had arrived then.
async fn kill_in_the_middle(line: &CommandLine, file: &str, url: &str) -> u64 {
    let mut command = line.command(&["outbox", "move", "--outbox", file, "--to", url]);
    let mut process =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let client = Cluster::shared().expect("it runs").client("killed").await;
    let begun = Instant::now();
    let count = async || -> i64 {
        let sql = "SELECT count(*) FROM smtp_connector.run";
        client.query_one(sql, &[]).await.expect("it counts").get(0)
    };
    while count().await < 300 {
        assert!(begun.elapsed() < PATIENCE, "it moves");
    }
    process.kill().expect("it runs");
    let status = process.wait().expect("it has ended");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
    let there = count().await;
    assert!(there < MAILS as i64, "it was killed in the middle: {there}");
    there.unsigned_abs()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_mail_there_holds_the_one_that_moves() {
    let Some(url) = target("keys").await else { return };
    let line = CommandLine::with_server(25);
    let queue = Queue::new().await;
    let new = connect(&url).await;
    let other = Enqueue::new(mail(&["carol@example.net"])).key("order-1");
    new.enqueue(other).await.expect("it is accepted");
    let old = queue.request(Enqueue::new(mail(&["bob@example.net"])).key("order-1")).await;
    let file = queue.path().to_str().expect("it is UTF-8").to_owned();
    let ran = line.run(&["outbox", "move", "--outbox", &file, "--to", &url]).expect(0);
    assert!(
        ran.out.starts_with("moved one mail, 0 events and 0 accounts to the database keys on"),
        "{ran:?}"
    );
    assert!(ran.err.contains(&format!("{old} has no key any more")), "{ran:?}");
    let run = new.status(&old).await.expect("it is read").expect("it is there");
    assert_eq!((run.state, run.key), (RunState::Held, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_mail_with_the_same_id_is_not_taken_for_the_one_that_moves() {
    let Some(url) = target("ids").await else { return };
    let queue = Queue::new().await;
    let new = connect(&url).await;
    new.enqueue(mail(&["carol@example.net"]).id("chosen")).await.expect("it is accepted");
    tokio::time::sleep(Duration::from_millis(5)).await;
    queue.request(mail(&["bob@example.net"]).id("chosen")).await;
    let error = queue.outbox.move_to(&new).await.expect_err("it would be lost");
    assert_eq!(error.kind(), ErrorKind::KeyReused);
    assert!(error.to_string().starts_with("run chosen could not be moved"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_cannot_begin_changes_nothing() {
    let Some(url) = target("refused").await else { return };
    let Some(elsewhere) = target("elsewhere").await else { return };
    let cluster = Cluster::shared().expect("it runs");
    let empty = cluster.database("without_outbox").await;
    let line = CommandLine::with_server(25);
    let queue = Queue::new().await;
    let id = queue.request(Enqueue::new(mail(&["bob@example.net"])).held()).await;
    let path: PathBuf = queue.path();
    let file = path.to_str().expect("it is UTF-8");
    let worker = queue.work([]);
    let registered = || std::fs::read_dir(queue.folder.path().join("outbox.db-files/owners"));
    until(|| registered().is_ok_and(|files| files.count() > 0)).await;
    for (file, to, code, why) in [
        (file, url.as_str(), 64, "a worker still uses it"),
        (file, &empty, 78, "the database has no outbox"),
        (file, "other.db", 64, "only into PostgreSQL"),
        (file, "postgres://u:secret@127.0.0.1/shop", 64, "--to must not hold a password"),
        ("typo.db", &url, 64, "there is no outbox typo.db"),
        (&url, &elsewhere, 64, "only an outbox in a file can be moved"),
    ] {
        let ran = line.run(&["outbox", "move", "--outbox", file, "--to", to]).expect(code);
        assert!(ran.err.contains(why) && ran.err.contains("hint:"), "{ran:?}");
        assert!(!ran.err.contains("secret"), "{ran:?}");
    }
    worker.stop().await;
    queue.outbox.release(&id).await.expect("it is not closed");
    queue.outbox.hold(&id).await.expect("it waits");
    assert!(all(&connect(&url).await).await.is_empty());
    move_to(&line, file, &url).expect(0);
    let ran = line.run(&["outbox", "move", "--outbox", file, "--to", &elsewhere]).expect(78);
    assert!(ran.err.contains("this outbox was moved to the database refused on"), "{ran:?}");
}
