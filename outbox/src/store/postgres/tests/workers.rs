//! Several workers at the same time.

use std::collections::HashSet;

use super::cluster::{Cluster, client};
use super::*;
use crate::error::ErrorKind;
use crate::store::suite::{
    claim, fill, free, new_run, recover, register, settle, settlement, state,
};
use crate::store::{Effect, Pace};

#[tokio::test]
async fn limits_hold_while_workers_take_runs_at_the_same_time() {
    let Some((store, url)) = open("limits").await else { return };
    for account in ["day", "free", "minute", "slots"] {
        fill(&store, account, 30).await;
    }
    let paces = [
        ("day", Pace { per_day: Some(7), ..free() }),
        ("free", free()),
        ("minute", Pace { per_minute: Some(5), ..free() }),
        ("slots", Pace { connections: 3, ..free() }),
    ];
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..8_usize {
        let (url, mut paces) = (url.clone(), paces.clone());
        // Each asks in another order.
        paces.rotate_left(number % 4);
        workers.spawn(async move {
            let store = connect(&url).await;
            let owner = register(&store).await;
            let mut taken = Vec::new();
            for _ in 0..5 {
                let share = |(account, pace): &(&str, Pace)| Share {
                    account: (*account).to_owned(),
                    most: 2,
                    pace: pace.clone(),
                };
                let shares = paces.iter().map(share).collect();
                taken.extend(store.claim(&owner, shares).await.expect("no deadlock"));
            }
            // The owners live until all are done.
            (store, owner, taken)
        });
    }
    let done = workers.join_all().await;
    let all: Vec<_> = done.iter().flat_map(|(_, _, taken)| taken).collect();
    let of = |account: &str| all.iter().filter(|run| run.account == account).count();
    assert_eq!(["day", "free", "minute", "slots"].map(of), [7, 30, 5, 3]);
    let runs: HashSet<_> = all.iter().map(|run| &run.id).collect();
    assert_eq!(runs.len(), all.len(), "no run was taken twice");
}

#[tokio::test]
async fn a_worker_that_was_silent_cannot_send_what_another_one_took() {
    let Some((store, url)) = open("fence").await else { return };
    let other = connect(&url).await;
    fill(&store, "work", 2).await;
    let (owner, successor) = (register(&store).await, register(&other).await);
    let claimed = claim(&store, &owner, "work", 2).await;
    assert!(store.mark(owner.id.clone(), claimed[0].claim).await.expect("it is marked"));
    // The process is stopped for longer than its lease: nothing renews it.
    end_lease(&url, &owner).await;
    let marked = store.mark(owner.id.clone(), claimed[1].claim).await;
    assert!(
        !marked.expect("it is asked"),
        "no dot without a lease, though no other worker took the run"
    );
    assert_eq!(recover(&other, &successor).await, Recovered { ready: 1, unknown: 1 });
    let again = claim(&other, &successor, "work", 2).await;
    assert_eq!((again.len(), &again[0].id, again[0].attempt), (1, &claimed[1].id, 2));
    // Both believe that they own the run now. Only one of them can send the dot and write a result.
    assert!(!store.mark(owner.id.clone(), claimed[1].claim).await.expect("it is asked"));
    assert!(!settle(&store, &owner, claimed[1].claim, RunState::Ready).await);
    assert!(other.mark(successor.id.clone(), again[0].claim).await.expect("it is marked"));
    assert!(settle(&other, &successor, again[0].claim, RunState::Sent).await);
    // The first had sent the end of the other run's message, and tells the outcome late.
    assert_eq!(state(&store, &claimed[0].id).await, RunState::Unknown);
    assert!(settle(&store, &owner, claimed[0].claim, RunState::Sent).await);
    assert_eq!(state(&store, &claimed[0].id).await, RunState::Sent);
}

#[tokio::test]
async fn a_worker_that_takes_its_own_run_again_has_one_attempt_that_counts() {
    let Some((store, url)) = open("own_run").await else { return };
    let other = connect(&url).await;
    fill(&store, "work", 1).await;
    let (owner, watcher) = (register(&store).await, register(&other).await);
    let first = claim(&store, &owner, "work", 1).await[0].claim;
    end_lease(&url, &owner).await;
    assert_eq!(recover(&other, &watcher).await.ready, 1);
    let second = claim(&store, &owner, "work", 1).await[0].claim;
    assert!(!store.mark(owner.id.clone(), first).await.expect("it is asked"));
    assert!(store.mark(owner.id.clone(), second).await.expect("it has a new lease"));
    assert!(!settle(&store, &owner, first, RunState::Ready).await, "the first attempt is over");
    assert!(settle(&store, &owner, second, RunState::Sent).await);
}

