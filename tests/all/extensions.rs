//! Extensions that a server offers but does not support, and requested extensions that it does not offer.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use smtp_connector_host::accounts::{AccountBuilder, AccountLimits, Timeouts};
use smtp_connector_host::{Connector, Error, FailureCode, Invocation, Phase};

use crate::support::{
    Act, AtOnce, CommandLine, FaultServer, Offers, Scenario, Seen, Stage, connector_in,
    host_builder,
};

/// Short timeouts. The first pipelined group may stall for a quarter of the command timeout, and for one second at
/// least.
fn timeouts() -> Timeouts {
    let five = Duration::from_secs(5);
    Timeouts::default()
        .connect(five)
        .greeting(five)
        .command(Duration::from_secs(4))
        .data(five)
        .final_reply(five)
        .total(3 * five)
}

fn account(server: &FaultServer) -> AccountBuilder {
    server.account().timeouts(timeouts())
}

fn connector(account: AccountBuilder) -> Connector {
    let account = account.build().expect("the settings are right");
    connector_in(host_builder([account]))
}

async fn send(connector: &Connector, input: Value) -> Result<Value, Error> {
    let mail = Invocation::send_mail(input.to_string()).account("work");
    Ok(connector.invoke(mail).await?.parse().expect("a result is JSON"))
}

fn mail() -> Value {
    json!({ "to": ["b@example.net", "c@example.net"], "subject": "x", "text": "y" })
}

async fn losing(at_once: AtOnce) -> FaultServer {
    let offers = Offers { at_once, ..Offers::default() };
    FaultServer::start(Scenario::default().offering(offers)).await
}

fn spoken(seen: &Seen, verb: &str) -> usize {
    seen.commands.iter().filter(|line| line.starts_with(verb)).count()
}

fn codes(result: &Value) -> Vec<&str> {
    let warnings = result["warnings"].as_array().expect("an array");
    warnings.iter().map(|warning| warning["code"].as_str().expect("text")).collect()
}

#[tokio::test]
async fn a_server_that_loses_commands_sent_at_once_gets_them_one_by_one() {
    for at_once in [
        AtOnce::Lost,
        AtOnce::LostBetween,
        AtOnce::AllLost,
        AtOnce::Dropped,
        AtOnce::Refused("503 5.5.0 Improper use of SMTP command pipelining\r\n"),
        AtOnce::Refused("554 SMTP synchronization error\r\n"),
        AtOnce::Refused("421 4.7.0 improper command pipelining after MAIL\r\n"),
        AtOnce::Refused("250 2.1.0 ok\r\n503 5.5.1 MAIL first\r\n"),
        AtOnce::Refused("250 2.1.0 ok\r\n354 go ahead\r\n"),
    ] {
        for policy in ["send", "fail"] {
            let server = losing(at_once).await;
            let mut input = mail();
            input["onPartialFailure"] = json!(policy);
            let began = Instant::now();
            let result = send(&connector(account(&server)), input).await;
            let result = result.unwrap_or_else(|error| panic!("{at_once:?} {policy}: {error}"));
            assert!(began.elapsed() < Duration::from_secs(4), "{at_once:?} {:?}", began.elapsed());
            assert_eq!(result["status"], "sent", "{at_once:?}");
            assert_eq!(codes(&result), ["pipelining-lost"], "{result}");
            let seen = server.seen();
            assert_eq!((seen.connections, seen.complete), (2, 1), "{at_once:?}");
        }
    }
}

#[tokio::test]
async fn later_messages_do_not_try_pipelining_again() {
    for messages_per_connection in [100, 1] {
        let server = losing(AtOnce::Lost).await;
        let limits = AccountLimits::default().messages_per_connection(messages_per_connection);
        let connector = connector(account(&server).limits(limits));
        send(&connector, mail()).await.expect("it is sent one by one");
        let began = Instant::now();
        for _ in 0..3 {
            let result = send(&connector, mail()).await.expect("it is sent at once");
            assert!(codes(&result).is_empty(), "{result}");
        }
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        let seen = server.seen();
        assert_eq!(seen.complete, 4);
        assert_eq!(spoken(&seen, "MAIL"), 5, "one was lost");
    }
}

