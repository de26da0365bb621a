//! Servers that refuse, drop and hang. Each failure names its phase, whether to retry, and whether the message may have
//! been delivered.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use smtp_connector_host::accounts::{AccountBuilder, AccountLimits, Security, Timeouts};
use smtp_connector_host::{
    Account, Delivered, Error, FailureCode, Invocation, Phase, Retry, Secret,
};

use crate::support::{
    Act, Authority, FaultServer, Offers, Scenario, Stage, connector_in, host_builder,
};

/// Timeouts short enough for a test.
fn timeouts() -> Timeouts {
    let half = Duration::from_millis(500);
    Timeouts::default()
        .connect(4 * half)
        .greeting(half)
        .command(half)
        .data(half)
        .final_reply(half)
        .total(10 * half)
}

pub(crate) async fn send_to(server: &FaultServer, input: &Value) -> Result<Value, Error> {
    send_with(server, input, |account| account).await
}

/// Sends with an account's default timeouts, for large messages, which take longer on a busy machine.
pub(crate) async fn send_patiently(server: &FaultServer, input: &Value) -> Result<Value, Error> {
    send_with(server, input, |account| account.timeouts(Timeouts::default())).await
}

/// Sends with other settings.
async fn send_with(
    server: &FaultServer,
    input: &Value,
    settings: impl FnOnce(AccountBuilder) -> AccountBuilder,
) -> Result<Value, Error> {
    let account = server.account().timeouts(timeouts());
    let account = settings(account).build().expect("the settings are right");
    let connector = connector_in(host_builder([account]));
    let outcome =
        connector.invoke(Invocation::send_mail(input.to_string()).account("work")).await?;
    Ok(outcome.parse().expect("a result is JSON"))
}

pub(crate) fn mail(to: &[&str]) -> Value {
    json!({ "to": to, "subject": "x", "body": "y" })
}

