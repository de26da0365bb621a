//! Servers that refuse, drop and hang: each failure names its phase, whether to try again, and whether
//! anyone may have the message.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use smtp_connector_host::accounts::{Security, Timeouts};
use smtp_connector_host::{
    Account, Connector, Delivered, Error, FailureCode, Invocation, Phase, Retry,
};

use crate::support::{Act, FaultServer, Offers, Scenario, Stage, host_builder};

/// Deadlines that a test can wait for.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(2),
    greeting: Duration::from_millis(500),
    command: Duration::from_millis(500),
    data: Duration::from_millis(500),
    final_reply: Duration::from_millis(500),
    total: Duration::from_secs(5),
};

async fn send_to(server: &FaultServer, input: &Value) -> Result<Value, Error> {
    let account = Account::builder("work", "127.0.0.1")
        .port(server.port())
        .security(Security::None)
        .sender("alice@example.com")
        .timeouts(TIMEOUTS)
        .build()
        .expect("the settings are right");
    let host = host_builder([account]).build().expect("the sandbox runs");
    let connector = Connector::builtin(&host).expect("a component");
    let outcome =
        connector.invoke(Invocation::send_mail(input.to_string()).account("work")).await?;
    Ok(outcome.parse().expect("a result is JSON"))
}

fn mail(to: &[&str]) -> Value {
    json!({ "to": to, "subject": "x", "body": "y" })
}

