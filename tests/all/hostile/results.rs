//! Components that return false pointers, lengths or results.

use super::guest::{Guest, RESULT};
use super::sending::{MESSAGE, sends_and_says};
use super::{broken, run, stopped_at_limit};
use crate::support::{Act, FaultServer, Scenario, Stage, host_builder};
use serde_json::{Value, json};
use smtp_connector_host::accounts::Security;
use smtp_connector_host::{Account, Invocation};

/// An `invoke` that claims `length` bytes of JSON at this address.
fn claiming(at: u32, length: u32) -> Guest {
    Guest::invoking(format!(
        "(i32.store offset=4 (i32.const {RESULT}) (i32.const {at}))
         (i32.store offset=8 (i32.const {RESULT}) (i32.const {length}))
         (i32.const {RESULT})"
    ))
}

#[tokio::test]
async fn a_result_outside_memory_is_not_read() {
    for (at, length) in [(0, 1 << 30), (u32::MAX, 1), (1 << 20, 1 << 20), (0, u32::MAX)] {
        let error = run(&claiming(at, length)).await.expect_err("there is no such result");
        assert!(matches!(error.code().as_str(), "internal" | "limit"), "{error:?}");
    }
    // An invalid pointer to the result.
    broken(&Guest::invoking("(i32.const -4)"), "out of bounds").await;
}

#[tokio::test]
async fn a_result_over_the_size_limit_of_a_call_ends_the_run() {
    stopped_at_limit(&claiming(0, 8 << 20).memory("200"), "out of the sandbox").await;
}

#[tokio::test]
async fn a_million_strings_end_the_run() {
    // `invalid` with a list of issues, each with three strings: 24 bytes that claim 4 KiB each.
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
async fn text_that_is_not_utf_8_ends_the_run() {
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
async fn an_invalid_or_false_result_ends_the_run() {
    for json in ["", "{}", "[]", "sent", r#"{"status": "sent"}"#, r#"{"status": 5}"#] {
        broken(&Guest::returning(json), "result is not valid").await;
    }
}

#[tokio::test]
async fn the_host_overwrites_false_claims_about_sending() {
    let refusing = Scenario::when(Stage::Rcpt(2), Act::Reply("550 5.1.1 no carol\r\n"));
    let server = FaultServer::start(refusing).await;
    let account = Account::builder("work", "127.0.0.1")
        .port(server.port())
        .security(Security::None)
        .build()
        .expect("the settings are right");
    let host = host_builder([account]).build().expect("the sandbox runs on this machine");
    let lie = r#"{"status": "sent", "messageId": "<1@x.test>", "accepted": ["everybody@example.net"],
        "rejected": [], "response": "FAKE", "responseCode": 299, "queueId": "FAKE", "messageSize": 5}"#;
    let both = ["bob@example.net", "carol@example.net"];
    let connector = sends_and_says("alice@example.com", &both, MESSAGE.as_bytes(), lie).load(&host);
    let input = json!({ "to": both }).to_string();
    let outcome = connector.invoke(Invocation::send_mail(input).account("work")).await;
    let result: Value = outcome.expect("it is sent").parse().expect("it is JSON");
    assert_eq!(result["status"], "partial");
    assert_eq!(result["accepted"], json!([both[0]]));
    assert_eq!(result["rejected"], json!([both[1]]));
    assert_eq!(result["rejectedErrors"][0]["responseCode"], 550);
    assert_eq!((&result["responseCode"], &result["queueId"]), (&json!(250), &json!("1")));
    assert_eq!(result["messageSize"], MESSAGE.len());
    assert!(!result.to_string().contains("FAKE"), "{result}");
}

#[tokio::test]
async fn a_trap_in_realloc_ends_the_run() {
    broken(&Guest::returning("{}").realloc("unreachable"), "unreachable").await;
}

#[tokio::test]
async fn the_host_does_not_write_to_an_invalid_address() {
    let beyond = "beyond end of memory";
    for (place, words) in [("-16", beyond), ("65535000", beyond), ("1", "unreachable")] {
        let realloc = format!("(i32.const {place})");
        let guest = Guest::invoking("(call $run (i32.const 2048)) unreachable")
            .import("invocation", "current", "$run (param i32)")
            .realloc(&realloc);
        // Text needs no alignment, so the last place is valid.
        broken(&guest, words).await;
    }
}
