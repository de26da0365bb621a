//! Recipients: each gets its reply, in the number of transactions that the server needs.

use serde_json::json;
use smtp_connector_host::{Delivered, FailureCode, Phase, Retry};

use crate::faults::{mail, send_patiently, send_to};
use crate::support::{Act, FaultServer, Offers, Scenario, Stage};

#[tokio::test]
async fn each_recipient_gets_its_own_reply() {
    let scenario = Scenario::when(Stage::Rcpt(2), Act::Reply("550 5.1.1 no such user\r\n"))
        .and(Stage::Rcpt(3), Act::Reply("450 4.2.1 greylisted\r\n"));
    let server = FaultServer::start(scenario).await;
    let result = send_to(&server, &mail(&["a@x.test", "b@x.test", "c@x.test", "d@x.test"])).await;
    let result = result.expect("two are accepted");
    assert_eq!(result["status"], "partial");
    assert_eq!(result["accepted"], json!(["a@x.test", "d@x.test"]));
    assert_eq!(result["rejected"], json!(["b@x.test", "c@x.test"]));
    let retries: Vec<_> = result["rejectedErrors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["retry"])
        .collect();
    assert_eq!(retries, ["never", "later"]);
}

#[tokio::test]
async fn recipients_beyond_the_limit_of_one_transaction_get_another() {
    const TOO_MANY: Act = Act::Reply("452 4.5.3 too many recipients\r\n");
    let to = ["a@x.test", "b@x.test", "c@x.test", "d@x.test"];
    for body in ["y".to_owned(), "0123456789abcdef\n.\n".repeat(100_000)] {
        // In the second transaction, the connection's sixth recipient is again over the server's limit.
        let scenario = Scenario::when(Stage::Rcpt(2), TOO_MANY)
            .and(Stage::Rcpt(3), TOO_MANY)
            .and(Stage::Rcpt(6), TOO_MANY);
        let server = FaultServer::start(scenario).await;
        let input = json!({ "to": to, "subject": "x", "body": body });
        let result = send_patiently(&server, &input).await.expect("all are accepted");
        assert_eq!(result["status"], "sent");
        assert_eq!(result["accepted"], json!(["a@x.test", "d@x.test", "b@x.test", "c@x.test"]));
        let seen = server.seen();
        assert_eq!((seen.connections, seen.complete), (1, 3));
        assert!(seen.messages.iter().all(|message| *message == seen.messages[0]));
    }
}

#[tokio::test]
async fn a_further_transaction_that_fails_does_not_undo_the_first() {
    const TOO_MANY: Act = Act::Reply("452 4.5.3 too many recipients\r\n");
    let mail = mail(&["a@x.test", "b@x.test"]);
    for (stage, act, code, retry) in [
        (Stage::MailAgain, Act::Drop, 452, "later"),
        (Stage::MailAgain, Act::Reply("550 5.7.1 no\r\n"), 550, "after-config-change"),
        (Stage::Rcpt(3), Act::Reply("550 5.1.1 no\r\n"), 550, "never"),
        (Stage::Rcpt(3), TOO_MANY, 452, "later"),
        (Stage::DotAgain, Act::Reply("554 5.6.0 no\r\n"), 554, "never"),
    ] {
        let scenario = Scenario::when(Stage::Rcpt(2), TOO_MANY).and(stage, act);
        let server = FaultServer::start(scenario).await;
        let result = send_to(&server, &mail).await.expect("one has it");
        assert_eq!(result["status"], "partial", "{stage:?} {act:?}");
        assert_eq!(result["accepted"], json!(["a@x.test"]), "{stage:?} {act:?}");
        let refused = &result["rejectedErrors"][0];
        assert_eq!(refused["recipient"], "b@x.test");
        assert_eq!((&refused["responseCode"], &refused["retry"]), (&json!(code), &json!(retry)));
    }
    let scenario = Scenario::when(Stage::Rcpt(2), TOO_MANY).and(Stage::DotAgain, Act::Drop);
    let server = FaultServer::start(scenario).await;
    let error = send_to(&server, &mail).await.expect_err("the delivery is unknown");
    assert_eq!((error.delivered(), error.retry()), (Delivered::Unknown, Retry::Never));
    assert!(error.to_string().contains("it was sent to a@x.test"), "{error}");
}

#[tokio::test]
async fn after_an_unexpected_reply_no_further_transaction_begins() {
    for too_much in ["250 2.0.0 ok\r\n421 4.3.2 bye\r\n", "250 2.0.0 ok\r\n250 2.0.0 again\r\n"] {
        let scenario = Scenario::when(Stage::Rcpt(2), Act::Reply("452 4.5.3 too many\r\n"))
            .and(Stage::Dot, Act::Reply(too_much));
        let server = FaultServer::start(scenario).await;
        let result = send_to(&server, &mail(&["a@x.test", "b@x.test"])).await.expect("one has it");
        assert_eq!(
            (&result["status"], &result["accepted"]),
            (&json!("partial"), &json!(["a@x.test"]))
        );
        assert_eq!(result["rejectedErrors"][0]["responseCode"], 452);
        let begun = |line: &&String| line.starts_with("MAIL");
        assert_eq!(server.ended().await.commands.iter().filter(begun).count(), 1);
    }
}

#[tokio::test]
async fn without_partial_sending_one_refused_recipient_stops_the_message() {
    for reply in ["550 5.1.1 no such user\r\n", "452 4.5.3 too many recipients\r\n"] {
        for pipelining in [true, false] {
            let extensions = (!pipelining).then(|| vec!["SIZE 35882577"]);
            let offers = Offers { extensions, ..Offers::default() };
            let scenario = Scenario::when(Stage::Rcpt(2), Act::Reply(reply)).offering(offers);
            let server = FaultServer::start(scenario).await;
            let input = json!({
                "to": ["a@x.test", "b@x.test"], "body": "y", "onPartialFailure": "fail",
            });
            let error = send_to(&server, &input).await.expect_err("one is refused");
            assert_eq!((error.code(), error.phase()), (FailureCode::Recipients, Phase::RcptTo));
            assert_eq!(error.refusals().len(), 1);
            let commands = server.seen().commands;
            assert_eq!(commands.last().map(String::as_str), Some("RSET"), "{commands:?}");
            assert!(!commands.iter().any(|line| line == "DATA"), "{commands:?}");
        }
    }
}