#[tokio::test]
async fn every_fault_reports_its_phase_and_retry_verdict() {
    use Act::*;
    use Delivered::{No, Unknown};
    use FailureCode::*;
    use Retry::*;
    use Stage::*;
    let authority = Authority::new();
    for (stage, act, code, phase, retry, delivered) in [
        (Greeting, Drop, Connect, Phase::Greeting, Later, No),
        (Greeting, Reset, Connect, Phase::Greeting, Later, No),
        (Greeting, Hang, Timeout, Phase::Greeting, Later, No),
        (Greeting, Drip("220 mx.test ESMTP\r\n"), Timeout, Phase::Greeting, Later, No),
        (Greeting, EndlessLine, Protocol, Phase::Greeting, Later, No),
        (Greeting, Reply("421 4.3.2 busy\r\n"), Connect, Phase::Greeting, Later, No),
        (Greeting, Reply("554 5.7.1 no\r\n"), Connect, Phase::Greeting, AfterConfigChange, No),
        (Greeting, Reply("HTTP/1.1 400 Bad Request\r\n\r\n"), Protocol, Phase::Greeting, Later, No),
        (Greeting, Reply("-ERR unknown command\r\n"), Protocol, Phase::Greeting, Later, No),
        (Ehlo, Drop, Connect, Phase::Ehlo, Later, No),
        (Ehlo, Hang, Timeout, Phase::Ehlo, Later, No),
        (Ehlo, EndlessLines, Protocol, Phase::Ehlo, Later, No),
        (Ehlo, Reply("421 4.7.0 no\r\n"), Connect, Phase::Ehlo, Later, No),
        (Ehlo, Reply("250-a\r\n251 b\r\n"), Protocol, Phase::Ehlo, Later, No),
        (Ehlo, Reply("250-mx\r\n250 SIZE 10\r\n"), TooLarge, Phase::MailFrom, Never, No),
        (Mail, Hang, Timeout, Phase::MailFrom, Later, No),
        (Mail, Drop, Connect, Phase::MailFrom, Later, No),
        (Mail, Reply("421 4.3.2 shutting down\r\n"), Sender, Phase::MailFrom, Later, No),
        (Mail, Reply("552 5.3.4 too big\r\n"), TooLarge, Phase::MailFrom, Never, No),
        (Mail, Reply("451 4.3.0 later\r\n"), Sender, Phase::MailFrom, Later, No),
        (Mail, Reply("550 5.1.8 no\r\n"), Sender, Phase::MailFrom, Never, No),
        (Mail, Reply("354 go\r\n"), Protocol, Phase::MailFrom, Later, No),
        (Rcpt(1), Reply("550 5.1.1 no\r\n"), Recipients, Phase::RcptTo, Never, No),
        (Rcpt(1), Reply("450 4.2.0 later\r\n"), Recipients, Phase::RcptTo, Later, No),
        (Rcpt(1), Reply("354 go\r\n"), Protocol, Phase::RcptTo, Later, No),
        (Rcpt(1), Reply("421 4.7.0 too many errors\r\n"), Recipients, Phase::RcptTo, Later, No),
        (Rcpt(1), Reply("452 4.5.3 too many\r\n"), Recipients, Phase::RcptTo, Later, No),
        (Rcpt(1), Drop, Connect, Phase::RcptTo, Later, No),
        (Rcpt(1), Hang, Timeout, Phase::RcptTo, Later, No),
        (Stage::Data, Reply("250 ok\r\n"), Protocol, Phase::Data, Later, No),
        (Stage::Data, Reply("554 5.5.1 no\r\n"), FailureCode::Data, Phase::Data, Never, No),
        (Stage::Data, Reply("451 4.3.0 later\r\n"), FailureCode::Data, Phase::Data, Later, No),
        (Stage::Data, Drop, Connect, Phase::Data, Later, No),
        (Stage::Data, Hang, Timeout, Phase::Data, Later, No),
        (Stage::Data, Reply("354 go\r\n250 2.0.0 queued\r\n"), Protocol, Phase::Body, Later, No),
        (Stage::Data, Reply("354 go\r\n552 5.3.4 no\r\n"), TooLarge, Phase::Body, Never, No),
        (Dot, Reply("451 4.3.0 later\r\n"), FailureCode::Data, Phase::FinalReply, Later, No),
        (Dot, Reply("421 4.3.2 bye\r\n"), FailureCode::Data, Phase::FinalReply, Later, No),
        (
            Dot,
            Reply("552-5.2.2 a\r\n552 5.2.2 b\r\n"),
            FailureCode::Data,
            Phase::FinalReply,
            Later,
            No,
        ),
        (Dot, Reply("552 5.3.4 too big\r\n"), TooLarge, Phase::FinalReply, Never, No),
        (Dot, Reply("554 5.6.0 no\r\n"), FailureCode::Data, Phase::FinalReply, Never, No),
        (Dot, Reply("354 go\r\n"), Protocol, Phase::FinalReply, Never, Unknown),
        (Dot, Reply("250-a\r\n550 b\r\n"), Protocol, Phase::FinalReply, Never, Unknown),
        (Dot, Reply("what?\r\n"), Protocol, Phase::FinalReply, Never, Unknown),
        (Dot, EndlessLine, Protocol, Phase::FinalReply, Never, Unknown),
        (Dot, Drip("250 2.0.0 ok\r\n"), Timeout, Phase::FinalReply, Never, Unknown),
        (Dot, Drop, Connect, Phase::FinalReply, Never, Unknown),
        (Dot, Reset, Connect, Phase::FinalReply, Never, Unknown),
        (Dot, Hang, Timeout, Phase::FinalReply, Never, Unknown),
    ] {
        let expected = Verdict { code, phase, retry, delivered };
        tokio::join!(
            try_fault(
                &authority,
                stage,
                act,
                expected,
                Manner { pipelining: true, encrypted: false }
            ),
            try_fault(
                &authority,
                stage,
                act,
                expected,
                Manner { pipelining: false, encrypted: false }
            ),
            try_fault(
                &authority,
                stage,
                act,
                expected,
                Manner { pipelining: true, encrypted: true }
            ),
        );
    }
}

/// The error that a fault must cause.
#[derive(Clone, Copy)]
struct Verdict {
    code: FailureCode,
    phase: Phase,
    retry: Retry,
    delivered: Delivered,
}

/// The kind of conversation in which the fault happens.
#[derive(Clone, Copy, Debug)]
struct Manner {
    pipelining: bool,
    encrypted: bool,
}

