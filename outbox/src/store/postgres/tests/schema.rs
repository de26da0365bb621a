//! The schema: its versions, and who may do what.

use super::cluster::{Cluster, client};
use super::*;
use crate::error::ErrorKind;
use crate::store::suite::{claim, new_run, register, settle};

#[tokio::test]
async fn a_database_needs_a_migration() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("needs_a_migration").await;
    let error = PostgresStore::connect(&url).await.expect_err("there is no schema");
    assert_eq!(error.kind(), ErrorKind::NotAnOutbox);
    assert!(error.hint().expect("a hint").contains("smtp-connector outbox migrate"));
    let both = tokio::join!(PostgresStore::migrate(&url), PostgresStore::migrate(&url));
    let (one, other) = (both.0.expect("it is migrated"), both.1.expect("it is migrated"));
    let mut from = [one.from, other.from];
    from.sort_unstable();
    assert_eq!((from, one.to, other.to), ([0, 1], 1, 1), "the second finds nothing to do");
    PostgresStore::connect(&url).await.expect("the schema is there");
    let missing = PostgresStore::connect(&cluster.url("missing")).await.expect_err("no database");
    assert_eq!(missing.kind(), ErrorKind::NotAnOutbox, "{missing}");
}

#[tokio::test]
async fn another_programs_schema_and_a_newer_version_are_left_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("another_program").await;
    let sql = "CREATE SCHEMA smtp_connector; CREATE TABLE smtp_connector.theirs (a int)";
    client(&url).await.batch_execute(sql).await.expect("it is made");
    for error in [
        PostgresStore::migrate(&url).await.expect_err("it is theirs"),
        PostgresStore::connect(&url).await.expect_err("it is theirs"),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotAnOutbox);
        assert!(error.to_string().contains("another program's"), "{error}");
    }
    let (_store, url) = open("newer_version").await.expect("it is installed");
    let sql = "INSERT INTO smtp_connector.migration (version) VALUES (2)";
    client(&url).await.batch_execute(sql).await.expect("it is written");
    for error in [
        PostgresStore::migrate(&url).await.expect_err("it is newer"),
        PostgresStore::connect(&url).await.expect_err("it is newer"),
        _store.register().await.expect_err("it is newer now"),
    ] {
        assert!(error.to_string().contains("has version 2"), "{error}");
        assert!(error.hint().expect("a hint").contains("newer version of this program"));
    }
}

#[tokio::test]
async fn a_database_must_hold_every_text() {
    let Some(cluster) = Cluster::shared() else { return };
    let sql = "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0";
    cluster.client("postgres").await.batch_execute(sql).await.expect("it is made");
    let error = PostgresStore::migrate(&cluster.url("latin")).await.expect_err("it is LATIN1");
    assert!(error.to_string().contains("LATIN1"), "{error}");
    let (store, _url) = open("every_text").await.expect("it is installed");
    let nul = NewRun { input: "a\0b".to_owned(), ..new_run("work", "1") };
    let error = store.enqueue(nul).await.expect_err("it has a NUL");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_workers_role_works_and_cannot_change_the_schema() {
    let Some((_owner, url)) = open("worker_role").await else { return };
    let cluster = Cluster::shared().expect("it is installed");
    let sql =
        "CREATE ROLE one_worker LOGIN IN ROLE smtp_connector_worker; CREATE ROLE a_stranger LOGIN";
    client(&url).await.batch_execute(sql).await.expect("they are made");
    let url = cluster.url_of("one_worker", "worker_role");
    let store = connect(&url).await;
    store.enqueue(new_run("work", "1")).await.expect("it may");
    let owner = register(&store).await;
    let claimed = claim(&store, &owner, "work", 1).await;
    assert!(store.mark(owner.id.clone(), claimed[0].claim).await.expect("it may"));
    assert!(settle(&store, &owner, claimed[0].claim, RunState::Sent).await);
    assert_eq!(store.latest_event().await.expect("it may"), 1);
    store.recover(&owner).await.expect("it may");
    let hook = WebhookClaim {
        key: "hook".to_owned(),
        place: "https://hook.test".to_owned(),
        lease: LEASE,
        is_first: true,
    };
    let taken = store.take_webhook(&owner, hook.clone()).await.expect("it may");
    assert_eq!(taken.expect("it is free").after, 1);
    assert!(store.settle_webhook(&owner, hook, Posted::Freed).await.expect("it may"));
    assert_eq!(store.webhooks().await.expect("it may").len(), 1);
    let direct = client(&url).await;
    for sql in [
        "ALTER TABLE smtp_connector.run ADD COLUMN mine int",
        "DROP TABLE smtp_connector.run",
        "CREATE TABLE smtp_connector.mine (a int)",
        "UPDATE smtp_connector.migration SET version = 2",
        "TRUNCATE smtp_connector.run",
        "CREATE OR REPLACE FUNCTION smtp_connector.enqueue(text, text, text) RETURNS text LANGUAGE sql AS ''''''",
    ] {
        let error = direct.batch_execute(sql).await.expect_err(sql);
        assert_eq!(error.code().expect("a code").code(), "42501", "{sql}: {error:?}");
    }
    let stranger = cluster.url_of("a_stranger", "worker_role");
    let error = PostgresStore::connect(&stranger).await.expect_err("it may not");
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.hint().expect("a hint").contains("GRANT smtp_connector_worker"), "{error:?}");
    let error = PostgresStore::migrate(&stranger).await.expect_err("it may not");
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}

#[tokio::test]
async fn a_role_that_may_not_create_roles_makes_the_schema_alone() {
    let Some(cluster) = Cluster::start() else { return };
    let superuser = cluster.url("postgres");
    let sql = "CREATE ROLE plain LOGIN; GRANT CREATE ON DATABASE postgres TO plain";
    client(&superuser).await.batch_execute(sql).await.expect("it is made");
    let url = cluster.url_of("plain", "postgres");
    let migrated = PostgresStore::migrate(&url).await.expect("it may make a schema");
    assert_eq!(migrated, Migrated { from: 0, to: 1, has_roles: false });
    connect(&url).await.enqueue(new_run("work", "1")).await.expect("the owner may");
    let sql = "CREATE ROLE smtp_connector_worker; CREATE ROLE smtp_connector_enqueue;
               CREATE ROLE one_worker LOGIN IN ROLE smtp_connector_worker";
    client(&superuser).await.batch_execute(sql).await.expect("they are made");
    let migrated = PostgresStore::migrate(&url).await.expect("it may grant");
    assert_eq!(migrated, Migrated { from: 1, to: 1, has_roles: true });
    let worker = connect(&cluster.url_of("one_worker", "postgres")).await;
    assert_eq!(worker.counts().await.expect("it may").of(RunState::Ready), 1);
}

#[tokio::test]
async fn commits_are_durable_whatever_the_database_says() {
    let Some((_store, url)) = open("durable").await else { return };
    let sql = "ALTER DATABASE durable SET synchronous_commit = off";
    client(&url).await.batch_execute(sql).await.expect("it is set");
    let store = connect(&url).await;
    let show = "SELECT current_setting('synchronous_commit')";
    let in_pool = store.database.run("test", move |session| {
        Box::pin(async move { Ok(session.query_one(show, &[]).await?.get::<_, String>(0)) })
    });
    assert_eq!(in_pool.await.expect("it is read"), "on");
    let theirs: String = client(&url).await.query_one(show, &[]).await.expect("it is read").get(0);
    assert_eq!(theirs, "off", "the setting holds for others");
}
