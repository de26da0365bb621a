//! Components that wait forever.

use std::time::Duration;

use super::guest::Guest;
use super::stopped_at_limit;

#[tokio::test]
async fn an_endless_wait_is_stopped_at_the_time_limit() {
    let started = std::time::Instant::now();
    let guest = Guest::invoking("(call $block (call $subscribe (i64.const -1))) unreachable")
        .import(
            "wasi:clocks/monotonic-clock@0.2.0",
            "subscribe-duration",
            "$subscribe (param i64) (result i32)",
        )
        .import("wasi:io/poll@0.2.0", "[method]pollable.block", "$block (param i32)");
    stopped_at_limit(&guest, "of time").await;
    // The component did wait: it was not refused for another reason.
    assert!(started.elapsed() >= Duration::from_secs(3));
}
