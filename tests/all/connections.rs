//! Outgoing connections: an address that the operator denies is not dialled, and every connection is logged.

use std::sync::Arc;

use serde_json::json;
use smtp_connector_host::accounts::{AccountBuilder, OAuth2, Security};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::{Account, AddressRange, Error, FailureCode, Invocation, Secret};

use crate::fetching::{FILE, Liar, PUBLIC, connector_of, fetch, saying};
use crate::support::{
    FaultServer, HttpServer, Log, Page, Scenario, connector_in, host_builder, public_host,
};

const TOKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 57\r\n\r\n\
                     {\"access_token\":\"t\",\"token_type\":\"bearer\",\"expires_in\":9}";

/// Returns the log lines about connections, without the time.
fn connections(log: &Log) -> Vec<String> {
    let text = log.text();
    let lines =
        text.lines().filter_map(|line| line.split_once("smtp_connector_host::connections: "));
    lines
        .map(|(before, event)| {
            assert!(before.contains(" INFO "), "{before}");
            event.to_owned()
        })
        .collect()
}

fn account(host: &str, port: u16) -> AccountBuilder {
    Account::builder("work", host).port(port).security(Security::None).sender("alice@example.com")
}

async fn send(account: AccountBuilder) -> Result<(), Error> {
    let account = account.build().expect("the settings are right");
    let connector = connector_in(host_builder([account]));
    let input = json!({ "to": "b@example.net" }).to_string();
    connector.invoke(Invocation::send_mail(input).account("work")).await.map(drop)
}

fn ranges(texts: &[&str]) -> Vec<AddressRange> {
    texts.iter().map(|text| text.parse().expect(text)).collect()
}

#[tokio::test]
async fn each_connection_is_logged_with_its_purpose_and_account() {
    let log = Log::default();
    let _here = tracing::subscriber::set_default(log.subscriber());
    let server = FaultServer::start(Scenario::default()).await;
    let port = server.port();
    send(account("127.0.0.1", port)).await.expect("it is sent");
    assert_eq!(
        connections(&log),
        [format!(
            "outcome=\"connected\" purpose=\"smtp\" host=127.0.0.1 port={port} address=127.0.0.1:{port} \
             account=\"work\" reason="
        )]
    );

    let log = Log::default();
    let _here = tracing::subscriber::set_default(log.subscriber());
    let endpoint = HttpServer::start(vec![Page::raw("/token?k=s3cr3t", TOKEN)]).await;
    let url = endpoint.url("/token?k=s3cr3t").parse().expect("an address on this machine");
    let oauth2 = OAuth2::client_credentials(url, "client", Secret::new("cl1ent-s3cr3t"));
    // The server offers no token login, but the token endpoint is dialled anyway.
    send(account("127.0.0.1", port).oauth2("user", oauth2)).await.expect_err("the login fails");
    let lines = connections(&log);
    assert_eq!(lines.len(), 2, "{lines:?}");
    let address = endpoint.host();
    assert!(lines[0].contains("outcome=\"connected\" purpose=\"token-endpoint\""), "{lines:?}");
    assert!(lines[0].contains(&format!("address={address} account=\"work\"")), "{lines:?}");
    assert!(lines[1].contains("purpose=\"smtp\""), "{lines:?}");
    assert!(!lines.concat().contains("s3cr3t") && !lines.concat().contains("/token"), "{lines:?}");

    let log = Log::default();
    let _here = tracing::subscriber::set_default(log.subscriber());
    let network = Liar::with(saying(FILE).await).answering(&[&[PUBLIC]]);
    let connector = connector_of(&[], &[], network);
    fetch(&connector, "http://files.example/s3cr3t/path?key=s3cr3t").await.expect("it is fetched");
    assert_eq!(
        connections(&log),
        [format!(
            "outcome=\"connected\" purpose=\"attachment\" host=files.example port=80 address={PUBLIC}:80 \
             account=\"work\" reason="
        )]
    );
}

#[tokio::test]
async fn a_connection_that_is_not_opened_is_logged_with_the_reason() {
    for (denied, answers, logged) in [
        (
            &[][..],
            &[&["1.1.1.1", "10.0.0.1"][..]][..],
            "outcome=\"denied\" purpose=\"attachment\" \
          host=files.example port=80 address=10.0.0.1:80 account=\"work\" \
          reason=the address is not on the public internet",
        ),
        (
            &["1.1.1.0/24"],
            &[&["1.1.1.1"]],
            "outcome=\"denied\" purpose=\"attachment\" host=files.example \
          port=80 address=1.1.1.1:80 account=\"work\" reason=the address is in a denied range",
        ),
        (
            &[],
            &[],
            "outcome=\"unresolved\" purpose=\"attachment\" host=files.example port=80 \
          account=\"work\" reason=entity not found",
        ),
        (
            &[],
            &[&[]],
            "outcome=\"unresolved\" purpose=\"attachment\" host=files.example port=80 \
          account=\"work\" reason=the name has no address",
        ),
        (
            &[],
            &[&["1.1.1.1"]],
            "outcome=\"failed\" purpose=\"attachment\" host=files.example port=80 \
          address=1.1.1.1:80 account=\"work\" reason=connection refused",
        ),
    ] {
        let log = Log::default();
        let _here = tracing::subscriber::set_default(log.subscriber());
        let connector = connector_of(denied, &[], Liar::default().answering(answers));
        fetch(&connector, "http://files.example/a").await.expect_err("there is no connection");
        assert_eq!(connections(&log), [logged]);
    }
    let log = Log::default();
    let _here = tracing::subscriber::set_default(log.subscriber());
    let inner = account("10.0.0.1", 25).build().expect("the settings are right");
    SmtpTransport::new().test(inner.server()).await.expect_err("it is not public");
    let lines = connections(&log);
    assert!(lines[0].starts_with("outcome=\"denied\" purpose=\"smtp\" host=10.0.0.1"), "{lines:?}");
    assert_eq!(lines.len(), 1);
}

#[tokio::test]
async fn after_an_address_that_does_not_answer_the_next_is_tried_and_both_are_logged() {
    use smtp_connector_host::accounts::BoxFuture;
    use smtp_connector_host::{Network, NetworkStream, SystemNetwork};
    use std::io;
    use std::net::SocketAddr;

    /// A host with two addresses: the first drops packets, as broken IPv6 does; the second is a test server.
    struct Dual(SocketAddr);
    const SILENT: &str = "2606:4700::1111";
    impl Network for Dual {
        fn resolve<'a>(
            &'a self,
            _: &'a str,
            port: u16,
        ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            let addresses = [SILENT, "2606:4700::1112", PUBLIC];
            let addresses = addresses.map(|ip| SocketAddr::new(ip.parse().expect(ip), port));
            Box::pin(async move { Ok(addresses.to_vec()) })
        }

        fn connect(
            &self,
            address: SocketAddr,
        ) -> BoxFuture<'_, io::Result<Box<dyn NetworkStream>>> {
            match address.is_ipv6() {
                true => Box::pin(std::future::pending()),
                false => SystemNetwork.connect(self.0),
            }
        }
    }
    let log = Log::default();
    let _here = tracing::subscriber::set_default(log.subscriber());
    let connector = connector_of(&[], &[], Dual(saying(FILE).await));
    // Attachments have a timeout of 600 ms here.
    fetch(&connector, "http://files.example/a").await.expect("the second address answers");
    let lines = connections(&log);
    assert_eq!(lines.len(), 2, "the third address is not needed: {lines:?}");
    assert!(lines[0].starts_with("outcome=\"connected\""), "{lines:?}");
    assert!(lines[0].contains(&format!("address={PUBLIC}:80")), "{lines:?}");
    assert!(lines[1].starts_with("outcome=\"abandoned\""), "{lines:?}");
    assert!(lines[1].contains(&format!("address=[{SILENT}]:80")), "{lines:?}");
    assert!(lines[1].ends_with("reason=another address connected first"), "{lines:?}");
}

