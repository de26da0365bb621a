//! Proxies: mail, tokens and attachments through SOCKS5 and HTTP CONNECT, and what a proxy may not do.

mod addresses;
mod attachments;
mod command;
mod failures;
mod https;

use std::sync::Arc;

use serde_json::json;
use smtp_connector_host::accounts::{AccountBuilder, OAuth2, Proxy, Security};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::{Account, Error, Failure, FailureCode, Invocation, ProxyNetwork, Secret};

use crate::support::{
    Authority, FaultServer, HttpServer, Log, Manner, Offers, Page, ProxyServer, Scenario, Speaks,
    connector_in, host_builder,
};

/// The schemes of a URL, with the protocol that each needs.
const SCHEMES: [(&str, Speaks); 3] =
    [("socks5", Speaks::Socks), ("socks5h", Speaks::Socks), ("http", Speaks::Http)];

fn proxy(url: &str) -> Proxy {
    url.parse().expect(url)
}

/// An account on a server of this machine, by name, that sends through this proxy.
fn account(port: u16, url: &str) -> AccountBuilder {
    Account::builder("work", "localhost")
        .port(port)
        .security(Security::None)
        .sender("alice@example.com")
        .proxy(proxy(url))
}

async fn send(account: AccountBuilder) -> Result<(), Error> {
    let account = account.build().expect("the settings are right");
    let connector = connector_in(host_builder([account]));
    let input = json!({ "to": "b@example.net", "text": "Hi!" }).to_string();
    connector.invoke(Invocation::send_mail(input).account("work")).await.map(drop)
}

/// Connects to the account's server from the user's machine.
async fn test(account: AccountBuilder) -> Result<(), Failure> {
    let account = account.build().expect("the settings are right");
    SmtpTransport::new().danger_allow_private_hosts().test(account.server()).await
}

