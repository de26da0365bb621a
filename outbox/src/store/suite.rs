//! The tests that every store passes.

mod expiry;
mod webhooks;

use std::time::Duration;

use super::*;
use crate::error::ErrorKind;
use crate::run::RecipientState;

/// Declares the tests for a store. `$open` is an async function that returns a new, empty store and what must outlive
/// it; it takes another name in each test.
macro_rules! suite {
    ($open:path, [$($name:ident),+ $(,)?]) => {
        $(
            #[tokio::test]
            async fn $name() {
                let Some((store, _kept)) = $open(stringify!($name)).await else { return };
                crate::store::suite::$name(&store).await;
            }
        )+
    };
    ($open:path) => {
        $crate::store::suite::suite!($open, [
            a_run_goes_from_ready_to_sent,
            a_known_key_gets_the_first_ticket,
            runs_are_taken_only_within_the_accounts_limits,
            a_paused_account_waits_and_is_then_tried_by_one_run,
            a_warm_up_limits_the_first_days,
            accounts_are_found_in_turn,
            a_result_counts_only_from_the_owner,
            a_late_answer_settles_an_unknown_run,
            runs_of_a_dead_owner_are_recovered,
            a_run_that_kills_its_workers_fails,
            a_run_that_expires_fails_with_its_last_error,
            an_expired_run_is_reported_in_the_same_transaction,
            people_change_only_runs_that_are_not_under_way,
            runs_that_were_not_begun_are_given_back,
            deferred_recipients_come_back,
            captured_attachments_are_kept_whatever_their_size,
            ended_runs_are_pruned,
            lists_have_pages,
            a_store_that_works_says_so,
            a_webhook_begins_with_the_next_event,
            a_webhook_is_one_workers_until_its_lease_ends,
            a_webhook_keeps_its_place_its_failures_and_its_pause,
            a_webhook_that_is_gone_is_left_alone,
            a_webhook_gets_each_event_from_one_of_several_workers,
            a_webhook_that_no_worker_serves_is_forgotten,
        ]);
    };
}
pub(crate) use expiry::{
    a_run_that_expires_fails_with_its_last_error,
    an_expired_run_is_reported_in_the_same_transaction,
};
pub(crate) use suite;
pub(crate) use webhooks::{
    a_webhook_begins_with_the_next_event, a_webhook_gets_each_event_from_one_of_several_workers,
    a_webhook_is_one_workers_until_its_lease_ends,
    a_webhook_keeps_its_place_its_failures_and_its_pause, a_webhook_that_is_gone_is_left_alone,
    a_webhook_that_no_worker_serves_is_forgotten,
};

pub(crate) async fn a_run_goes_from_ready_to_sent(store: &dyn Store) {
    let ticket = store.enqueue(new_run("work", "1")).await.expect("it is stored");
    assert_eq!((ticket.state, ticket.is_new), (RunState::Ready, true));
    let owner = store.register().await.expect("it registers");
    let claimed = claim(store, &owner, "work", 5).await;
    assert_eq!((claimed.len(), claimed[0].attempt, &claimed[0].id), (1, 1, &ticket.id));
    let Text::Inline(input) = &claimed[0].input.input else { panic!("a small input is inline") };
    assert_eq!(input, "{\"n\": 1}");
    assert_eq!(state(store, &ticket.id).await, RunState::Leased);
    assert!(claim(store, &owner, "work", 5).await.is_empty(), "it is taken once");
    assert!(store.mark(owner.id.clone(), claimed[0].claim).await.expect("it is marked"));
    assert_eq!(state(store, &ticket.id).await, RunState::Sending);
    assert!(settle(store, &owner, claimed[0].claim, RunState::Sent).await);
    let run = run(store, &ticket.id).await;
    assert_eq!((run.state, run.attempts), (RunState::Sent, 1));
    assert_eq!(run.result, Some(serde_json::json!({"status": "test"})));
    let events = store.events(0, 10).await.expect("events are read");
    let kinds: Vec<_> = events.iter().map(|event| (event.kind, event.run.clone())).collect();
    assert_eq!(kinds, [(EventKind::Sent, Some(ticket.id))]);
    assert_eq!(store.latest_event().await.expect("it is read"), events[0].id);
    let counts = store.counts().await.expect("it counts");
    assert_eq!((counts.of(RunState::Sent), counts.of(RunState::Ready)), (1, 0));
}

