//! Two tenants on one engine.

use smtp_connector_host::{FailureCode, Invocation};

use super::guest::Guest;
use super::strict_host;

/// The memory that is filled and searched, in pages.
const PAGES: &str = "100";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_sees_no_memory_of_another_run() {
    let host = strict_host();
    let mut filling = Guest::invoking("").memory(PAGES);
    let done = filling.result(r#"{"status": "dry-run"}"#);
    let filling = filling
        .and_invoking(format!(
            "(memory.fill (i32.const 200000) (i32.const 0xa5) (i32.const 6000000)) {done}"
        ))
        .load(&host);
    let mut searching = Guest::invoking("").memory(PAGES);
    let done = searching.result(r#"{"status": "dry-run"}"#);
    let searching = searching
        .and_invoking(format!(
            "(local $at i32)
             (local.set $at (i32.const 200000))
             (loop $again
               (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then unreachable))
               (local.set $at (i32.add (local.get $at) (i32.const 8)))
               (br_if $again (i32.lt_u (local.get $at) (i32.const 6200000))))
             {done}"
        ))
        .load(&host);
    for round in 0..50 {
        filling.invoke(Invocation::send_mail("{}")).await.expect("it fills its memory");
        let clean = searching.invoke(Invocation::send_mail("{}")).await;
        clean.unwrap_or_else(|error| panic!("round {round}: {error}"));
    }
}

#[tokio::test]
async fn an_instance_that_trapped_is_never_reused() {
    let host = strict_host();
    // The first call sets a mark. If the second call ran in the same instance, the mark would break it.
    let mut guest = Guest::invoking("").part("(global $used (mut i32) (i32.const 0))");
    let done = guest.result(r#"{"status": "dry-run"}"#);
    let connector = guest
        .and_invoking(format!(
            "(if (global.get $used) (then unreachable))
             (global.set $used (i32.const 1))
             (if (i32.gt_u (local.get $length) (i32.const 2)) (then unreachable))
             {done}"
        ))
        .load(&host);
    for _ in 0..10 {
        let error = connector.invoke(Invocation::send_mail("{ }")).await.expect_err("it traps");
        assert_eq!(error.code(), FailureCode::Internal);
        connector.invoke(Invocation::send_mail("{}")).await.expect("it is a new instance");
    }
}
