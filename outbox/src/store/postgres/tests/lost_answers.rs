//! Answers of the server that are lost after the commit: the client cannot know whether the statement was done.

use super::proxy::Proxy;
use super::*;
use crate::error::ErrorKind;
use crate::store::suite::{claim, fill, free, new_run, register, settlement, state};

/// A statement that the connection has prepared is executed with this message.
const EXECUTE: &[u8] = b"E\0\0\0\x09\0";

/// A store behind a proxy, and a worker whose heartbeat does not use the proxy.
async fn behind_proxy(name: &str) -> Option<(PostgresStore, Proxy, Owner)> {
    let (direct, url) = open(name).await?;
    let proxy = Proxy::start(&url).await;
    Some((connect(&proxy.url(name)).await, proxy, register(&direct).await))
}

#[tokio::test]
async fn runs_of_a_claim_whose_answer_was_lost_are_taken_again() {
    let Some((store, proxy, owner)) = behind_proxy("lost_claim").await else { return };
    assert!(claim(&store, &owner, "work", 5).await.is_empty());
    let ticket = store.enqueue(new_run("work", "1")).await.expect("it is stored");
    proxy.lose_answer_of(b"COMMIT");
    let share = || vec![Share { account: "work".to_owned(), most: 5, pace: free() }];
    let error = store.claim(&owner, share()).await.expect_err("the answer is lost");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(proxy.has_lost());
    assert_eq!(state(&store, &ticket.id).await, RunState::Leased, "it was committed");
    let again = store.claim(&owner, share()).await.expect("it takes runs");
    assert_eq!((again.len(), again[0].attempt), (1, 2), "the worker that took it knows it now");
    assert!(store.mark(owner.id.clone(), again[0].claim).await.expect("it is marked"));
    assert!(
        store.claim(&owner, share()).await.expect("it is asked").is_empty(),
        "it is left alone"
    );
    assert_eq!(state(&store, &ticket.id).await, RunState::Sending);
}

#[tokio::test]
async fn a_mark_whose_answer_was_lost_is_no_dot_and_a_result_is_repeated() {
    let Some((store, proxy, owner)) = behind_proxy("lost_mark").await else { return };
    fill(&store, "work", 3).await;
    let claimed = claim(&store, &owner, "work", 3).await;
    // The connection knows the statements now.
    assert!(store.mark(owner.id.clone(), claimed[0].claim).await.expect("it is marked"));
    proxy.lose_answer_of(EXECUTE);
    let error = store.mark(owner.id.clone(), claimed[1].claim).await.expect_err("it is lost");
    assert_eq!((error.kind(), proxy.has_lost()), (ErrorKind::Unavailable, true), "{error:?}");
    assert_eq!(state(&store, &claimed[1].id).await, RunState::Sending, "it was committed");
    // Without a dot, the run can be tried again.
    let ready = settlement(claimed[1].claim, RunState::Ready);
    assert!(store.settle(&owner, ready).await.expect("it is written"));
    let again = claim(&store, &owner, "work", 1).await;
    assert_eq!((&again[0].id, again[0].attempt), (&claimed[1].id, 2));
    let sent = settlement(claimed[0].claim, RunState::Sent);
    proxy.lose_answer_of(EXECUTE);
    store.settle(&owner, sent.clone()).await.expect_err("it is lost");
    assert_eq!(state(&store, &claimed[0].id).await, RunState::Sent, "it was committed");
    assert!(!store.settle(&owner, sent).await.expect("it is asked"), "the repetition is too late");
    assert_eq!(store.events(0, 10).await.expect("they are read").len(), 2, "each result once");
}

#[tokio::test]
async fn a_request_whose_answer_was_lost_is_repeated_with_its_key() {
    let Some((store, proxy, _owner)) = behind_proxy("lost_request").await else { return };
    fill(&store, "work", 1).await;
    let run =
        NewRun { key: Some("order-1".to_owned()), hash: Some(vec![1]), ..new_run("work", "1") };
    proxy.lose_answer_of(EXECUTE);
    let error = store.enqueue(run.clone()).await.expect_err("the answer is lost");
    assert!(error.is_transient() && proxy.has_lost(), "{error:?}");
    let again = NewRun { id: RunId::from("another"), ..run.clone() };
    let ticket = store.enqueue(again).await.expect("it is known");
    assert_eq!((ticket.id, ticket.is_new), (run.id, false));
}
