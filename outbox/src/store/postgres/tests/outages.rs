//! A server that is away: stopped, restarted in the middle of work, silent, or not who it should be. Each test has a server
//! that others do not use.

use std::sync::Arc;
use std::time::Instant;

use tokio::net::TcpListener;

use super::cluster::client;
use super::*;
use crate::error::ErrorKind;
use crate::store::suite::{claim, fill, free, new_run, register, settle, settlement};

#[tokio::test]
async fn a_server_that_is_away_is_a_pause_and_loses_nothing() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.database("away").await;
    PostgresStore::migrate(&url).await.expect("it is migrated");
    let store = connect(&url).await;
    fill(&store, "work", 3).await;
    let owner = register(&store).await;
    let claimed = claim(&store, &owner, "work", 2).await;
    assert!(store.mark(owner.id.clone(), claimed[0].claim).await.expect("it is marked"));
    cluster.stop();
    let begun = Instant::now();
    let errors = [
        store.enqueue(new_run("work", "4")).await.map(drop),
        store.mark(owner.id.clone(), claimed[1].claim).await.map(drop),
        store.settle(&owner, settlement(claimed[0].claim, RunState::Sent)).await.map(drop),
        store.recover(&owner).await.map(drop),
        store.events(0, 1).await.map(drop),
        store.register().await.map(drop),
        PostgresStore::connect(&url).await.map(drop),
        PostgresStore::migrate(&url).await.map(drop),
    ];
    for error in errors {
        let error = error.expect_err("the server is away");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert!(error.is_transient());
        assert!(error.to_string().contains("away on 127.0.0.1"), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let waited = tokio::time::timeout(Duration::from_secs(5), store.changed()).await;
    assert!(waited.is_ok(), "a worker asks without a bell");
    // Longer than the lease: its runs could be taken now, but no other worker is there.
    tokio::time::sleep(LEASE + Duration::from_millis(500)).await;
    cluster.start_again();
    // As a worker does: a connection of the time before may fail once more.
    let settled = loop {
        match store.settle(&owner, settlement(claimed[0].claim, RunState::Sent)).await {
            Err(error) if error.is_transient() => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            settled => break settled.expect("it is written at last"),
        }
    };
    assert!(settled, "it is still the owner's");
    for _ in 0..100 {
        if store.mark(owner.id.clone(), claimed[1].claim).await.expect("it is asked") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(settle(&store, &owner, claimed[1].claim, RunState::Sent).await, "its lease is back");
    let counts = store.counts().await.expect("it counts");
    assert_eq!((counts.of(RunState::Sent), counts.of(RunState::Ready)), (2, 1));
    let direct = client(&url).await;
    // A ring from before is told right after that.
    let listening = "SELECT count(*) FROM pg_stat_activity WHERE query IN ('LISTEN smtp_connector', 'NOTIFY smtp_connector')";
    for _ in 0..200 {
        let found = direct.query_one(listening, &[]).await.expect("it is read").get::<_, i64>(0);
        if found == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the bell listens again");
}

/// Four workers take, mark and settle runs while the server is restarted. "Sent" counts the final dots: as in a worker, a
/// dot is sent only after a mark that was answered, and a settlement is repeated until it is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_in_the_middle_of_work_lose_nothing_and_send_nothing_twice() {
    const RUNS: usize = 300;
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.database("restarts").await;
    PostgresStore::migrate(&url).await.expect("it is migrated");
    let store = connect(&url).await;
    let dots = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        // Before the first restart, which they would meet as an error.
        let worker = connect(&url).await;
        let owner = register(&worker).await;
        workers.spawn(work(worker, owner, Arc::clone(&dots), RUNS));
    }
    for number in 0..RUNS {
        let run = NewRun {
            key: Some(number.to_string()),
            hash: Some(vec![1]),
            ..new_run("work", &number.to_string())
        };
        // A request that fails is repeated with its key.
        while let Err(error) = store.enqueue(run.clone()).await {
            assert!(error.is_transient(), "{error:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if number % 100 == 50 {
            cluster.stop();
            tokio::time::sleep(Duration::from_millis(200)).await;
            cluster.start_again();
        }
    }
    let ended = tokio::time::timeout(Duration::from_secs(120), workers.join_all()).await;
    let counts = store.counts().await.expect("it counts");
    ended.unwrap_or_else(|_| panic!("not all were sent: {counts:?}"));
    let mut dots = dots.lock().expect("no worker panicked").clone();
    let sent = dots.len();
    dots.sort();
    dots.dedup();
    assert_eq!((dots.len(), sent), (RUNS, RUNS), "each once");
    assert_eq!(counts.of(RunState::Sent), RUNS as u64, "{counts:?}");
}

/// Works until all runs are sent.
async fn work(
    store: PostgresStore,
    owner: Owner,
    dots: Arc<std::sync::Mutex<Vec<RunId>>>,
    all: usize,
) {
    while dots.lock().expect("no worker panicked").len() < all {
        let share = Share { account: "work".to_owned(), most: 5, pace: free() };
        let Ok(claimed) = store.claim(&owner, vec![share]).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if claimed.is_empty() {
            let _ = store.recover(&owner).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for run in claimed {
            let is_marked = matches!(store.mark(owner.id.clone(), run.claim).await, Ok(true));
            if is_marked {
                dots.lock().expect("no worker panicked").push(run.id.clone());
            }
            let state = if is_marked { RunState::Sent } else { RunState::Ready };
            while store.settle(&owner, settlement(run.claim, state)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_an_error_after_a_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let url = format!("postgres://u:secret@127.0.0.1:{port}/mail");
    let begun = Instant::now();
    let error = PostgresStore::connect(&url).await.expect_err("it says nothing");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_servers_certificate_is_checked() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.database("tls").await.replace("127.0.0.1", "localhost");
    PostgresStore::migrate(&url).await.expect("it is migrated");
    let required = format!("{url}?sslmode=require");
    let error = PostgresStore::connect(&required).await.expect_err("it has no TLS");
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error:?}");
    assert!(error.hint().expect("a hint").contains("switch on ssl"), "{error:?}");
    let authority = cluster.use_tls();
    let error = PostgresStore::connect(&required).await.expect_err("no authority signed it");
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error:?}");
    assert!(error.hint().expect("a hint").contains("sslrootcert"), "{error:?}");
    let trusted = format!("{required}&sslrootcert={}", authority.display());
    let error = PostgresStore::connect(&trusted.replace("localhost", "127.0.0.1")).await;
    assert_eq!(error.expect_err("another name").kind(), ErrorKind::Forbidden);
    let store = connect(&trusted).await;
    let is_encrypted = store.database.run("test", |session| {
        Box::pin(async move {
            let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            Ok(session.query_one(sql, &[]).await?.get::<_, bool>(0))
        })
    });
    assert!(is_encrypted.await.expect("it is read"));
}
