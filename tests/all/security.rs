//! Encryption and login: what is required, what is refused, and what is never sent.

use std::sync::Arc;

use serde_json::json;
use smtp_connector_host::accounts::{Auth, Security, TlsSettings};
use smtp_connector_host::inbox::{Encryption, Inbox};
use smtp_connector_host::{
    Account, Connector, Error, FailureCode, Invocation, Phase, Retry, Secret,
};

use crate::support::{Act, Authority, Bench, FaultServer, Offers, Scenario, Stage, host_builder};

fn mail() -> serde_json::Value {
    json!({ "to": "bob@example.net", "subject": "x", "body": "y" })
}

#[tokio::test]
async fn each_way_of_encrypting_and_logging_in_works() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1");
    for (encryption, security) in [
        (Some(Encryption::Implicit(Arc::clone(&server))), Security::Tls),
        (Some(Encryption::Starttls(Arc::clone(&server))), Security::Starttls),
        (Some(Encryption::Starttls(server)), Security::StarttlsOptional),
        (None, Security::StarttlsOptional),
        (None, Security::None),
    ] {
        for auth in [Auth::Auto, Auth::Plain, Auth::Login] {
            let encrypted = encryption.is_some();
            let inbox = Inbox::builder().login("user", "pässword");
            let inbox = match &encryption {
                Some(encryption) => inbox.encryption(encryption.clone()),
                None => inbox,
            };
            let tls = TlsSettings { ca: Some(authority.file()), ..TlsSettings::default() };
            let bench = Bench::with(inbox, |account| {
                let account = account.security(security).tls(tls).auth(auth);
                account.credentials("user", Secret::new("pässword"))
            })
            .await;
            bench
                .send(&mail())
                .await
                .unwrap_or_else(|error| panic!("{security} {auth}: {error:?}"));
            let received = bench.received().await;
            assert_eq!(received.user.as_deref(), Some("user"), "{security} {auth}");
            assert_eq!(received.encrypted, encrypted, "{security} {auth}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_once() {
    let inbox = Inbox::builder().login("user", "right");
    let bench =
        Bench::with(inbox, |account| account.credentials("user", Secret::new("wrong"))).await;
    let error = bench.send(&mail()).await.expect_err("the password is wrong");
    assert_eq!((error.code(), error.phase()), (FailureCode::Auth, Phase::Auth));
    assert_eq!(error.retry(), Retry::AfterConfigChange);
    assert_eq!(error.reply().map(|reply| reply.code), Some(535));
    assert!(error.hint().is_some_and(|hint| hint.contains("password")));
}

/// What a send through a fault server ends with, with a login and this security.
async fn fails(server: &FaultServer, security: Security, authority: Option<&Authority>) -> Error {
    let tls = TlsSettings { ca: authority.map(Authority::file), ..TlsSettings::default() };
    let account = Account::builder("work", "127.0.0.1")
        .port(server.port())
        .security(security)
        .tls(tls)
        .sender("alice@example.com")
        .credentials("user", Secret::new("s3cr3t"))
        .build()
        .expect("the settings are right");
    let host = host_builder([account]).build().expect("the sandbox runs");
    let connector = Connector::builtin(&host).expect("a component");
    let error = connector
        .invoke(Invocation::send_mail(mail().to_string()).account("work"))
        .await
        .expect_err("it must not be sent");
    let commands = server.seen().commands;
    let spoken = |verb: &str| commands.iter().any(|line| line.starts_with(verb));
    assert!(!spoken("AUTH") && !spoken("MAIL"), "{commands:?}");
    error
}

#[tokio::test]
async fn without_starttls_nothing_is_said() {
    let server = FaultServer::start(Scenario::default()).await;
    let error = fails(&server, Security::Starttls, None).await;
    assert_eq!((error.code(), error.phase()), (FailureCode::Tls, Phase::Starttls));
    assert_eq!(error.retry(), Retry::AfterConfigChange);
}

#[tokio::test]
async fn what_came_in_the_clear_after_the_go_ahead_ends_the_connection() {
    let authority = Authority::new();
    for injected in [
        "220 go\r\n250 forged\r\n",
        "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 forged queued\r\n",
        "220 go\r\n25",
    ] {
        let offers = Offers { starttls: Some(authority.server("127.0.0.1")), ..Offers::default() };
        let scenario = Scenario::when(Stage::Starttls, Act::Reply(injected)).offering(offers);
        let server = FaultServer::start(scenario).await;
        let error = fails(&server, Security::Starttls, Some(&authority)).await;
        assert_eq!(
            (error.code(), error.phase()),
            (FailureCode::Tls, Phase::Starttls),
            "{injected}"
        );
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_not_talked_to() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let expired = || {
        let mut params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        authority.server_with(&params)
    };
    for (config, words) in [
        (authority.server("mail.example.com"), "another name"),
        (stranger.server("127.0.0.1"), "nobody that is trusted"),
        (expired(), "expired"),
    ] {
        for (security, implicit) in [
            (Security::Tls, true),
            (Security::Starttls, false),
            (Security::StarttlsOptional, false),
        ] {
            let config = Some(Arc::clone(&config));
            let offers = match implicit {
                true => Offers { implicit: config, ..Offers::default() },
                false => Offers { starttls: config, ..Offers::default() },
            };
            let server = FaultServer::start(Scenario::default().offering(offers)).await;
            let error = fails(&server, security, Some(&authority)).await;
            assert_eq!(error.code(), FailureCode::Tls, "{error}");
            assert_eq!(error.retry(), Retry::AfterConfigChange);
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

#[tokio::test]
async fn tls_at_a_port_that_speaks_starttls_is_explained() {
    let server = FaultServer::start(Scenario::default()).await;
    let error = fails(&server, Security::Tls, None).await;
    assert_eq!((error.code(), error.phase()), (FailureCode::Tls, Phase::Connect));
    assert!(error.hint().is_some_and(|hint| hint.contains("starttls")), "{error:?}");
}