pub(crate) async fn a_known_key_gets_the_first_ticket(store: &dyn Store) {
    let keyed = |account: &str, hash: u8| NewRun {
        key: Some("order-1".to_owned()),
        hash: Some(vec![hash]),
        ..new_run(account, "1")
    };
    let first = store.enqueue(keyed("work", 1)).await.expect("it is stored");
    let again = store.enqueue(keyed("work", 1)).await.expect("it is known");
    assert_eq!((&again.id, again.is_new), (&first.id, false));
    let error = store.enqueue(keyed("work", 2)).await.expect_err("it is another mail");
    assert_eq!(error.kind(), ErrorKind::KeyReused);
    assert!(error.to_string().contains(first.id.as_str()), "{error}");
    assert!(store.enqueue(keyed("home", 2)).await.expect("it is another account's").is_new);
    let twice = NewRun { id: first.id.clone(), ..new_run("work", "2") };
    let error = store.enqueue(twice).await.expect_err("the id is used");
    assert_eq!(error.kind(), ErrorKind::KeyReused);
}

pub(crate) async fn runs_are_taken_only_within_the_accounts_limits(store: &dyn Store) {
    fill(store, "work", 10).await;
    let owner = store.register().await.expect("it registers");
    let take = async |pace: Pace| {
        let share = Share { account: "work".to_owned(), most: 10, pace };
        store.claim(&owner, vec![share]).await.expect("it takes runs")
    };
    let first = take(Pace { connections: 2, ..free() }).await;
    assert_eq!(first.len(), 2, "all workers have two connections");
    assert!(take(Pace { connections: 2, ..free() }).await.is_empty());
    let second = take(Pace { per_minute: Some(3), ..free() }).await;
    assert_eq!(second.len(), 3, "the first two were not counted");
    assert!(take(Pace { per_minute: Some(3), ..free() }).await.is_empty());
    let third = take(Pace { per_day: Some(4), ..free() }).await;
    assert_eq!(third.len(), 4);
    assert!(take(Pace { per_day: Some(4), ..free() }).await.is_empty());
    let ids: Vec<_> = first.iter().chain(&second).chain(&third).map(|one| one.claim.0).collect();
    assert!(ids.is_sorted(), "the oldest first: {ids:?}");
}

pub(crate) async fn a_paused_account_waits_and_is_then_tried_by_one_run(store: &dyn Store) {
    fill(store, "work", 3).await;
    let owner = store.register().await.expect("it registers");
    let claimed = claim(store, &owner, "work", 2).await;
    let pause = |millis| Effect::Pause {
        wait: Duration::from_millis(millis),
        code: "auth".to_owned(),
        reason: "no login".to_owned(),
    };
    for one in &claimed {
        let settlement =
            Settlement { effect: pause(1000), ..settlement(one.claim, RunState::Ready) };
        assert!(store.settle(&owner, settlement).await.expect("it is written"));
    }
    assert!(due(store).await.is_empty());
    assert!(claim(store, &owner, "work", 5).await.is_empty());
    let paused = store.paused_accounts().await.expect("it is read");
    assert_eq!((paused.len(), paused[0].code.as_str()), (1, "auth"));
    let kinds = kinds(store).await;
    assert_eq!(kinds.iter().filter(|kind| **kind == EventKind::AccountPaused).count(), 1);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(due(store).await, ["work"]);
    let probe = claim(store, &owner, "work", 5).await;
    assert_eq!(probe.len(), 1, "one run tries the account");
    assert!(claim(store, &owner, "work", 5).await.is_empty());
    let works = Settlement { effect: Effect::Works, ..settlement(probe[0].claim, RunState::Sent) };
    assert!(store.settle(&owner, works).await.expect("it is written"));
    assert_eq!(claim(store, &owner, "work", 5).await.len(), 2);
    assert!(store.paused_accounts().await.expect("it is read").is_empty());
    assert!(self::kinds(store).await.contains(&EventKind::AccountResumed));
    assert!(!store.resume("work".to_owned()).await.expect("it is written"), "it was not paused");
}

