//! The SQL function with which a platform queues mail in its own transaction.

use std::sync::Arc;

use smtp_connector_host::Invocation;

use super::cluster::{Cluster, client};
use super::*;
use crate::enqueue::Enqueue;
use crate::error::ErrorKind;
use crate::store::Text;
use crate::store::suite::{claim, register};
use crate::timestamp::Timestamp;

const ENQUEUE: &str = "SELECT smtp_connector.enqueue($1, $2::text, $3)";
const INPUT: &str = r#"{"to": "bob@example.com", "subject": "Grüße"}"#;

#[tokio::test]
async fn a_mail_and_its_order_commit_together_or_not_at_all() {
    let Some((store, url)) = open("together").await else { return };
    let mut platform = client(&url).await;
    platform.batch_execute("CREATE TABLE orders (id int)").await.expect("it is made");
    for commits in [false, true] {
        let transaction = platform.transaction().await.expect("it begins");
        transaction.execute("INSERT INTO orders VALUES (1)", &[]).await.expect("it is stored");
        transaction
            .query_one(ENQUEUE, &[&"work", &INPUT, &Some("order-1")])
            .await
            .expect("it is stored");
        let counts = store.counts().await.expect("it counts");
        assert_eq!(counts.of(RunState::Ready), 0, "it is not there before the commit");
        match commits {
            true => transaction.commit().await.expect("it commits"),
            false => transaction.rollback().await.expect("it rolls back"),
        }
        let counts = store.counts().await.expect("it counts");
        assert_eq!(counts.of(RunState::Ready), u64::from(commits));
    }
    let owner = register(&store).await;
    let claimed = claim(&store, &owner, "work", 5).await;
    let [one] = &claimed[..] else { panic!("one mail") };
    assert_eq!(
        (one.action.as_str(), &one.input.input),
        ("send-mail", &Text::Inline(INPUT.to_owned()))
    );
    let now = Timestamp::now().as_millis().unsigned_abs() / 1000;
    assert!(now.abs_diff(one.started_at) < 60, "{}", one.started_at);
    let run = store.run(one.id.clone()).await.expect("it is read").expect("it is there");
    assert_eq!(run.expires_at.since(run.next_try), Duration::from_secs(4 * 24 * 3600));
}