async fn try_fault(
    authority: &Authority,
    stage: Stage,
    act: Act,
    expected: Verdict,
    manner: Manner,
) {
    let what = format!("{stage:?} {act:?}, {manner:?}");
    let extensions = (!manner.pipelining).then(|| vec!["SIZE 35882577"]);
    let implicit = manner.encrypted.then(|| authority.server("127.0.0.1"));
    let offers = Offers { extensions, implicit, ..Offers::default() };
    let server = FaultServer::start(Scenario::when(stage, act).offering(offers)).await;
    let settings = |account: AccountBuilder| match manner.encrypted {
        true => account.security(Security::Tls).tls(authority.trusted()),
        false => account,
    };
    let started = Instant::now();
    let sent = send_with(&server, &mail(&["b@example.net"]), settings).await;
    let error = sent.expect_err(&what);
    assert!(started.elapsed() < Duration::from_secs(4), "{what}: {:?}", started.elapsed());
    let Verdict { code, phase, retry, delivered } = expected;
    assert_eq!((error.code(), error.phase()), (code, phase), "{what}: {error}");
    assert_eq!((error.retry(), error.delivered()), (retry, delivered), "{what}: {error}");
    assert!(code != FailureCode::Timeout || error.to_string().contains(" within "), "{error}");
    assert!(error.message_id().is_some() && error.hint().is_some(), "{what}: {error:?}");
    if delivered == Delivered::No && stage != Stage::Dot {
        assert_eq!(server.seen().complete, 0, "{what}");
    }
}

#[tokio::test]
async fn a_fault_before_the_envelope_reports_its_verdict_and_sends_nothing() {
    use Act::*;
    use FailureCode::*;
    use Retry::*;
    let mail = mail(&["b@example.net"]);
    let authority = Authority::new();
    let login = |account: AccountBuilder| account.credentials("user", Secret::new("s3cr3t"));
    for (act, code, retry) in [
        (Reply("535 5.7.8 bad\r\n"), Auth, AfterConfigChange),
        (Reply("534 5.7.9 app password\r\n"), Auth, AfterConfigChange),
        (Reply("454 4.7.0 later\r\n"), Auth, Later),
        (Reply("421 4.3.2 bye\r\n"), Auth, Later),
        (Reply("250 ok\r\n"), Protocol, Later),
        (Reply("235-a\r\n535 b\r\n"), Protocol, Later),
        (EndlessLines, Protocol, Later),
        (Drop, Connect, Later),
        (Reset, Connect, Later),
        (Hang, Timeout, Later),
    ] {
        for encrypted in [false, true] {
            let implicit = encrypted.then(|| authority.server("127.0.0.1"));
            let offers = Offers { implicit, ..Offers::default() };
            let scenario = Scenario::when(Stage::Auth, act).offering(offers);
            let server = FaultServer::start(scenario).await;
            let sent = send_with(&server, &mail, |account| match encrypted {
                true => login(account).security(Security::Tls).tls(authority.trusted()),
                false => login(account),
            });
            let error = sent.await.expect_err("there is no login");
            assert_eq!((error.code(), error.phase()), (code, Phase::Auth), "{act:?}: {error}");
            assert_eq!((error.retry(), error.delivered()), (retry, Delivered::No), "{act:?}");
            let commands = server.seen().commands;
            assert_eq!(commands.len() - usize::from(commands[commands.len() - 1] == "QUIT"), 2);
        }
    }
    for (act, code, retry) in [
        (Reply("454 4.7.0 later\r\n"), Tls, Later),
        (Reply("500 what\r\n"), Tls, AfterConfigChange),
        (Reply("250 ok\r\n"), Protocol, Later),
        (EndlessLine, Protocol, Later),
        (Drop, Connect, Later),
        (Hang, Timeout, Later),
    ] {
        for security in [Security::Starttls, Security::StarttlsOptional] {
            let starttls = Some(authority.server("127.0.0.1"));
            let offers = Offers { starttls, ..Offers::default() };
            let scenario = Scenario::when(Stage::Starttls, act).offering(offers);
            let server = FaultServer::start(scenario).await;
            let sent = send_with(&server, &mail, |account| {
                login(account).security(security).tls(authority.trusted())
            });
            let error = sent.await.expect_err("it is not encrypted");
            assert_eq!((error.code(), error.phase()), (code, Phase::Starttls), "{act:?}: {error}");
            assert_eq!((error.retry(), error.delivered()), (retry, Delivered::No), "{act:?}");
            let commands = server.seen().commands;
            assert!(commands[1..].iter().all(|line| line == "STARTTLS"), "{commands:?}");
        }
    }
}