pub(crate) async fn a_warm_up_limits_the_first_days(store: &dyn Store) {
    let pace = Pace { per_day: Some(100), warm_up: vec![(2, 3), (5, 20)], ..free() };
    let most: Vec<_> = [0, 1, 2, 6, 7].map(|day| pace.most_on(day)).into();
    assert_eq!(most, [Some(3), Some(3), Some(20), Some(20), Some(100)]);
    fill(store, "work", 5).await;
    let owner = store.register().await.expect("it registers");
    let share = Share { account: "work".to_owned(), most: 10, pace };
    let taken = store.claim(&owner, vec![share]).await.expect("it takes runs");
    assert_eq!(taken.len(), 3);
}

pub(crate) async fn accounts_are_found_in_turn(store: &dyn Store) {
    for account in ["b", "a", "c"] {
        fill(store, account, 3).await;
    }
    let later = NewRun { next_try: in_an_hour(), ..new_run("aa", "1") };
    store.enqueue(later).await.expect("it is stored");
    assert_eq!(due(store).await, ["a", "b", "c"]);
    let after = |name: &str| store.due_accounts(name.to_owned(), 1);
    assert_eq!(after("a").await.expect("it is read"), ["b"]);
    assert_eq!(after("c").await.expect("it is read"), Vec::<String>::new());
}

pub(crate) async fn a_result_counts_only_from_the_owner(store: &dyn Store) {
    fill(store, "work", 1).await;
    let (owner, other) = (register(store).await, register(store).await);
    let claimed = claim(store, &owner, "work", 1).await;
    let claim = claimed[0].claim;
    assert!(!store.mark(other.id.clone(), claim).await.expect("it is asked"));
    assert!(!settle(store, &other, claim, RunState::Sent).await);
    store.give_back(&other, vec![claim]).await.expect("it is asked");
    assert_eq!(state(store, &claimed[0].id).await, RunState::Leased);
    assert!(settle(store, &owner, claim, RunState::Failed).await);
    assert!(!settle(store, &owner, claim, RunState::Sent).await, "it was settled before");
    assert!(!store.mark(owner.id.clone(), claim).await.expect("it is asked"));
}

pub(crate) async fn a_late_answer_settles_an_unknown_run(store: &dyn Store) {
    fill(store, "work", 1).await;
    let owner = register(store).await;
    let claimed = claim(store, &owner, "work", 1).await;
    store.mark(owner.id.clone(), claimed[0].claim).await.expect("it is marked");
    assert!(settle(store, &owner, claimed[0].claim, RunState::Unknown).await);
    assert_eq!(state(store, &claimed[0].id).await, RunState::Unknown);
    assert!(due(store).await.is_empty(), "it is not tried again by itself");
    assert!(settle(store, &owner, claimed[0].claim, RunState::Sent).await);
    assert_eq!(state(store, &claimed[0].id).await, RunState::Sent);
}