#[tokio::test]
async fn mail_goes_through_each_kind_of_proxy_with_each_kind_of_encryption() {
    let authority = Authority::new();
    let tls = authority.server("localhost");
    for (scheme, speaks) in SCHEMES {
        for security in [Security::None, Security::Starttls, Security::Tls] {
            let offers = match security {
                Security::Starttls => {
                    Offers { starttls: Some(Arc::clone(&tls)), ..Offers::default() }
                }
                Security::Tls => Offers { implicit: Some(Arc::clone(&tls)), ..Offers::default() },
                _ => Offers::default(),
            };
            let server = FaultServer::start(Scenario::default().offering(offers)).await;
            let own = ProxyServer::start(speaks, Manner::Login("alice", "pr0xy p:ssword")).await;
            let url = own.url_with(scheme, "alice:pr0xy%20p%3Assword");
            let mut account = account(server.port(), &url).security(security);
            if security != Security::None {
                account =
                    account.tls(authority.trusted()).credentials("user", Secret::new("s3cr3t"));
            }
            send(account).await.unwrap_or_else(|error| panic!("{scheme} {security}: {error}"));
            let seen = server.ended().await;
            assert_eq!((seen.connections, seen.complete), (1, 1), "{scheme} {security}");
            let asked = own.asked();
            assert_eq!(asked.len(), 1, "{asked:?}");
            let by_name = asked[0] == format!("localhost:{}", server.port());
            let by_address = ["127.0.0.1", "[::1]"]
                .iter()
                .any(|ip| asked[0] == format!("{ip}:{}", server.port()));
            // The proxy resolves the name only where its URL says so, or any address is allowed.
            assert_eq!(
                (by_name, by_address),
                (scheme != "socks5", scheme == "socks5"),
                "{asked:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_greeting_that_arrives_with_the_proxys_answer_is_not_lost() {
    for (scheme, speaks) in SCHEMES {
        let server = FaultServer::start(Scenario::default()).await;
        let own = ProxyServer::start(speaks, Manner::Coalescing).await;
        send(account(server.port(), &own.url(scheme))).await.expect(scheme);
        assert_eq!(server.ended().await.complete, 1, "{scheme}");
    }
}

#[tokio::test]
async fn a_connection_through_a_proxy_is_used_again_and_not_with_another_proxy() {
    let server = FaultServer::start(Scenario::default()).await;
    let [one, other] = [Manner::Honest, Manner::Coalescing]
        .map(|manner| ProxyServer::start(Speaks::Socks, manner));
    let (one, other) = (one.await, other.await);
    let accounts = [("one", &one), ("other", &other)].map(|(name, proxy)| {
        let account = Account::builder(name, "127.0.0.1").port(server.port());
        let account = account.security(Security::None).sender("alice@example.com");
        let account = account.proxy(self::proxy(&proxy.url("socks5")));
        account.build().expect("the settings are right")
    });
    let connector = connector_in(host_builder(accounts));
    for name in ["one", "one", "other", "one"] {
        let input = json!({ "to": "b@example.net" }).to_string();
        connector.invoke(Invocation::send_mail(input).account(name)).await.expect("it is sent");
    }
    assert_eq!((server.seen().connections, server.seen().complete), (2, 4));
    assert_eq!((one.asked().len(), other.asked().len()), (1, 1));
}

#[tokio::test]
async fn access_tokens_are_requested_through_the_proxy_and_never_unencrypted() {
    let server = FaultServer::start(Scenario::default()).await;
    let endpoint = HttpServer::start(vec![Page::raw("/token", "HTTP/1.1 200 OK\r\n\r\n")]).await;
    let own = ProxyServer::start(Speaks::Socks, Manner::Honest).await;
    let url = endpoint.url("/token").parse().expect("an address on this machine");
    let oauth2 = OAuth2::client_credentials(url, "client", Secret::new("cl1ent-s3cr3t"));
    let account = account(server.port(), &own.url("socks5")).oauth2("user", oauth2);
    let failure = test(account).await.expect_err("the secret would be sent unencrypted");
    assert_eq!(failure.code, FailureCode::Auth, "{failure}");
    assert!(failure.message.contains("sent unencrypted"), "{failure}");
    assert_eq!(own.asked(), [endpoint.host()], "the endpoint, and not the mail server");
    assert_eq!(endpoint.requests().concat(), "", "the connection is closed without a request");
}

#[tokio::test]
async fn a_password_never_goes_unencrypted_through_a_proxy() {
    let server = FaultServer::start(Scenario::default()).await;
    let own = ProxyServer::start(Speaks::Http, Manner::Honest).await;
    let account = account(server.port(), &own.url("http"));
    let account = account.credentials("user", Secret::new("s3cr3t"));
    let failure = test(account).await.expect_err("localhost is the proxy's machine");
    assert_eq!(failure.code, FailureCode::Tls, "{failure}");
    assert!(!server.seen().commands.iter().any(|line| line.starts_with("AUTH")));
}

#[tokio::test]
async fn a_platforms_proxy_carries_everything_and_an_accounts_proxy_is_reached_through_it() {
    let server = FaultServer::start(Scenario::default()).await;
    let [outer, inner] = [ProxyServer::start(Speaks::Http, Manner::Honest), {
        ProxyServer::start(Speaks::Socks, Manner::Honest)
    }];
    let (outer, inner) = (outer.await, inner.await);
    let network = ProxyNetwork::new(proxy(&outer.url("http")));
    let transport = SmtpTransport::new().danger_allow_private_hosts().network(network);
    let with = account(server.port(), &inner.url("socks5")).build().expect("right");
    transport.test(with.server()).await.expect("both proxies are honest");
    assert_eq!(outer.asked(), [inner.address().to_string()]);
    assert_eq!(inner.asked().len(), 1);
    transport.test(with.without_proxy().server()).await.expect("the proxy is honest");
    assert_eq!(outer.asked()[1], format!("localhost:{}", server.port()));
    assert_eq!(server.ended().await.connections, 2);
}

#[tokio::test]
async fn the_connection_to_the_proxy_is_logged_too() {
    let log = Log::default();
    let _here = tracing::subscriber::set_default(log.subscriber());
    let server = FaultServer::start(Scenario::default()).await;
    let own = ProxyServer::start(Speaks::Socks, Manner::Login("alice", "hunter2")).await;
    let url = own.url_with("socks5h", "alice:hunter2");
    test(account(server.port(), &url)).await.expect("the proxy is honest");
    let text = log.text();
    assert!(!text.contains("hunter2"), "{text}");
    let lines: Vec<_> =
        text.lines().filter_map(|line| line.split_once("connections: ")).map(|one| one.1).collect();
    let (port, address) = (own.address().port(), own.address());
    assert_eq!(
        lines,
        [
            format!(
                "outcome=\"connected\" purpose=\"proxy\" host=127.0.0.1 port={port} address={address} \
                 account=\"work\" reason="
            ),
            format!(
                "outcome=\"connected\" purpose=\"smtp\" host=localhost port={} account=\"work\" reason=",
                server.port()
            ),
        ]
    );
}
