//! The tests of webhooks: which worker serves one, and what the store remembers of it.

use std::sync::Mutex;

use super::*;

/// A lease that lasts as long as a test.
const LONG: Duration = Duration::from_secs(600);

pub(crate) async fn a_webhook_begins_with_the_next_event(store: &dyn Store) {
    happen(store, 2).await;
    let owner = register(store).await;
    let taken = take(store, &owner, "hook", LONG).await.expect("it is free");
    assert_eq!(store.latest_event().await.expect("it is read"), taken.after);
    happen(store, 3).await;
    let events = store.events(taken.after, 10).await.expect("they are read");
    assert_eq!(events.len(), 3);
    let again = take(store, &owner, "hook", LONG).await.expect("it is the owner's");
    assert_eq!(again, taken, "it is not new any more");
    let other = take(store, &owner, "other", LONG).await.expect("it is free");
    assert_eq!(other.after, events[2].id);
    assert_ne!(other.prefix, taken.prefix);
}

pub(crate) async fn a_webhook_is_one_workers_until_its_lease_ends(store: &dyn Store) {
    let (first, second) = (register(store).await, register(store).await);
    let lease = Duration::from_secs(2);
    let taken = take(store, &first, "hook", LONG).await.expect("it is free");
    assert_eq!(take(store, &second, "hook", LONG).await, None, "the first worker has it");
    assert!(!settle(store, &second, Posted::Accepted { event: taken.after + 1 }).await);
    assert!(take(store, &second, "other", LONG).await.is_some(), "each webhook has its own lease");
    assert!(settle(store, &first, Posted::Freed).await);
    assert!(!settle(store, &first, Posted::Accepted { event: taken.after + 1 }).await);
    assert!(take(store, &second, "hook", lease).await.is_some(), "it was freed");
    assert_eq!(take(store, &first, "hook", lease).await, None);
    // The second worker dies: it renews nothing.
    tokio::time::sleep(Duration::from_millis(2300)).await;
    let over = take(store, &first, "hook", LONG).await.expect("the lease has ended");
    assert_eq!((over.after, over.prefix), (taken.after, taken.prefix), "it goes on there");
    assert!(!settle(store, &second, Posted::Freed).await, "a late worker changes nothing");
    let back = take(store, &second, "hook", lease).await;
    assert!(back.is_some(), "a lease that is too long comes from a clock that was set back");
}

pub(crate) async fn a_webhook_keeps_its_place_its_failures_and_its_pause(store: &dyn Store) {
    let owner = register(store).await;
    let taken = take(store, &owner, "hook", LONG).await.expect("it is free");
    happen(store, 3).await;
    let events = store.events(taken.after, 10).await.expect("they are read");
    assert!(settle(store, &owner, Posted::Accepted { event: events[0].id }).await);
    let refused = Posted::Refused { pause: Duration::from_secs(60), why: "status 500".to_owned() };
    assert!(settle(store, &owner, refused.clone()).await);
    assert!(settle(store, &owner, refused).await);
    let state = store.webhooks().await.expect("they are read").remove(0);
    assert_eq!((state.after, state.failures), (events[0].id, 2));
    assert_eq!((state.why.as_deref(), state.is_gone), (Some("status 500"), false));
    let pause = state.next_try.expect("it pauses").since(Timestamp::now());
    assert!((Duration::from_secs(30)..=Duration::from_secs(61)).contains(&pause), "{pause:?}");
    assert_eq!(state.place, "https://hook.test");
    assert_eq!(take_again(store, &owner).await, None, "it pauses");
    let again = take(store, &owner, "hook", LONG).await.expect("a new worker does not wait");
    assert_eq!((again.after, again.failures, again.prefix), (events[0].id, 2, taken.prefix));
    assert!(settle(store, &owner, Posted::Accepted { event: events[1].id }).await);
    assert!(!settle(store, &owner, Posted::Accepted { event: events[0].id }).await, "not back");
    let state = store.webhooks().await.expect("they are read").remove(0);
    assert_eq!((state.after, state.failures, state.why), (events[1].id, 0, None));
    assert_eq!(state.next_try, None);
    assert!(take_again(store, &owner).await.is_some(), "the pause has ended");
}