pub(crate) async fn runs_of_a_dead_owner_are_recovered(store: &dyn Store) {
    fill(store, "work", 3).await;
    let (owner, other) = (register(store).await, register(store).await);
    let claimed = claim(store, &owner, "work", 2).await;
    let mine = claim(store, &other, "work", 1).await;
    store.mark(owner.id.clone(), claimed[0].claim).await.expect("it is marked");
    let recovered = store.recover(&other).await.expect("it is asked");
    assert_eq!(recovered, Recovered::default(), "both live");
    let id = owner.id.clone();
    drop(owner);
    let recovered = recover(store, &other).await;
    assert_eq!(recovered, Recovered { ready: 1, unknown: 1 });
    assert_eq!(state(store, &claimed[0].id).await, RunState::Unknown);
    assert_eq!(state(store, &claimed[1].id).await, RunState::Ready);
    assert_eq!(state(store, &mine[0].id).await, RunState::Leased);
    let error = run(store, &claimed[0].id).await.result.expect("it has a result");
    assert_eq!(error["error"]["delivered"], "unknown");
    assert!(!store.mark(id, claimed[1].claim).await.expect("it is asked"), "the dead are fenced");
    let again = claim(store, &other, "work", 5).await;
    assert_eq!((again.len(), again[0].attempt), (1, 2), "the crashed attempt counts");
    assert!(kinds(store).await.contains(&EventKind::Unknown));
}

pub(crate) async fn a_run_that_kills_its_workers_fails(store: &dyn Store) {
    let ticket = store.enqueue(new_run("work", "1")).await.expect("it is stored");
    let watcher = register(store).await;
    for crash in 1..=MOST_CRASHES {
        let owner = register(store).await;
        assert_eq!(claim(store, &owner, "work", 1).await.len(), 1, "before crash {crash}");
        drop(owner);
        recover(store, &watcher).await;
    }
    let run = run(store, &ticket.id).await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(run.result.expect("it has a result")["error"]["code"], "internal");
}

pub(crate) async fn people_change_only_runs_that_are_not_under_way(store: &dyn Store) {
    let ticket = store.enqueue(new_run("work", "1")).await.expect("it is stored");
    let change = async |change| store.change(ticket.id.clone(), change).await.expect("it is asked");
    let retry = Change::Retry { expires_at: in_an_hour() };
    let release = Change::Release { expires_at: in_an_hour() };
    assert_eq!(change(Change::Hold).await, Some(RunState::Ready));
    let owner = register(store).await;
    assert!(claim(store, &owner, "work", 1).await.is_empty(), "it is held");
    assert_eq!(change(Change::Hold).await, Some(RunState::Held), "nothing changes");
    assert_eq!(change(release).await, Some(RunState::Held));
    let claimed = claim(store, &owner, "work", 1).await;
    for one in [Change::Cancel, retry, Change::Hold, release] {
        assert_eq!(change(one).await, Some(RunState::Leased));
        assert_eq!(state(store, &ticket.id).await, RunState::Leased);
    }
    settle(store, &owner, claimed[0].claim, RunState::Unknown).await;
    assert_eq!(change(retry).await, Some(RunState::Unknown));
    assert!(!settle(store, &owner, claimed[0].claim, RunState::Sent).await, "a person decided");
    let again = claim(store, &owner, "work", 1).await;
    assert_eq!((again[0].attempt, &again[0].id), (2, &ticket.id));
    settle(store, &owner, again[0].claim, RunState::Failed).await;
    assert_eq!(change(Change::Cancel).await, Some(RunState::Failed));
    assert_eq!(state(store, &ticket.id).await, RunState::Cancelled);
    assert!(kinds(store).await.contains(&EventKind::Cancelled));
    let nobody = store.change(RunId::from("nobody"), Change::Cancel).await;
    assert_eq!(nobody.expect("it is asked"), None);
}

pub(crate) async fn runs_that_were_not_begun_are_given_back(store: &dyn Store) {
    fill(store, "work", 2).await;
    let owner = register(store).await;
    let claimed = claim(store, &owner, "work", 2).await;
    let claims = claimed.iter().map(|one| one.claim).collect();
    store.give_back(&owner, claims).await.expect("it is written");
    let again = claim(store, &owner, "work", 2).await;
    assert_eq!(again.iter().map(|one| one.attempt).collect::<Vec<_>>(), [1, 1]);
}

