//! The meaning of replies: each row of the table of causes, played in a real conversation; and queue ids.

use serde_json::{Value, json};
use smtp_connector_host::accounts::{Account, Auth, OAuth2, Preset, Security};
use smtp_connector_host::smtp::replies::{Cause, Given, Lack, causes};
use smtp_connector_host::{Error, FailureCode, Invocation, Phase, Retry, Secret};
use tokio::task::JoinSet;

use crate::support::{
    Act, Authority, FaultServer, Offers, Scenario, Stage, connector_in, host_builder,
};

/// A row's sample, with the account and the server that play it.
pub(crate) struct Play {
    pub(crate) cause: &'static Cause,
    pub(crate) phase: Phase,
    pub(crate) said: &'static str,
    pub(crate) account: Account,
    _server: FaultServer,
}

/// Returns a text that lives as long as the tests run.
fn kept(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// A scenario in which a server replies with a sample.
fn scenario(cause: &Cause, phase: Phase, said: &str) -> Scenario {
    let said = format!("{}\r\n", said.replace('\n', "\r\n"));
    if cause.lack.is_some() {
        let offers = kept(format!("250-mx.test\r\n{said}"));
        return Scenario::when(Stage::Ehlo, Act::Reply(offers));
    }
    let reply = Act::Reply(kept(said.clone()));
    match phase {
        Phase::Greeting => Scenario::when(Stage::Greeting, reply),
        // A server that does not know EHLO is asked again.
        Phase::Ehlo => Scenario::when(Stage::Ehlo, reply).and(Stage::Helo, reply),
        Phase::Starttls => Scenario::when(Stage::Starttls, reply),
        Phase::Auth => Scenario::when(Stage::Auth, reply),
        Phase::MailFrom => Scenario::when(Stage::Mail, reply),
        Phase::RcptTo => Scenario::when(Stage::Rcpt(1), reply),
        Phase::Data => Scenario::when(Stage::Data, reply),
        Phase::Body => Scenario::when(Stage::Data, Act::Reply(kept(format!("354 go\r\n{said}")))),
        Phase::FinalReply => Scenario::when(Stage::Dot, reply),
        other => panic!("{}: no server replies at {other}", cause.name),
    }
}

/// The provider that a row is about.
fn provider(cause: &Cause) -> Option<&'static Preset> {
    let named = |preset: &&Preset| cause.providers.iter().any(|id| preset.id.starts_with(id));
    let any = || Preset::find("sendgrid").filter(|_| cause.given.contains(&Given::Provider));
    Preset::all().iter().find(named).or_else(any)
}

/// An account that meets a row's conditions.
fn account(name: &str, cause: &Cause, phase: Phase, port: u16, authority: &Authority) -> Account {
    let given = |fact| cause.given.contains(&fact);
    let base = match provider(cause) {
        Some(provider) => Account::with_provider(name, provider).host("127.0.0.1"),
        None => Account::builder(name, "127.0.0.1"),
    };
    let mut account = base.port(port).sender("alice@example.com").ehlo_name("client.example.com");
    account = if given(Given::Encrypted) {
        account.security(Security::Tls).tls(authority.trusted())
    } else if cause.lack == Some(Lack::Starttls) || phase == Phase::Starttls {
        account.security(Security::Starttls)
    } else {
        account.security(Security::None)
    };
    let logs_in = given(Given::Login)
        || phase == Phase::Auth
        || matches!(cause.lack, Some(Lack::Login | Lack::Mechanism));
    if given(Given::Token) {
        account = account.oauth2("user", OAuth2::token(Secret::new("t0ken-of-tests")));
    } else if logs_in {
        account = account.credentials("user", Secret::new("passw0rd-of-tests"));
    }
    if given(Given::ChosenAuth) {
        account = account.auth(Auth::CramMd5);
    }
    account.build().expect("the settings are right")
}

/// Plays every sample of every row, each at its own server.
pub(crate) async fn plays(authority: &Authority) -> Vec<Play> {
    let mut plays = Vec::new();
    for cause in causes() {
        assert!(!cause.samples.is_empty(), "{} has no sample", cause.name);
        for (number, sample) in cause.samples.iter().enumerate() {
            let name = format!("{}-{number}", cause.name);
            plays.push(play(name, cause, sample, authority).await);
        }
    }
    plays
}

