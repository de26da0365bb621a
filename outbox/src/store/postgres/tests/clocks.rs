//! Clocks that are wrong: a worker's, and the server's.

use super::cluster::client;
use super::*;
use crate::store::suite::{claim, fill, new_run, recover, register, settle, settlement, state};
use crate::timestamp::Timestamp;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn the_clock_of_who_queues_does_not_decide() {
    let Some((store, _url)) = open("clients_clock").await else { return };
    for now in [Timestamp::now().after(HOUR), Timestamp::now().before(24 * HOUR)] {
        let off = NewRun {
            created_at: now,
            next_try: now,
            expires_at: now.after(HOUR),
            ..new_run("work", "1")
        };
        let ticket = store.enqueue(off).await.expect("it is stored");
        let run = store.run(ticket.id).await.expect("it is read").expect("it is there");
        assert_eq!(run.expires_at.since(run.created_at), HOUR);
        assert!(Timestamp::now().since(run.created_at) < HOUR / 2, "{}", run.created_at);
        assert!(run.created_at.since(Timestamp::now()) < HOUR / 2, "{}", run.created_at);
    }
    let ended = store.expire("work".to_owned(), None).await;
    assert_eq!(ended.expect("it is asked"), 0);
    let owner = register(&store).await;
    assert_eq!(claim(&store, &owner, "work", 5).await.len(), 2, "both are due");
}

#[tokio::test]
async fn a_retry_waits_for_its_pause_by_the_servers_clock() {
    let Some((store, _url)) = open("retry_clock").await else { return };
    fill(&store, "work", 1).await;
    let owner = register(&store).await;
    let claimed = claim(&store, &owner, "work", 1).await;
    let later = Settlement {
        next_try: Timestamp::now().after(Duration::from_secs(3)),
        ..settlement(claimed[0].claim, RunState::Ready)
    };
    assert!(store.settle(&owner, later).await.expect("it is written"));
    assert!(claim(&store, &owner, "work", 1).await.is_empty());
    tokio::time::sleep(Duration::from_millis(3100)).await;
    assert_eq!(claim(&store, &owner, "work", 1).await.len(), 1);
}

/// A jump of the server's clock is the same as the opposite jump of all times that it has written.
#[tokio::test]
async fn a_server_whose_clock_jumps_ahead_sends_nothing_twice() {
    let Some((store, url)) = open("clock_ahead").await else { return };
    let other = connect(&url).await;
    fill(&store, "work", 2).await;
    let (owner, watcher) = (register(&store).await, register(&other).await);
    let claimed = claim(&store, &owner, "work", 2).await;
    assert!(store.mark(owner.id.clone(), claimed[0].claim).await.expect("it is marked"));
    jump(&url, "- interval '1 hour'").await;
    // All leases have ended, though all workers live.
    assert_eq!(recover(&other, &watcher).await, Recovered { ready: 1, unknown: 1 });
    assert!(!store.mark(owner.id.clone(), claimed[1].claim).await.expect("it is asked"));
    assert!(settle(&store, &owner, claimed[0].claim, RunState::Sent).await, "the answer is late");
    assert_eq!(state(&store, &claimed[0].id).await, RunState::Sent);
    let again = claim(&other, &watcher, "work", 2).await;
    assert_eq!((again.len(), &again[0].id), (1, &claimed[1].id));
    assert!(other.mark(watcher.id.clone(), again[0].claim).await.expect("it has a new lease"));
}

#[tokio::test]
async fn a_server_whose_clock_jumps_back_recovers_the_dead_soon() {
    let Some((store, url)) = open("clock_back").await else { return };
    fill(&store, "work", 2).await;
    let live = register(&store).await;
    let kept = claim(&store, &live, "work", 1).await;
    let killed = worker_that_is_killed(url.clone()).await;
    jump(&url, "+ interval '1 hour'").await;
    let watcher = register(&store).await;
    assert_eq!(store.recover(&watcher).await.expect("it is asked"), Recovered::default());
    assert_eq!(state(&store, &killed.id).await, RunState::Leased, "its lease was valid");
    assert_eq!(recover(&store, &watcher).await, Recovered { ready: 1, unknown: 0 });
    assert_eq!(state(&store, &killed.id).await, RunState::Ready);
    assert!(store.mark(live.id.clone(), kept[0].claim).await.expect("it lives"));
}

/// Takes a run in a worker that ends without a word: its tasks end with its runtime.
async fn worker_that_is_killed(url: String) -> Claimed {
    let work = async move {
        let store = connect(&url).await;
        let owner = register(&store).await;
        let claimed = claim(&store, &owner, "work", 1).await.remove(0);
        std::mem::forget(owner);
        claimed
    };
    let process = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.expect("a runtime").block_on(work)
    });
    tokio::task::spawn_blocking(|| process.join().expect("it does not panic"))
        .await
        .expect("it ends")
}

async fn jump(url: &str, by: &str) {
    let sql = format!("UPDATE smtp_connector.worker SET lease_until = lease_until {by}");
    client(url).await.batch_execute(&sql).await.expect("it jumps");
}