pub(crate) async fn deferred_recipients_come_back(store: &dyn Store) {
    let ticket = store.enqueue(new_run("work", "1")).await.expect("it is stored");
    let owner = register(store).await;
    let claimed = claim(store, &owner, "work", 1).await;
    let recipient = |address: &str, state| RunRecipient {
        address: address.to_owned(),
        field: Some("to".to_owned()),
        state,
        code: Some(450),
        enhanced: Some("4.2.0".to_owned()),
        reply: Some("greylisted".to_owned()),
    };
    let recipients = vec![
        recipient("a@x.test", RecipientState::Accepted),
        recipient("b@x.test", RecipientState::Pending),
    ];
    let partly = Settlement {
        recipients: recipients.clone(),
        ..settlement(claimed[0].claim, RunState::Ready)
    };
    store.settle(&owner, partly).await.expect("it is written");
    let again = claim(store, &owner, "work", 1).await;
    assert_eq!(again[0].recipients, recipients);
    assert_eq!(run(store, &ticket.id).await.recipients, recipients);
}

pub(crate) async fn captured_attachments_are_kept_whatever_their_size(store: &dyn Store) {
    let owner = register(store).await;
    for captured in ["[]".to_owned(), "x".repeat(200_000)] {
        let run = NewRun { captured: Some(captured.clone()), ..new_run("work", "1") };
        let ticket = store.enqueue(run).await.expect("it is stored");
        let claimed = claim(store, &owner, "work", 1).await;
        let asked = store.input(ticket.id).await.expect("it is read").expect("it is there");
        for input in [&claimed[0].input, &asked] {
            let kept = input.captured.clone().expect("it is there");
            assert_eq!(kept.read().await.expect("it is read"), captured);
        }
    }
}

pub(crate) async fn ended_runs_are_pruned(store: &dyn Store) {
    let large = NewRun { input: "x".repeat(100_000), ..new_run("work", "1") };
    let ticket = store.enqueue(large).await.expect("it is stored");
    fill(store, "work", 1).await;
    let owner = register(store).await;
    let claimed = claim(store, &owner, "work", 1).await;
    settle(store, &owner, claimed[0].claim, RunState::Sent).await;
    assert!(store.input(ticket.id.clone()).await.expect("it is read").is_some());
    let past = Timestamp::from_millis(0);
    let none = Retention { inputs_before: past, runs_before: past, webhooks_before: past };
    assert_eq!(store.prune(none).await.expect("it is asked"), Pruned::default());
    let inputs = Retention { inputs_before: in_an_hour(), ..none };
    let pruned = store.prune(inputs).await.expect("it is asked");
    assert_eq!(pruned, Pruned { inputs: 1, runs: 0 });
    assert_eq!(store.input(ticket.id.clone()).await.expect("it is read"), None);
    let retry = Change::Retry { expires_at: in_an_hour() };
    let again = store.change(ticket.id.clone(), retry).await;
    assert_eq!(again.expect("a sent run is not retried"), Some(RunState::Sent));
    let all = Retention { runs_before: in_an_hour(), ..inputs };
    assert_eq!(store.prune(all).await.expect("it is asked"), Pruned { inputs: 0, runs: 1 });
    assert_eq!(store.run(ticket.id).await.expect("it is read"), None);
    let counts = store.counts().await.expect("it counts");
    assert_eq!(counts.of(RunState::Ready), 1, "a run that waits is kept");
}

