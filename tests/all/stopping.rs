//! Runs that are stopped from outside: on pooled connections, and while they wait for an access token.

use std::time::Duration;

use serde_json::{Value, json};
use smtp_connector_host::accounts::{AccountBuilder, AccountLimits, OAuth2, Security};
use smtp_connector_host::{
    Account, Connector, Delivered, Error, FailureCode, Invocation, Outcome, Retry, Secret,
};

use crate::support::{
    Act, FaultServer, Offers, Scenario, Seen, Stage, connector_in, host_builder, until,
};

fn account(port: u16) -> AccountBuilder {
    Account::builder("work", "127.0.0.1").port(port).security(Security::None).sender("a@x.test")
}

/// A connector with one account, with a connection pool.
fn connector(account: AccountBuilder) -> Connector {
    connector_in(host_builder([account.build().expect("right")]))
}

fn mail() -> Invocation {
    Invocation::send_mail(json!({ "to": "b@x.test", "body": "x" }).to_string()).account("work")
}

/// Reports whether a server that stops at a stage has reached it.
pub(crate) fn has_reached(seen: &Seen, stage: Stage) -> bool {
    let said = |verb| seen.commands.iter().any(|line| line.starts_with(verb));
    match stage {
        Stage::Ehlo => said("EHLO"),
        Stage::Auth => said("AUTH"),
        Stage::Mail => said("MAIL"),
        Stage::Rcpt(_) => said("RCPT"),
        Stage::Data => said("DATA"),
        Stage::Body => !seen.messages.is_empty(),
        Stage::Dot => seen.complete > 0,
        _ => seen.connections > 0,
    }
}

/// Runs until the server has seen something, and 100 ms longer.
async fn stop_when(
    connector: &Connector,
    server: &FaultServer,
    is_time: impl Fn(&Seen) -> bool,
) -> Result<Outcome, Error> {
    let stop = async {
        while !is_time(&server.seen()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let run = connector.invoke_until(mail(), stop);
    tokio::time::timeout(Duration::from_secs(20), run).await.expect("it ends once it is stopped")
}

#[tokio::test]
async fn a_stopped_run_reports_whether_the_message_may_have_been_delivered() {
    for stage in [
        Stage::Greeting,
        Stage::Ehlo,
        Stage::Auth,
        Stage::Mail,
        Stage::Rcpt(1),
        Stage::Data,
        Stage::Dot,
    ] {
        let mut scenario = Scenario::when(stage, Act::Hang);
        scenario.offers.extensions = Some(vec!["AUTH PLAIN"]);
        let server = FaultServer::start(scenario).await;
        let connector = connector(account(server.port()).credentials("user", Secret::new("pw")));
        let is_time = |seen: &Seen| has_reached(seen, stage);
        let error = stop_when(&connector, &server, is_time).await.expect_err("it is stopped");
        assert_eq!(error.code(), FailureCode::Cancelled, "{stage:?}: {error:?}");
        let expected = match stage {
            Stage::Dot => (Delivered::Unknown, Retry::Never, true),
            _ => (Delivered::No, Retry::Later, false),
        };
        let found = (error.delivered(), error.retry(), error.message_id().is_some());
        assert_eq!(found, expected, "{stage:?}: {error:?}");
        assert_eq!(server.seen().complete, usize::from(stage == Stage::Dot), "{stage:?}");
    }
}

#[tokio::test]
async fn an_accepted_message_is_reported_whenever_the_stop_comes() {
    let server = FaultServer::start(Scenario::default()).await;
    let connector = connector(account(server.port()));
    for number in 1..=20 {
        // As soon as the server has the message.
        let stop = async {
            while server.seen().complete < number {
                tokio::task::yield_now().await;
            }
        };
        match connector.invoke_until(mail(), stop).await {
            Ok(outcome) => {
                let result: Value = outcome.parse().expect("JSON");
                assert_eq!(result["status"], "sent");
            }
            Err(error) => assert_eq!(error.delivered(), Delivered::Unknown, "{error:?}"),
        }
        assert_eq!(server.seen().complete, number);
    }
}

#[tokio::test]
async fn a_run_stopped_while_waiting_for_a_connection_frees_its_place() {
    let pause = Act::Pause(Duration::from_millis(600));
    let offers = Offers { most: Some(1), ..Offers::default() };
    let server = FaultServer::start(Scenario::when(Stage::Dot, pause).offering(offers)).await;
    let limits = AccountLimits::default().connections(1);
    let connector = connector(account(server.port()).limits(limits));
    let first = tokio::spawn({
        let connector = connector.clone();
        async move { connector.invoke(mail()).await.map(|_| ()) }
    });
    until(|| server.seen().complete > 0).await;
    let error = stop_when(&connector, &server, |_| true).await;
    let error = error.expect_err("the only connection is in use");
    assert_eq!((error.code(), error.delivered()), (FailureCode::Cancelled, Delivered::No));
    first.await.expect("no panic").expect("another run is not disturbed");
    connector.invoke(mail()).await.expect("the connection is free again");
    let seen = server.seen();
    assert_eq!((seen.connections, seen.complete), (1, 2));
}

#[tokio::test]
async fn a_run_stopped_while_waiting_for_an_access_token_sends_nothing() {
    // It accepts connections, but never answers.
    let endpoint = std::net::TcpListener::bind("127.0.0.1:0").expect("a port on loopback is free");
    let url = format!("http://{}/token", endpoint.local_addr().expect("it is bound"));
    let mut scenario = Scenario::default();
    scenario.offers.extensions = Some(vec!["AUTH XOAUTH2"]);
    let server = FaultServer::start(scenario).await;
    let url = url.parse().expect("loopback needs no encryption");
    let oauth2 = OAuth2::refresh_token(url, "id", Secret::new("refresh"));
    let connector = connector(account(server.port()).oauth2("user", oauth2));
    let stop = tokio::time::sleep(Duration::from_millis(400));
    let error = connector.invoke_until(mail(), stop).await.expect_err("it is stopped");
    assert_eq!((error.code(), error.delivered()), (FailureCode::Cancelled, Delivered::No));
    assert!(server.seen().messages.is_empty());
}