async fn play(
    name: String,
    cause: &'static Cause,
    sample: &'static (Phase, &'static str),
    authority: &Authority,
) -> Play {
    let (phase, said) = *sample;
    let mut offers = Offers::default();
    if cause.given.contains(&Given::Encrypted) {
        offers.implicit = Some(authority.server("127.0.0.1"));
    }
    if phase == Phase::Starttls {
        offers.extensions = Some(vec!["STARTTLS"]);
    } else if cause.given.contains(&Given::Token) {
        offers.extensions = Some(vec!["AUTH XOAUTH2"]);
    }
    let server = FaultServer::start(scenario(cause, phase, said).offering(offers)).await;
    let account = account(&name, cause, phase, server.port(), authority);
    Play { cause, phase, said, account, _server: server }
}

/// The hint as the account's owner reads it.
pub(crate) fn filled(cause: &Cause, account: &Account) -> String {
    let provider = provider(cause);
    let provider = provider.map_or(String::new(), |one| format!("{}: {}", one.title, one.hint));
    cause
        .hint
        .replace("{provider}", &provider)
        .replace("{host}", "127.0.0.1")
        .replace("{port}", &account.port().to_string())
}

/// Returns what is wrong with the failure of a row's sample.
fn complaints(play: &Play, error: &Error) -> Vec<String> {
    let Play { cause, phase, said, account, .. } = play;
    let what = format!("{}, {phase} {said:?}", cause.name);
    let mut complaints = Vec::new();
    let hint = filled(cause, account);
    if error.hint() != Some(&*hint) {
        complaints.push(format!("{what}: the hint is {:?}, not {hint:?}", error.hint()));
    }
    if cause.code.is_some_and(|code| code != error.code()) {
        complaints.push(format!("{what}: the code is {}", error.code()));
    }
    let retry = if said.starts_with('4') { Some(Retry::Later) } else { cause.retry };
    let is_right = retry.map_or(error.retry() != Retry::Later, |retry| retry == error.retry());
    if !is_right {
        complaints.push(format!("{what}: the retry class is {}", error.retry()));
    }
    complaints
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_table_is_the_result_of_its_conversation() {
    let authority = Authority::new();
    let plays = plays(&authority).await;
    let connector = connector_in(host_builder(plays.iter().map(|play| play.account.clone())));
    let mut sending = JoinSet::new();
    for play in plays {
        let connector = connector.clone();
        sending.spawn(async move {
            let input = json!({ "to": "b@example.net", "body": "x" }).to_string();
            let invocation = Invocation::send_mail(input).account(play.account.name());
            match connector.invoke(invocation).await {
                Ok(_) => vec![format!("{}: {:?} is sent", play.cause.name, play.said)],
                Err(error) => complaints(&play, &error),
            }
        });
    }
    let wrong = sending.join_all().await.concat();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Sends with an account that logs in with this password.
async fn send_with(server: &FaultServer, password: &str, input: &Value) -> Result<Value, Error> {
    let account = server.account().credentials("user", Secret::new(password));
    let account = account.build().expect("the settings are right");
    let connector = connector_in(host_builder([account]));
    let invocation = Invocation::send_mail(input.to_string()).account("work");
    let outcome = connector.invoke(invocation).await?;
    Ok(outcome.parse().expect("a result is JSON"))
}

#[tokio::test]
async fn refusals_with_one_cause_have_its_hint_and_mixed_ones_a_general_hint() {
    let relay = "554 5.7.1 <b@example.net>: Relay access denied\r\n";
    let relay_again = "550 5.7.1 Unable to relay\r\n";
    let unknown = "550 5.1.1 User unknown\r\n";
    let later = "450 4.2.0 Greylisted\r\n";
    let foreign = "553 5.7.1 <alice@example.com>: Sender address rejected: not owned by user u\r\n";
    for (first, second, code, retry, words) in [
        (relay, relay_again, FailureCode::Recipients, Retry::AfterConfigChange, "does not relay"),
        (unknown, unknown, FailureCode::Recipients, Retry::Never, "before the @"),
        (later, later, FailureCode::Recipients, Retry::Later, "10 minutes"),
        (foreign, foreign, FailureCode::Sender, Retry::AfterConfigChange, "may not send as"),
        (relay, unknown, FailureCode::Recipients, Retry::Never, "check the addresses"),
    ] {
        let scenario = Scenario::when(Stage::Rcpt(1), Act::Reply(first))
            .and(Stage::Rcpt(2), Act::Reply(second));
        let server = FaultServer::start(scenario).await;
        let input = json!({ "to": ["b@example.net", "c@example.net"], "body": "x" });
        let error = send_with(&server, "passw0rd", &input).await.expect_err("all are refused");
        assert_eq!((error.code(), error.retry()), (code, retry), "{first} {second} {error}");
        assert!(error.hint().is_some_and(|hint| hint.contains(words)), "{error:?}");
        assert_eq!(error.refusals().len(), 2);
    }
}

#[tokio::test]
async fn without_partial_sending_the_hint_is_about_that_setting() {
    let unknown = Act::Reply("550 5.1.1 User unknown\r\n");
    let server = FaultServer::start(Scenario::when(Stage::Rcpt(2), unknown)).await;
    let to = ["b@example.net", "c@example.net"];
    let input = json!({ "to": to, "body": "x", "onPartialFailure": "fail" });
    let error = send_with(&server, "passw0rd", &input).await.expect_err("one is refused");
    assert!(error.hint().is_some_and(|hint| hint.contains("onPartialFailure")), "{error:?}");
}

#[tokio::test]
async fn a_reused_connection_gives_the_same_hints() {
    let quota = "550 5.4.5 Daily user sending limit exceeded\r\n";
    let relay = "554 5.7.1 <b@example.net>: Relay access denied\r\n";
    for (stage, reply, words) in [
        (Stage::MailAgain, quota, "24 hours"),
        (Stage::Rcpt(2), relay, "does not relay"),
        (Stage::DotAgain, quota, "24 hours"),
    ] {
        let server = FaultServer::start(Scenario::when(stage, Act::Reply(reply))).await;
        let account = server.account().build().expect("the settings are right");
        let connector = connector_in(host_builder([account]));
        let input = json!({ "to": "b@example.net", "body": "x" }).to_string();
        let send = || connector.invoke(Invocation::send_mail(input.clone()).account("work"));
        send().await.expect("the first is sent");
        let error = send().await.expect_err("the second is refused");
        assert!(error.hint().is_some_and(|hint| hint.contains(words)), "{stage:?}: {error:?}");
        assert_eq!(server.seen().connections, 1, "{stage:?}");
    }
}

#[tokio::test]
async fn a_queue_id_is_kept_whatever_the_password_is() {
    let gmail = "250 2.0.0 OK  1731389794 ffacd0b85a97d-381ed975a54si7856017f8f.119 - gsmtp\r\n";
    let exchange = "250 2.6.0 <a@x.test> [InternalId=12345678901234, Hostname=mail.example] \
                    8123 bytes in 0.123, 64.1 KB/sec Queued mail for delivery\r\n";
    let postfix = "250 2.0.0 Ok: queued as 4XyZ12\r\n";
    let sendmail = "250-2.0.0 thank you\r\n250 2.0.0 x4XB12 Message accepted for delivery\r\n";
    for (reply, password, id) in [
        (gmail, "passw0rd", json!("ffacd0b85a97d-381ed975a54si7856017f8f.119")),
        (gmail, "119", json!("ffacd0b85a97d-381ed975a54si7856017f8f.119")),
        (exchange, "passw0rd", json!("12345678901234")),
        (exchange, "1234", json!("12345678901234")),
        (postfix, "4X", json!("4XyZ12")),
        // The password is part of the words that introduce the queue id.
        (postfix, "queued", json!("4XyZ12")),
        (postfix, "as", json!("4XyZ12")),
        (sendmail, "4X", json!("x4XB12")),
        // The password itself is not an id.
        (postfix, "4XyZ12", Value::Null),
        ("250 2.0.0 Ok: queued as 4X\r\n", "4X", Value::Null),
    ] {
        let server = FaultServer::start(Scenario::when(Stage::Dot, Act::Reply(reply))).await;
        let input = json!({ "to": "b@example.net", "body": "x" });
        let result = send_with(&server, password, &input).await.expect("it is sent");
        assert_eq!(result["queueId"], id, "{reply} {password}: {result}");
        if id.is_null() {
            let response = result["response"].as_str().expect("a text");
            assert!(!response.contains(password), "{result}");
        }
    }
}
