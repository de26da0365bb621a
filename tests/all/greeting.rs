//! Ports that expect TLS from the start while the account expects otherwise, and servers that greet late.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smtp_connector_host::accounts::{Security, Timeouts};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::{Account, Error, FailureCode, Phase, Retry, Secret};

use crate::support::{Act, Authority, FaultServer, Offers, Scenario, Stage};

async fn test(server: &FaultServer, security: Security) -> Result<(), Error> {
    let account = Account::builder("work", "127.0.0.1")
        .port(server.port())
        .security(security)
        .credentials("user", Secret::new("s3cr3t"))
        .timeouts(Timeouts::default().greeting(Duration::from_secs(10)));
    let account = Arc::new(account.build().expect("right"));
    Ok(SmtpTransport::new().danger_allow_private_hosts().test(account.server()).await?)
}

#[tokio::test]
async fn a_port_that_expects_tls_from_the_start_is_reported_at_once() {
    // The certificate is for an unrelated name: it is not trusted, and gets no secrets either.
    let config = Authority::new().server("other.example");
    for security in [Security::Starttls, Security::StarttlsOptional, Security::None] {
        let offers = Offers { implicit: Some(Arc::clone(&config)), ..Offers::default() };
        let server = FaultServer::start(Scenario::default().offering(offers)).await;
        let began = Instant::now();
        let error = test(&server, security).await.expect_err("it waits for TLS");
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        assert_eq!((error.code(), error.phase()), (FailureCode::Tls, Phase::Greeting), "{error}");
        assert_eq!(error.retry(), Retry::AfterConfigChange);
        let told = format!("speaks TLS from the start at port {}", server.port());
        assert!(error.to_string().contains(&told), "{error}");
        assert!(error.to_string().contains(&format!("security is \"{security}\"")), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("security = \"tls\"")), "{error:?}");
        let seen = server.ended().await;
        assert_eq!(seen.connections, 2);
        assert!(seen.commands.is_empty(), "{seen:?}");
    }
}

#[tokio::test]
async fn the_client_waits_for_a_late_greeting() {
    for pause in [2_500, 1_200] {
        let late = Act::Pause(Duration::from_millis(pause));
        let server = FaultServer::start(Scenario::when(Stage::Greeting, late)).await;
        test(&server, Security::None).await.expect("it greets in the end");
        let seen = server.seen();
        assert_eq!(seen.commands.iter().filter(|line| line.starts_with("AUTH")).count(), 1);
    }
}

#[tokio::test]
async fn a_server_that_greets_is_not_tried_with_tls() {
    let server = FaultServer::start(Scenario::default()).await;
    test(&server, Security::None).await.expect("it greets");
    assert_eq!(server.seen().connections, 1);
}

#[tokio::test]
async fn plain_smtp_on_a_tls_port_is_reported_at_once() {
    let server = FaultServer::start(Scenario::default()).await;
    let began = Instant::now();
    let error = test(&server, Security::Tls).await.expect_err("it does not speak TLS");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!((error.code(), error.phase()), (FailureCode::Tls, Phase::Connect), "{error}");
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("starttls")), "{error:?}");
}