#[tokio::test]
async fn a_lease_lasts_as_long_as_its_worker() {
    let Some((store, _url)) = open("heartbeat").await else { return };
    fill(&store, "work", 1).await;
    let (owner, watcher) = (register(&store).await, register(&store).await);
    let claimed = claim(&store, &owner, "work", 1).await;
    tokio::time::sleep(2 * LEASE).await;
    assert_eq!(store.recover(&watcher).await.expect("it is asked"), Recovered::default());
    assert!(store.mark(owner.id.clone(), claimed[0].claim).await.expect("the lease lasts"));
}

#[tokio::test]
async fn a_reader_of_events_misses_none_that_commits_late() {
    let Some((store, url)) = open("late_events").await else { return };
    let mut slow = client(&url).await;
    let late = slow.transaction().await.expect("it begins");
    let note = "INSERT INTO smtp_connector.event (kind, account) VALUES ('sent', $1)";
    // The first takes its id first, and commits last.
    late.execute(note, &[&"first"]).await.expect("it is stored");
    client(&url).await.execute(note, &[&"second"]).await.expect("it is stored");
    let read = async |after| {
        let events = store.events(after, 10).await.expect("they are read");
        events.into_iter().map(|event| (event.id, event.account)).collect::<Vec<_>>()
    };
    assert_eq!(read(0).await, [(1, "second".to_owned())]);
    late.commit().await.expect("it commits");
    assert_eq!(read(1).await, [(2, "first".to_owned())]);
    assert_eq!(store.latest_event().await.expect("it is read"), 2);
}

#[tokio::test]
async fn a_large_input_is_read_when_its_run_begins() {
    let Some((store, _url)) = open("large").await else { return };
    let text = "é".repeat(1_000_000);
    let large = NewRun {
        input: text.clone(),
        keywords: Some(text.clone()),
        captured: Some(text.clone()),
        ..new_run("work", "1")
    };
    let ticket = store.enqueue(large).await.expect("it is stored");
    let owner = register(&store).await;
    let claimed = claim(&store, &owner, "work", 1).await;
    let input = claimed[0].input.clone();
    assert!(matches!(input.input, crate::store::Text::Later(_)), "a claim takes many runs");
    let captured = input.captured.clone().expect("it is there");
    assert!(matches!(captured, crate::store::Text::Later(_)), "so are its attachments");
    assert_eq!(captured.read().await.expect("it is read"), text);
    let read = input.read().await.expect("it is read");
    assert_eq!((read.input, read.keywords), (text.clone(), Some(text.clone())));
    let asked = store.input(ticket.id).await.expect("it is read").expect("it is there");
    assert_eq!(asked.read().await.expect("it is read").input, text);
}

#[tokio::test]
async fn each_pause_of_an_account_in_a_row_is_longer() {
    let Some((store, url)) = open("pauses").await else { return };
    fill(&store, "work", 1).await;
    let owner = register(&store).await;
    let direct = client(&url).await;
    let mut minutes = Vec::new();
    for _ in 0..9 {
        let claimed = claim(&store, &owner, "work", 1).await;
        let reason = "no\0login".to_owned();
        let effect =
            Effect::Pause { wait: Duration::from_secs(60), code: "auth".to_owned(), reason };
        let paused = Settlement { effect, ..settlement(claimed[0].claim, RunState::Ready) };
        assert!(store.settle(&owner, paused).await.expect("it is written"));
        let sql = "SELECT round(extract(epoch FROM paused_until - clock_timestamp()) / 60)::int
                     FROM smtp_connector.account";
        minutes.push(direct.query_one(sql, &[]).await.expect("it is read").get::<_, i32>(0));
        let sql = "UPDATE smtp_connector.account SET paused_until = clock_timestamp() - interval '1 second'";
        direct.batch_execute(sql).await.expect("the pause is over");
    }
    assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    let paused = store.paused_accounts().await.expect("it is read");
    assert_eq!(paused[0].reason, "no\u{fffd}login");
}

#[tokio::test]
async fn a_server_without_a_free_connection_is_an_error_that_passes() {
    let Some((_store, url)) = open("full").await else { return };
    let sql = "CREATE ROLE limited LOGIN IN ROLE smtp_connector_worker CONNECTION LIMIT 0";
    client(&url).await.batch_execute(sql).await.expect("it is made");
    let cluster = Cluster::shared().expect("it is installed");
    let refused = PostgresStore::connect(&cluster.url_of("limited", "full")).await;
    let error = refused.expect_err("it has no connection");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.hint().expect("a hint").contains("max_connections"));
}

/// Ends the lease of a worker, as if it had been silent for as long.
async fn end_lease(url: &str, owner: &Owner) {
    let sql = "UPDATE smtp_connector.worker SET lease_until = clock_timestamp() - interval '1 ms' WHERE id = $1";
    client(url).await.execute(sql, &[&owner.id.0]).await.expect("it is ended");
}