#[tokio::test]
async fn rust_and_sql_know_the_same_keys() {
    let Some((store, url)) = open("same_keys").await else { return };
    let sql = client(&url).await;
    let from_rust = async |input: &str, key: &str| {
        let request = Enqueue::new(Invocation::send_mail(input).account("work")).key(key);
        let run =
            request.into_run(Timestamp::now(), Duration::from_secs(3600)).expect("it is valid");
        store.enqueue(run).await
    };
    let from_sql = async |input: &str, key: &str| {
        let row = sql.query_one(ENQUEUE, &[&"work", &input, &Some(key)]).await;
        row.map(|row| RunId::from(row.get::<_, String>(0)))
    };
    let first = from_rust(INPUT, "rust-first").await.expect("it is stored");
    assert_eq!(from_sql(INPUT, "rust-first").await.expect("it is known"), first.id);
    let id = from_sql(INPUT, "sql-first").await.expect("it is stored");
    let again = from_rust(INPUT, "sql-first").await.expect("it is known");
    assert_eq!((again.id, again.is_new, again.state), (id, false, RunState::Ready));
    assert_eq!(store.counts().await.expect("it counts").of(RunState::Ready), 2);
    let error = from_sql("{}", "rust-first").await.expect_err("it is another mail");
    let error = error.as_db_error().expect("the server's").clone();
    assert_eq!(error.code().code(), "SC001");
    assert!(error.message().contains(first.id.as_str()), "{}", error.message());
    assert!(error.hint().is_some());
    let error = from_rust("{}", "sql-first").await.expect_err("it is another mail");
    assert_eq!(error.kind(), ErrorKind::KeyReused);
    for (account, input, key) in [
        (None, Some(INPUT), None),
        (Some("work"), None, None),
        (Some(""), Some(INPUT), None),
        (Some("work"), Some(INPUT), Some(String::new())),
        (Some("work"), Some(INPUT), Some("k".repeat(513))),
    ] {
        let error = sql.query_one(ENQUEUE, &[&account, &input, &key]).await.expect_err("not valid");
        assert_eq!(error.code().expect("a code").code(), "SC002");
    }
    let json = "SELECT smtp_connector.enqueue('work', jsonb_build_object('to', 'bob@example.com'), 'json')";
    let ids = [sql.query_one(json, &[]).await, sql.query_one(json, &[]).await];
    let ids = ids.map(|row| row.expect("it is stored").get::<_, String>(0));
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn many_requests_with_one_key_at_once_are_one_mail() {
    let Some((store, url)) = open("one_key").await else { return };
    let stores = [Arc::new(store), Arc::new(connect(&url).await)];
    let request = |number: usize| {
        let store = Arc::clone(&stores[number % 2]);
        let mail = Enqueue::new(Invocation::send_mail(INPUT).account("work")).key("order-1");
        let run = mail.into_run(Timestamp::now(), Duration::from_secs(3600)).expect("it is valid");
        async move { store.enqueue(run).await }
    };
    let mut all = tokio::task::JoinSet::new();
    for number in 0..20 {
        all.spawn(request(number));
    }
    let tickets: Vec<_> =
        all.join_all().await.into_iter().map(|ticket| ticket.expect("it is stored")).collect();
    assert!(tickets.iter().all(|ticket| ticket.id == tickets[0].id));
    assert_eq!(tickets.iter().filter(|ticket| ticket.is_new).count(), 1);
    assert_eq!(stores[0].counts().await.expect("it counts").of(RunState::Ready), 1);
}

#[tokio::test]
async fn a_platforms_role_can_queue_and_read_nothing() {
    let Some((_store, url)) = open("enqueue_role").await else { return };
    let sql = "CREATE ROLE a_platform LOGIN IN ROLE smtp_connector_enqueue";
    client(&url).await.batch_execute(sql).await.expect("it is made");
    let cluster = Cluster::shared().expect("it is installed");
    let platform = client(&cluster.url_of("a_platform", "enqueue_role")).await;
    platform.query_one(ENQUEUE, &[&"work", &INPUT, &None::<String>]).await.expect("it may");
    // A table of the caller's does not take the place of the outbox's.
    let sql = "CREATE TEMPORARY TABLE run (run_id text); SET search_path = pg_temp";
    platform.batch_execute(sql).await.expect("it is made");
    platform.query_one(ENQUEUE, &[&"work", &INPUT, &Some("k")]).await.expect("it may");
    let stored = client(&url).await.query_one("SELECT count(*) FROM smtp_connector.run", &[]).await;
    assert_eq!(stored.expect("it is read").get::<_, i64>(0), 2);
    for sql in ["SELECT * FROM smtp_connector.run_input", "DELETE FROM smtp_connector.run"] {
        let error = platform.batch_execute(sql).await.expect_err(sql);
        assert_eq!(error.code().expect("a code").code(), "42501");
    }
}

#[tokio::test]
async fn workers_hear_of_a_commit_at_once() {
    let Some((store, url)) = open("heard").await else { return };
    let other = connect(&url).await;
    let platform = client(&url).await;
    // The bell begins to listen some time after the store is open.
    let listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'heard' AND query IN ('LISTEN smtp_connector', 'NOTIFY smtp_connector')";
    let listens = async {
        while platform.query_one(listening, &[]).await.expect("it is read").get::<_, i64>(0) < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), listens).await.expect("both listen in time");
    let mut fastest = Duration::MAX;
    for from_sql in [true, false, true, false, true, false] {
        // Until an old change is no longer heard.
        while tokio::time::timeout(Duration::from_millis(300), store.changed()).await.is_ok() {}
        let begun = tokio::time::Instant::now();
        match from_sql {
            true => drop(platform.query_one(ENQUEUE, &[&"work", &INPUT, &None::<String>]).await),
            false => drop(other.enqueue(crate::store::suite::new_run("work", "1")).await),
        }
        store.changed().await;
        fastest = fastest.min(begun.elapsed());
    }
    // Without a bell, each takes a second. A busy machine may delay some.
    assert!(fastest < Duration::from_millis(700), "{fastest:?}");
}
