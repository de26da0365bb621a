//! The tests of runs that expire, and of the reports about them.

use super::*;

pub(crate) async fn a_run_that_expires_fails_with_its_last_error(store: &dyn Store) {
    let soon = Timestamp::now().after(Duration::from_millis(2500));
    let short = NewRun { expires_at: soon, ..new_run("work", "1") };
    let ticket = store.enqueue(short).await.expect("it is stored");
    let owner = register(store).await;
    let claimed = claim(store, &owner, "work", 1).await;
    let error = serde_json::json!({"error": {"message": "busy", "retry": "later"}});
    let deferred =
        Settlement { result: error.to_string(), ..settlement(claimed[0].claim, RunState::Ready) };
    store.settle(&owner, deferred).await.expect("it is written");
    assert_eq!(expire(store, None).await, 0);
    tokio::time::sleep(Duration::from_millis(2600)).await;
    assert!(claim(store, &owner, "work", 1).await.is_empty());
    assert_eq!(expire(store, None).await, 1);
    assert_eq!(expire(store, None).await, 0, "once");
    let run = run(store, &ticket.id).await;
    let result = run.result.expect("it has a result");
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(result["error"]["message"], "the mail expired; the last attempt failed: busy");
    assert_eq!(result["error"]["retry"], "never");
    assert!(kinds(store).await.contains(&EventKind::Expired));
}

pub(crate) async fn an_expired_run_is_reported_in_the_same_transaction(store: &dyn Store) {
    let now = Timestamp::now();
    let expired = |account| NewRun { expires_at: now, ..new_run(account, "1") };
    let ticket = store.enqueue(expired("work")).await.expect("it is stored");
    store.enqueue(expired("home")).await.expect("it is stored");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let accounts = store.expiring_accounts().await.expect("it is asked");
    assert_eq!(std::collections::BTreeSet::from_iter(accounts.iter()).len(), 2);
    let reports = Reports { account: "ops".to_owned(), lifetime: Duration::from_millis(2500) };
    assert_eq!(expire(store, Some(reports.clone())).await, 1, "another account's waits");
    assert_eq!(store.expiring_accounts().await.expect("it is asked"), ["home"]);
    let owner = register(store).await;
    let claimed = claim(store, &owner, "ops", 5).await;
    let [report] = &claimed[..] else { panic!("one report: {claimed:?}") };
    assert_eq!(report.action, REPORT);
    let Text::Inline(input) = &report.input.input else { panic!("a small input is inline") };
    let input: ReportInput = serde_json::from_str(input).expect("it is JSON");
    assert_eq!(input.run, ticket.id.as_str());
    settle(store, &owner, report.claim, RunState::Ready).await;
    tokio::time::sleep(Duration::from_millis(2600)).await;
    let ended = store.expire("ops".to_owned(), Some(reports)).await;
    assert_eq!(ended.expect("it is asked"), 1);
    assert!(claim(store, &owner, "ops", 5).await.is_empty(), "no report is about a report");
}

async fn expire(store: &dyn Store, reports: Option<Reports>) -> usize {
    store.expire("work".to_owned(), reports).await.expect("it is asked")
}