#[tokio::test]
async fn a_conversation_is_repeated_once_and_only_in_time() {
    // The server hangs both for pipelined commands and for single ones.
    let server = FaultServer::start(Scenario::when(Stage::Rcpt(1), Act::Hang)).await;
    let error = send(&connector(account(&server)), mail()).await.expect_err("it hangs");
    assert_eq!((error.code(), error.phase()), (FailureCode::Timeout, Phase::RcptTo), "{error}");
    assert!(error.to_string().contains("within "), "{error}");
    assert_eq!(server.seen().connections, 2);
    // There is no time to repeat the conversation.
    let server = losing(AtOnce::Lost).await;
    let timeouts = timeouts().total(Duration::from_millis(600));
    let account = account(&server).timeouts(timeouts);
    let error = send(&connector(account), mail()).await.expect_err("no time is left");
    assert_eq!(error.code(), FailureCode::Timeout, "{error}");
    assert!(error.to_string().contains("the account's timeouts.total of 600 ms"), "{error}");
    assert_eq!(server.seen().connections, 1);
}

#[tokio::test]
async fn a_refusal_for_another_reason_is_not_repeated() {
    for (stage, act) in [
        (Stage::Mail, Act::ReplyAndDrop("550 5.7.1 no\r\n")),
        (Stage::Mail, Act::Reply("503 5.5.1 log in first\r\n")),
        (Stage::Rcpt(1), Act::ReplyAndDrop("421 4.7.0 too many errors\r\n")),
        (Stage::Data, Act::Reply("503 5.5.1 no\r\n")),
        (Stage::Dot, Act::Drop),
    ] {
        let server = FaultServer::start(Scenario::when(stage, act)).await;
        send(&connector(account(&server)), mail()).await.expect_err("it is refused");
        assert_eq!(server.seen().connections, 1, "{stage:?} {act:?}");
    }
}

#[tokio::test]
async fn pipelining_can_be_switched_off() {
    let server = losing(AtOnce::AllLost).await;
    let connector = connector(account(&server).pipelining(false));
    for _ in 0..2 {
        let result = send(&connector, mail()).await.expect("nothing is lost");
        assert!(codes(&result).is_empty(), "{result}");
    }
    assert_eq!((server.seen().connections, server.seen().complete), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelining_can_be_switched_off_in_the_accounts_file() {
    let server = losing(AtOnce::Dropped).await;
    let line = CommandLine::new();
    let settings = |pipelining: &str| {
        format!(
            "[accounts.work]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\n\
             from = \"alice@example.com\"\npipelining = {pipelining}\n",
            server.port()
        )
    };
    let send = ["send", "--to", "b@example.net", "--text", "x"];
    line.write_accounts(&settings("false"));
    line.run(&send).expect(0);
    assert_eq!(server.seen().connections, 1);
    line.write_accounts(&settings("true"));
    let ran = line.run(&send).expect(0);
    assert!(ran.err.contains("PIPELINING"), "{ran:?}");
    assert_eq!(server.seen().connections, 3);
    line.write_accounts(&settings("\"no\""));
    let ran = line.run(&send).expect(78);
    assert!(ran.err.contains("true or false"), "{ran:?}");
}

#[tokio::test]
async fn delivery_reports_that_a_server_does_not_offer_are_a_warning() {
    let mut input = mail();
    let notify = " NOTIFY=SUCCESS,FAILURE";
    for (extensions, is_offered) in
        [(vec!["PIPELINING", "DSN"], true), (vec!["PIPELINING"], false), (vec!["SIZE"], false)]
    {
        let offers = Offers { extensions: Some(extensions), ..Offers::default() };
        let server = FaultServer::start(Scenario::default().offering(offers)).await;
        let connector = connector(account(&server));
        input["dsn"] = json!({ "notify": ["success", "failure"], "envelopeId": "QQ1" });
        let result = send(&connector, input.clone()).await.expect("it is sent");
        let seen = server.seen();
        let asked = seen.commands.iter().any(|line| line.ends_with(notify));
        assert_eq!(asked, is_offered, "{:?}", seen.commands);
        match is_offered {
            true => assert!(codes(&result).is_empty(), "{result}"),
            false => {
                assert_eq!(codes(&result), ["not-offered"], "{result}");
                assert_eq!(result["warnings"][0]["path"], "dsn");
            }
        }
        // Nothing was requested.
        input["dsn"] = json!(null);
        let result = send(&connector, input.clone()).await.expect("it is sent");
        assert!(codes(&result).is_empty(), "{result}");
    }
    // The component's own warnings are kept.
    let server = FaultServer::start(Scenario::default()).await;
    let input = json!({ "to": ["b@example.net", "b@example.net"], "text": "y", "dsn": { "notify": "never" } });
    let connector = connector(account(&server));
    let result = send(&connector, input).await.expect("it is sent");
    assert_eq!(codes(&result), ["duplicate-recipient", "not-offered"], "{result}");
    let manifest = connector.describe().await.expect("a manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("the manifest is JSON");
    let schema = &manifest["actions"][0]["output"];
    assert!(jsonschema::is_valid(schema, &result), "{result}");
}