pub(crate) async fn a_webhook_that_is_gone_is_left_alone(store: &dyn Store) {
    let owner = register(store).await;
    let taken = take(store, &owner, "hook", LONG).await.expect("it is free");
    assert!(settle(store, &owner, Posted::Gone { why: "status 410".to_owned() }).await);
    assert!(store.webhooks().await.expect("they are read")[0].is_gone);
    let other = register(store).await;
    assert_eq!(take_again(store, &other).await, None);
    let again = take(store, &other, "hook", LONG).await.expect("a new worker tries it");
    assert_eq!((again.after, again.failures), (taken.after, 1));
    assert!(!store.webhooks().await.expect("they are read")[0].is_gone);
}

pub(crate) async fn a_webhook_gets_each_event_from_one_of_several_workers(store: &dyn Store) {
    let owners = [register(store).await, register(store).await, register(store).await];
    take(store, &owners[0], "hook", LONG).await.expect("it is free");
    assert!(settle(store, &owners[0], Posted::Freed).await);
    happen(store, 30).await;
    let latest = store.latest_event().await.expect("it is read");
    let posted = Mutex::new(Vec::new());
    let work = async |owner: &Owner| loop {
        let Some(taken) = take(store, owner, "hook", LONG).await else {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        for event in store.events(taken.after, 2).await.expect("they are read") {
            posted.lock().expect("no panic").push(event.id);
            // The others get a turn while the post is under way.
            tokio::task::yield_now().await;
            assert!(settle(store, owner, Posted::Accepted { event: event.id }).await);
        }
        assert!(settle(store, owner, Posted::Freed).await);
        if taken.after == latest {
            break;
        }
    };
    let all = async { tokio::join!(work(&owners[0]), work(&owners[1]), work(&owners[2])) };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("they end");
    let posted = posted.into_inner().expect("no panic");
    let events = store.events(0, 100).await.expect("they are read");
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(posted, ids, "each once, and in order");
}

pub(crate) async fn a_webhook_that_no_worker_serves_is_forgotten(store: &dyn Store) {
    let owner = register(store).await;
    take(store, &owner, "hook", LONG).await.expect("it is free");
    let past = Timestamp::from_millis(0);
    let keep = Retention { inputs_before: past, runs_before: past, webhooks_before: past };
    store.prune(keep).await.expect("it is asked");
    assert_eq!(store.webhooks().await.expect("they are read").len(), 1);
    let forget = Retention { webhooks_before: in_an_hour(), ..keep };
    store.prune(forget).await.expect("it is asked");
    assert_eq!(store.webhooks().await.expect("they are read"), []);
    assert!(!settle(store, &owner, Posted::Freed).await);
}

fn wanted(key: &str, lease: Duration, is_first: bool) -> WebhookClaim {
    WebhookClaim { key: key.to_owned(), place: format!("https://{key}.test"), lease, is_first }
}

async fn take(
    store: &dyn Store,
    owner: &Owner,
    key: &str,
    lease: Duration,
) -> Option<TakenWebhook> {
    store.take_webhook(owner, wanted(key, lease, true)).await.expect("it is asked")
}

/// Takes the webhook as a worker does that took it before.
async fn take_again(store: &dyn Store, owner: &Owner) -> Option<TakenWebhook> {
    store.take_webhook(owner, wanted("hook", LONG, false)).await.expect("it is asked")
}

async fn settle(store: &dyn Store, owner: &Owner, posted: Posted) -> bool {
    let claim = wanted("hook", LONG, false);
    store.settle_webhook(owner, claim, posted).await.expect("it is written")
}

/// Makes events: mails that are cancelled.
async fn happen(store: &dyn Store, number: usize) {
    for _ in 0..number {
        let ticket = store.enqueue(new_run("work", "1")).await.expect("it is stored");
        store.change(ticket.id, Change::Cancel).await.expect("it is cancelled");
    }
}
