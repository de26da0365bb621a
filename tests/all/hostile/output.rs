//! Components that print endlessly.

use smtp_connector_host::FailureCode;

use super::guest::{ANSWER, Guest};
use super::run;

#[tokio::test]
async fn printed_output_is_kept_only_up_to_a_limit() {
    // WASI accepts at most 4096 bytes per call.
    let guest = Guest::invoking(format!(
        "(local $stream i32)
         (local.set $stream (call $stderr))
         (loop $again
           (call $print (local.get $stream) (i32.const 0) (i32.const 4096) (i32.const {ANSWER}))
           (br $again))
         unreachable"
    ))
    .import("wasi:cli/stderr@0.2.0", "get-stderr", "$stderr (result i32)")
    .import(
        "wasi:io/streams@0.2.0",
        "[method]output-stream.blocking-write-and-flush",
        "$print (param i32 i32 i32 i32)",
    );
    let error = run(&guest).await.expect_err("it never ends by itself");
    assert!(matches!(error.code(), FailureCode::Limit | FailureCode::Internal), "{error:?}");
    assert!(format!("{error:?}").len() < 64 << 10);
}
