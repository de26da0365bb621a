//! Components whose results, and whose places for arguments, are not what they say.

use super::guest::{Guest, RESULT};
use super::{broken, run, stopped_at_limit};

/// An `invoke` that says that its JSON is so many bytes at this address.
fn claiming(at: u32, length: u32) -> Guest {
    Guest::invoking(format!(
        "(i32.store offset=4 (i32.const {RESULT}) (i32.const {at}))
         (i32.store offset=8 (i32.const {RESULT}) (i32.const {length}))
         (i32.const {RESULT})"
    ))
}

#[tokio::test]
async fn a_result_outside_of_memory_is_not_read() {
    for (at, length) in [(0, 1 << 30), (u32::MAX, 1), (1 << 20, 1 << 20), (0, u32::MAX)] {
        let error = run(&claiming(at, length)).await.expect_err("there is no such result");
        assert!(matches!(error.code().as_str(), "internal" | "limit"), "{error:?}");
    }
    // A pointer to the result that is none.
    broken(&Guest::invoking("(i32.const -4)"), "out of bounds").await;
}

#[tokio::test]
async fn a_result_of_more_than_a_call_may_pass_out_ends_the_run() {
    stopped_at_limit(&claiming(0, 8 << 20).memory("200"), "out of the sandbox").await;
}

#[tokio::test]
async fn a_million_strings_end_the_run() {
    // `invalid` with a list of issues, each of three strings: 24 bytes that claim 4 KiB each.
    let guest = Guest::invoking(format!(
        "(local $at i32)
         (local.set $at (i32.const 65536))
         (loop $again
           (i32.store offset=4 (local.get $at) (i32.const 4096))
           (i32.store offset=12 (local.get $at) (i32.const 4096))
           (i32.store offset=20 (local.get $at) (i32.const 4096))
           (local.set $at (i32.add (local.get $at) (i32.const 24)))
           (br_if $again (i32.lt_u (local.get $at) (i32.const 12000000))))
         (i32.store (i32.const {RESULT}) (i32.const 1))
         (i32.store offset=4 (i32.const {RESULT}) (i32.const 0))
         (i32.store offset=8 (i32.const {RESULT}) (i32.const 65536))
         (i32.store offset=12 (i32.const {RESULT}) (i32.const 400000))
         (i32.const {RESULT})"
    ))
    .memory("200");
    stopped_at_limit(&guest, "out of the sandbox").await;
}

#[tokio::test]
async fn text_that_is_none_is_not_taken_for_text() {
    let mut guest = Guest::invoking("");
    let (at, length) = guest.bytes(b"\xff\xfe");
    let guest = guest.and_invoking(format!(
        "(i32.store offset=4 (i32.const {RESULT}) (i32.const {at}))
         (i32.store offset=8 (i32.const {RESULT}) (i32.const {length}))
         (i32.const {RESULT})"
    ));
    broken(&guest, "utf-8").await;
}

#[tokio::test]
async fn a_result_that_is_no_result_is_not_believed() {
    for json in ["", "{}", "[]", "sent", r#"{"status": "sent"}"#, r#"{"status": 5}"#] {
        broken(&Guest::returning(json), "cannot be believed").await;
    }
}

#[tokio::test]
async fn a_trap_while_the_host_hands_something_in_ends_the_run() {
    broken(&Guest::returning("{}").realloc("unreachable"), "unreachable").await;
}

#[tokio::test]
async fn a_place_that_is_none_is_not_written_to() {
    let beyond = "beyond end of memory";
    for (place, words) in [("-16", beyond), ("65535000", beyond), ("1", "unreachable")] {
        let realloc = format!("(i32.const {place})");
        let guest = Guest::invoking("(call $run (i32.const 2048)) unreachable")
            .import("invocation", "current", "$run (param i32)")
            .realloc(&realloc);
        // Text may stand anywhere, so that the last of them is a place.
        broken(&guest, words).await;
    }
}
