//! Components that never stop computing.

use super::guest::Guest;
use super::{broken, stopped_at_limit};

#[tokio::test]
async fn a_loop_in_the_action_is_stopped_at_the_time_limit() {
    let guest = Guest::invoking("(loop $again (br $again)) unreachable");
    stopped_at_limit(&guest, "CPU time").await;
}

#[tokio::test]
async fn a_loop_before_the_action_is_stopped_at_the_time_limit() {
    let guest = Guest::invoking("unreachable")
        .part("(func $start (loop $again (br $again))) (start $start)");
    stopped_at_limit(&guest, "CPU time").await;
}

#[tokio::test]
async fn endless_recursion_is_stopped_at_the_stack_limit() {
    let guest = Guest::invoking("(call $deeper) unreachable").part("(func $deeper (call $deeper))");
    stopped_at_limit(&guest, "stack space").await;
}

#[tokio::test]
async fn a_loop_of_empty_calls_is_stopped_at_the_call_limit() {
    let guest =
        Guest::invoking("(loop $again (call $run (i32.const 2048)) (br $again)) unreachable")
            .import("invocation", "current", "$run (param i32)")
            .realloc("(i32.const 70000)");
    stopped_at_limit(&guest, "calls to the host").await;
}

#[tokio::test]
async fn a_loop_of_wasi_calls_is_stopped_at_the_time_limit() {
    let guest = Guest::invoking(
        "(loop $again
           (call $drop (call $subscribe (i64.const 0)))
           (br $again))
         unreachable",
    )
    .import(
        "wasi:clocks/monotonic-clock@0.2.0",
        "subscribe-duration",
        "$subscribe (param i64) (result i32)",
    )
    .import("wasi:io/poll@0.2.0", "[resource-drop]pollable", "$drop (param i32)");
    stopped_at_limit(&guest, "CPU time").await;
}

#[tokio::test]
async fn an_unreachable_instruction_ends_the_run_as_a_bug() {
    broken(&Guest::invoking("unreachable"), "unreachable").await;
}