#[tokio::test]
async fn every_fault_has_its_phase_and_its_verdict() {
    use Act::*;
    use Delivered::{No, Unknown};
    use FailureCode::*;
    use Retry::*;
    use Stage::*;
    for (stage, act, code, phase, retry, delivered) in [
        (Greeting, Drop, Connect, Phase::Greeting, Later, No),
        (Greeting, Reset, Connect, Phase::Greeting, Later, No),
        (Greeting, Hang, Timeout, Phase::Greeting, Later, No),
        (Greeting, Drip("220 mx.test ESMTP\r\n"), Timeout, Phase::Greeting, Later, No),
        (Greeting, EndlessLine, Protocol, Phase::Greeting, Later, No),
        (Greeting, Reply("421 4.3.2 busy\r\n"), Connect, Phase::Greeting, Later, No),
        (Greeting, Reply("554 5.7.1 no\r\n"), Connect, Phase::Greeting, AfterConfigChange, No),
        (Greeting, Reply("HTTP/1.1 400 Bad Request\r\n\r\n"), Protocol, Phase::Greeting, Later, No),
        (Ehlo, EndlessLines, Protocol, Phase::Ehlo, Later, No),
        (Ehlo, Reply("421 4.7.0 no\r\n"), Connect, Phase::Ehlo, Later, No),
        (Ehlo, Reply("250-a\r\n251 b\r\n"), Protocol, Phase::Ehlo, Later, No),
        (Ehlo, Reply("250-mx\r\n250 SIZE 10\r\n"), TooLarge, Phase::MailFrom, Never, No),
        (Mail, Hang, Timeout, Phase::MailFrom, Later, No),
        (Mail, Drop, Connect, Phase::MailFrom, Later, No),
        (Mail, Reply("451 4.3.0 later\r\n"), Sender, Phase::MailFrom, Later, No),
        (Mail, Reply("550 5.1.8 no\r\n"), Sender, Phase::MailFrom, Never, No),
        (Mail, Reply("354 go\r\n"), Protocol, Phase::MailFrom, Later, No),
        (Rcpt(1), Reply("550 5.1.1 no\r\n"), Recipients, Phase::RcptTo, Never, No),
        (Rcpt(1), Reply("450 4.2.0 later\r\n"), Recipients, Phase::RcptTo, Later, No),
        (Rcpt(1), Reply("354 go\r\n"), Protocol, Phase::RcptTo, Later, No),
        (Rcpt(1), Drop, Connect, Phase::RcptTo, Later, No),
        (Stage::Data, Reply("250 ok\r\n"), Protocol, Phase::Data, Later, No),
        (Stage::Data, Reply("554 5.5.1 no\r\n"), FailureCode::Data, Phase::Data, Never, No),
        (Stage::Data, Hang, Timeout, Phase::Data, Later, No),
        (Dot, Reply("451 4.3.0 later\r\n"), FailureCode::Data, Phase::FinalReply, Later, No),
        (Dot, Reply("554 5.6.0 no\r\n"), FailureCode::Data, Phase::FinalReply, Never, No),
        (Dot, Reply("354 go\r\n"), Protocol, Phase::FinalReply, Never, Unknown),
        (Dot, Reply("250-a\r\n550 b\r\n"), Protocol, Phase::FinalReply, Never, Unknown),
        (Dot, Drop, Connect, Phase::FinalReply, Never, Unknown),
        (Dot, Reset, Connect, Phase::FinalReply, Never, Unknown),
        (Dot, Hang, Timeout, Phase::FinalReply, Never, Unknown),
    ] {
        for pipelining in [true, false] {
            let what = format!("{stage:?} {act:?}, pipelining {pipelining}");
            let extensions = (!pipelining).then(|| vec!["SIZE 35882577"]);
            let offers = Offers { extensions, ..Offers::default() };
            let server = FaultServer::start(Scenario::when(stage, act).offering(offers)).await;
            let started = Instant::now();
            let error = send_to(&server, &mail(&["b@example.net"])).await.expect_err(&what);
            assert!(started.elapsed() < Duration::from_secs(4), "{what}: {:?}", started.elapsed());
            assert_eq!((error.code(), error.phase()), (code, phase), "{what}: {error}");
            assert_eq!((error.retry(), error.delivered()), (retry, delivered), "{what}: {error}");
            assert!(error.message_id().is_some() && error.hint().is_some(), "{what}: {error:?}");
            if delivered == No && !matches!(stage, Dot) {
                assert_eq!(server.seen().complete, 0, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn what_servers_get_away_with_is_no_fault() {
    use Stage::*;
    for (stage, reply) in [
        (Greeting, "220\r\n"),
        (Greeting, "220-a\r\n220 b\r\n"),
        (Greeting, "220 mx\n"),
        (Ehlo, "502 5.5.1 no\r\n"),
        (Ehlo, "250-mx\r\n250- \r\n250 8BITMIME\r\n"),
        (Ehlo, "250-mx\r\n250 pipelining\r\n"),
        (Rcpt(1), "251 elsewhere\r\n"),
        (Data, "354-go\r\n354 ahead\r\n"),
        (Dot, "250\r\n"),
        (Dot, "251 ok\r\n"),
        (Quit, "554 no\r\n"),
    ] {
        let server = FaultServer::start(Scenario::when(stage, Act::Reply(reply))).await;
        let result = send_to(&server, &mail(&["b@example.net"])).await.expect(reply);
        assert_eq!(result["status"], "sent", "{reply}");
        assert_eq!(server.seen().complete, 1, "{reply}");
    }
    for act in [Act::Drop, Act::Hang] {
        let server = FaultServer::start(Scenario::when(Quit, act)).await;
        let started = Instant::now();
        let result = send_to(&server, &mail(&["b@example.net"])).await.expect("it was sent");
        assert_eq!(result["status"], "sent");
        assert!(started.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn a_large_message_that_breaks_off_reaches_nobody() {
    let body = "0123456789abcdef0123456789abcdef\n".repeat(250_000);
    for (act, code) in [
        (Act::Drop, FailureCode::Connect),
        (Act::Reset, FailureCode::Connect),
        (Act::Hang, FailureCode::Timeout),
    ] {
        let server = FaultServer::start(Scenario::when(Stage::Body, act)).await;
        let input = json!({ "to": "b@example.net", "body": body });
        let error = send_to(&server, &input).await.expect_err("it broke off");
        assert_eq!((error.code(), error.phase()), (code, Phase::Body), "{error}");
        assert_eq!((error.retry(), error.delivered()), (Retry::Later, Delivered::No));
        assert_eq!(server.seen().complete, 0);
    }
}

#[tokio::test]
async fn recipients_get_their_own_answers() {
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
async fn recipients_that_are_too_many_for_one_transaction_get_another() {
    const TOO_MANY: Act = Act::Reply("452 4.5.3 too many recipients\r\n");
    let to = ["a@x.test", "b@x.test", "c@x.test", "d@x.test"];
    for body in ["y".to_owned(), "0123456789abcdef\n.\n".repeat(100_000)] {
        // Of the second transaction's two, the sixth of the connection is too many again.
        let scenario = Scenario::when(Stage::Rcpt(2), TOO_MANY)
            .and(Stage::Rcpt(3), TOO_MANY)
            .and(Stage::Rcpt(6), TOO_MANY);
        let server = FaultServer::start(scenario).await;
        let input = json!({ "to": to, "subject": "x", "body": body });
        let result = send_to(&server, &input).await.expect("all are accepted");
        assert_eq!(result["status"], "sent");
        assert_eq!(result["accepted"], json!(["a@x.test", "d@x.test", "b@x.test", "c@x.test"]));
        let seen = server.seen();
        assert_eq!((seen.connections, seen.complete), (1, 3));
        assert!(seen.messages.iter().all(|message| *message == seen.messages[0]));
    }
}

#[tokio::test]
async fn a_further_transaction_that_fails_undoes_nothing() {
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
    let error = send_to(&server, &mail).await.expect_err("nobody can tell");
    assert_eq!((error.delivered(), error.retry()), (Delivered::Unknown, Retry::Never));
    assert!(error.to_string().contains("it was sent to a@x.test"), "{error}");
}

#[tokio::test]
async fn where_all_or_nobody_is_to_get_it_nobody_does() {
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

#[tokio::test]
async fn nobody_listens_there() {
    let server = FaultServer::start(Scenario::default()).await;
    let account = |builder: smtp_connector_host::accounts::AccountBuilder| {
        builder
            .security(Security::None)
            .sender("alice@example.com")
            .timeouts(TIMEOUTS)
            .build()
            .expect("right")
    };
    let port = server.port();
    drop(server);
    tokio::time::sleep(Duration::from_millis(50)).await;
    for (account, code, phase) in [
        (
            account(Account::builder("work", "127.0.0.1").port(port)),
            FailureCode::Connect,
            Phase::Connect,
        ),
        (
            account(Account::builder("work", "no-such-host.invalid")),
            FailureCode::Dns,
            Phase::Resolve,
        ),
    ] {
        let host = host_builder([account]).build().expect("the sandbox runs");
        let connector = Connector::builtin(&host).expect("a component");
        let invocation =
            Invocation::send_mail(mail(&["b@example.net"]).to_string()).account("work");
        let error = connector.invoke(invocation).await.expect_err("there is no server");
        assert_eq!((error.code(), error.phase()), (code, phase), "{error}");
        assert_eq!(error.retry(), Retry::Later);
    }
}