#[tokio::test]
async fn a_dropped_connection_attempt_is_logged() {
    use smtp_connector_host::accounts::BoxFuture;
    use smtp_connector_host::{Network, NetworkStream};
    use std::io;
    use std::net::SocketAddr;

    /// Resolves names, but opens no connections.
    struct Deaf;
    impl Network for Deaf {
        fn resolve<'a>(
            &'a self,
            _: &'a str,
            port: u16,
        ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            Box::pin(async move { Ok(vec![SocketAddr::new(PUBLIC.parse().expect(PUBLIC), port)]) })
        }

        fn connect(&self, _: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn NetworkStream>>> {
            Box::pin(std::future::pending())
        }
    }
    let log = Log::default();
    let _here = tracing::subscriber::set_default(log.subscriber());
    let connector = connector_of(&[], &[], Deaf);
    let fetch = fetch(&connector, "http://files.example/a");
    let patience = std::time::Duration::from_millis(300);
    tokio::time::timeout(patience, fetch).await.expect_err("it is dropped before it ends");
    let lines = connections(&log);
    assert!(lines.len() == 1 && lines[0].starts_with("outcome=\"abandoned\""), "{lines:?}");
    assert!(lines[0].contains(&format!("address={PUBLIC}:80")), "{lines:?}");
}