pub(crate) async fn lists_have_pages(store: &dyn Store) {
    fill(store, "work", 3).await;
    fill(store, "home", 1).await;
    let list = async |filter| store.list(filter).await.expect("it is read");
    let all = list(Filter::default()).await;
    assert_eq!((all.len(), all[0].account.as_str()), (4, "home"), "the newest first");
    let page = list(Filter::default().before(all[1].id.clone()).limit(1)).await;
    assert_eq!(page, [all[2].clone()]);
    assert_eq!(list(Filter::default().account("work".to_owned())).await.len(), 3);
    assert_eq!(list(Filter::default().states(vec![RunState::Sent])).await, []);
    assert_eq!(
        list(Filter::default().states(vec![RunState::Sent, RunState::Ready])).await.len(),
        4
    );
}

pub(crate) fn free() -> Pace {
    Pace { connections: u32::MAX, per_minute: None, per_day: None, warm_up: Vec::new() }
}

pub(crate) fn in_an_hour() -> Timestamp {
    Timestamp::now().after(Duration::from_secs(3600))
}

pub(crate) fn new_run(account: &str, number: &str) -> NewRun {
    let now = Timestamp::now();
    NewRun {
        id: RunId::from(uuid::Uuid::new_v4().to_string()),
        account: account.to_owned(),
        action: "send-mail".to_owned(),
        key: None,
        hash: None,
        input: format!("{{\"n\": {number}}}"),
        keywords: None,
        captured: None,
        started_at: 1,
        is_held: false,
        created_at: now,
        next_try: now,
        expires_at: in_an_hour(),
    }
}

pub(crate) async fn fill(store: &dyn Store, account: &str, number: usize) {
    for one in 0..number {
        store.enqueue(new_run(account, &one.to_string())).await.expect("it is stored");
    }
}

pub(crate) async fn register(store: &dyn Store) -> Owner {
    store.register().await.expect("it registers")
}

pub(crate) async fn claim(
    store: &dyn Store,
    owner: &Owner,
    account: &str,
    most: usize,
) -> Vec<Claimed> {
    let share = Share { account: account.to_owned(), most, pace: free() };
    store.claim(owner, vec![share]).await.expect("it takes runs")
}

pub(crate) async fn due(store: &dyn Store) -> Vec<String> {
    store.due_accounts(String::new(), 10).await.expect("it is read")
}

/// Recovers the runs of an owner that was dropped. A store may notice its end only after a time.
pub(crate) async fn recover(store: &dyn Store, owner: &Owner) -> Recovered {
    for _ in 0..200 {
        let recovered = store.recover(owner).await.expect("it is asked");
        if recovered != Recovered::default() {
            return recovered;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Recovered::default()
}

pub(crate) fn settlement(claim: ClaimId, state: RunState) -> Settlement {
    let event = match state {
        RunState::Sent => EventKind::Sent,
        RunState::Unknown => EventKind::Unknown,
        RunState::Failed => EventKind::Failed,
        _ => EventKind::Deferred,
    };
    Settlement {
        claim,
        state,
        next_try: Timestamp::now(),
        result: "{\"status\": \"test\"}".to_owned(),
        recipients: Vec::new(),
        event,
        effect: Effect::None,
    }
}

pub(crate) async fn settle(
    store: &dyn Store,
    owner: &Owner,
    claim: ClaimId,
    state: RunState,
) -> bool {
    store.settle(owner, settlement(claim, state)).await.expect("it is written")
}

pub(crate) async fn run(store: &dyn Store, id: &RunId) -> Run {
    store.run(id.clone()).await.expect("it is read").expect("it is there")
}

pub(crate) async fn state(store: &dyn Store, id: &RunId) -> RunState {
    run(store, id).await.state
}

pub(crate) async fn kinds(store: &dyn Store) -> Vec<EventKind> {
    let events = store.events(0, 100).await.expect("events are read");
    events.iter().map(|event| event.kind).collect()
}

pub(crate) async fn a_store_that_works_says_so(store: &dyn Store) {
    store.check().await.expect("it works");
    store.enqueue(new_run("work", "1")).await.expect("it is stored");
    store.check().await.expect("it works still");
    assert_eq!(store.counts().await.expect("it counts").of(RunState::Ready), 1);
}