#[tokio::test]
async fn extensions_are_used_if_the_server_offers_them() {
    let login = |account: AccountBuilder| account.credentials("user", Secret::new("s3cr3t"));
    for (stage, reply, line) in [
        (Stage::Ehlo, "502 5.5.1 no\r\n", "HELO "),
        (Stage::Ehlo, "250 mx\r\n", "MAIL FROM:<alice@example.com>"),
        (Stage::Ehlo, "250-mx\r\n250-\r\n250 8BITMIME\r\n", "MAIL FROM:<alice@example.com>"),
        (Stage::Ehlo, "250-mx\r\n250 SIZE lots\r\n", "MAIL FROM:<alice@example.com> SIZE="),
    ] {
        let server = FaultServer::start(Scenario::when(stage, Act::Reply(reply))).await;
        send_to(&server, &mail(&["b@example.net"])).await.expect(reply);
        let commands = server.seen().commands;
        assert!(commands[1].starts_with(line), "{commands:?}");
    }
    for reply in ["250-mx\r\n250 AUTH=PLAIN LOGIN\r\n", "250-mx\r\n250 auth plain\r\n"] {
        let server = FaultServer::start(Scenario::when(Stage::Ehlo, Act::Reply(reply))).await;
        send_with(&server, &mail(&["b@example.net"]), login).await.expect(reply);
        assert!(server.seen().commands[1].starts_with("AUTH PLAIN "), "{reply}");
    }
    let without = Act::Reply("250-mx\r\n250 8BITMIME\r\n");
    let server = FaultServer::start(Scenario::when(Stage::Ehlo, without)).await;
    let error = send_to(&server, &mail(&["jörg@example.net"])).await.expect_err("no SMTPUTF8");
    assert_eq!((error.code(), error.retry()), (FailureCode::Recipients, Retry::Never));
    assert!(!server.seen().commands.iter().any(|line| line.starts_with("MAIL")));
}

#[tokio::test]
async fn a_tolerable_protocol_error_is_not_a_fault() {
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
    ] {
        let server = FaultServer::start(Scenario::when(stage, Act::Reply(reply))).await;
        let result = send_to(&server, &mail(&["b@example.net"])).await.expect(reply);
        assert_eq!(result["status"], "sent", "{reply}");
        assert_eq!(server.seen().complete, 1, "{reply}");
    }
}

#[tokio::test]
async fn a_failure_at_quit_does_not_undo_a_message() {
    let mail = mail(&["b@example.net"]);
    for act in [Act::Drop, Act::Reset, Act::Hang, Act::Reply("554 no\r\n"), Act::EndlessLine] {
        let server = FaultServer::start(Scenario::when(Stage::Quit, act)).await;
        let started = Instant::now();
        // The last message that the connection may carry.
        let sent = send_with(&server, &mail, |account| {
            account.limits(AccountLimits::default().messages_per_connection(1))
        });
        assert_eq!(sent.await.expect("it was sent")["status"], "sent", "{act:?}");
        assert!(started.elapsed() < Duration::from_secs(2), "{act:?}");
    }
}

#[tokio::test]
async fn a_large_message_that_breaks_off_reaches_no_recipient() {
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
async fn a_port_without_a_server_is_reported() {
    let server = FaultServer::start(Scenario::default()).await;
    let account = |builder: smtp_connector_host::accounts::AccountBuilder| {
        builder
            .security(Security::None)
            .sender("alice@example.com")
            .timeouts(timeouts())
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
        let connector = connector_in(host_builder([account]));
        let invocation =
            Invocation::send_mail(mail(&["b@example.net"]).to_string()).account("work");
        let error = connector.invoke(invocation).await.expect_err("there is no server");
        assert_eq!((error.code(), error.phase()), (code, phase), "{error}");
        assert_eq!(error.retry(), Retry::Later);
    }
}