#[tokio::test]
async fn a_denied_address_gets_neither_mail_nor_secrets() {
    let server = FaultServer::start(Scenario::default()).await;
    let transport = |denied: &[&str]| {
        SmtpTransport::new().danger_allow_private_hosts().deny_addresses(ranges(denied))
    };
    for host in ["127.0.0.1", "localhost", "::ffff:127.0.0.1"] {
        let one = Arc::new(account(host, server.port()).build().expect("right"));
        let denied = transport(&["127.0.0.0/8", "::1"]);
        let error = denied.test(one.server()).await.expect_err("it is denied");
        assert_eq!(error.code, FailureCode::Policy, "{host}: {error}");
    }
    assert_eq!(server.seen().connections, 0);

    let endpoint = HttpServer::start(vec![Page::raw("/token", TOKEN)]).await;
    let url = endpoint.url("/token").parse().expect("an address on this machine");
    let oauth2 = OAuth2::client_credentials(url, "client", Secret::new("s3cr3t"));
    let one = account("127.0.0.1", server.port()).oauth2("user", oauth2).build().expect("right");
    let error = transport(&["127.0.0.1"]).test(one.server()).await.expect_err("it is denied");
    assert_eq!(error.code, FailureCode::Policy, "{error}");
    assert!(endpoint.requests().is_empty());

    // A clone that denies more addresses does not use the original's connections.
    let free = transport(&["127.0.0.2"]);
    let bound = free.clone().deny_addresses(ranges(&["127.0.0.1"]));
    for (transport, is_sent) in [(free.clone(), true), (bound, false), (free, true)] {
        let one = account("127.0.0.1", server.port()).build().expect("right");
        let connector = connector_in(host_builder([one]).transport(transport));
        let input = json!({ "to": "b@example.net" }).to_string();
        let sent = connector.invoke(Invocation::send_mail(input).account("work")).await;
        assert_eq!(sent.is_ok(), is_sent);
    }
}

#[tokio::test]
async fn the_default_transport_denies_the_hosts_denied_addresses() {
    let log = Log::default();
    let _here = tracing::subscriber::set_default(log.subscriber());
    let connector = connector_in(
        public_host([account(PUBLIC, 25).build().expect("right")])
            .deny_addresses(ranges(&[PUBLIC])),
    );
    let input = json!({ "to": "b@example.net" }).to_string();
    let sent = connector.invoke(Invocation::send_mail(input).account("work")).await;
    assert_eq!(sent.expect_err("it is denied").code(), FailureCode::Policy);
    let lines = connections(&log);
    assert!(lines.len() == 1 && lines[0].ends_with("in a denied range"), "{lines:?}");
}
