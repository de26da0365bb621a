//! Components that misuse handles.

use smtp_connector_host::attachments::{MemoryUploads, Metadata};
use smtp_connector_host::{Error, FailureCode, Invocation};

use super::guest::{ANSWER, Guest};
use super::{HANG, strict_host};

/// A guest that opens uploads: `$open` opens the upload with id `u`, and `$handle` is the handle it returns.
fn opening(invoke: &str) -> Guest {
    let mut guest = Guest::invoking("")
        .import("attachments", "open-upload", "$open-upload (param i32 i32 i32)")
        .import("attachments", "[method]content.read", "$read (param i32 i32 i32)")
        .import("attachments", "[resource-drop]content", "$drop (param i32)");
    let (id, _) = guest.bytes("u");
    guest
        .part(&format!(
            "(func $open (result i32)
               (call $open-upload (i32.const {id}) (i32.const 1) (i32.const {ANSWER}))
               (i32.load offset=4 (i32.const {ANSWER})))"
        ))
        .and_invoking(format!("(local $handle i32) {invoke} unreachable"))
}

async fn fails(guest: &Guest) -> Error {
    let connector = guest.load(&strict_host());
    let uploads = MemoryUploads::new().with("u", Metadata::default(), *b"some bytes");
    let input = r#"{"attachments": [{"upload": "u"}]}"#;
    let attack = connector.invoke(Invocation::send_mail(input).uploads(uploads));
    let outcome = tokio::time::timeout(HANG, attack).await.expect("the run is stopped");
    let error = outcome.expect_err("it is stopped");
    assert!(matches!(error.code(), FailureCode::Limit | FailureCode::Internal), "{error:?}");
    error
}

#[tokio::test]
async fn handles_that_are_never_dropped_end_the_run() {
    let guest = Guest::invoking(
        "(loop $again (drop (call $subscribe (i64.const -1))) (br $again)) unreachable",
    )
    .import(
        "wasi:clocks/monotonic-clock@0.2.0",
        "subscribe-duration",
        "$subscribe (param i64) (result i32)",
    );
    let error = fails(&guest).await;
    assert_eq!(error.code(), FailureCode::Limit, "{error:?}");
    assert!(error.to_string().contains("handles"), "{error}");
}

#[tokio::test]
async fn the_number_of_open_attachments_is_limited_to_that_of_a_mail() {
    // The second word of the answer is a handle or the number of an error: 1 is `forbidden`.
    let opens = "(loop $again
        (drop (call $open))
        (br_if $again (i32.eqz (i32.load8_u (i32.const 2048)))))
      (if (i32.ne (i32.load8_u offset=4 (i32.const 2048)) (i32.const 1)) (then (return (i32.const -4))))";
    let error = fails(&opening(opens)).await;
    assert!(error.to_string().contains("`unreachable`"), "{error}");
}

#[tokio::test]
async fn a_dropped_handle_is_invalid() {
    let read = "(call $read (local.get $handle) (i32.const 10) (i32.const 2048))";
    let error = fails(&opening(&format!(
        "(local.set $handle (call $open)) {read} (call $drop (local.get $handle)) {read}"
    )))
    .await;
    assert!(error.to_string().contains("handle"), "{error}");
}

#[tokio::test]
async fn a_made_up_handle_is_invalid() {
    for handle in ["0", "1", "2", "77", "-1", "0x40000000"] {
        let read = format!("(call $read (i32.const {handle}) (i32.const 10) (i32.const 2048))");
        let error = fails(&opening(&read)).await;
        assert_eq!(error.code(), FailureCode::Internal, "{handle}: {error}");
        assert!(!error.to_string().contains("`unreachable`"), "{handle}: {error}");
    }
}

#[tokio::test]
async fn a_handle_cannot_be_dropped_twice() {
    let drop = "(call $drop (local.get $handle))";
    let error = fails(&opening(&format!("(local.set $handle (call $open)) {drop} {drop}"))).await;
    assert!(error.to_string().contains("handle"), "{error}");
}
