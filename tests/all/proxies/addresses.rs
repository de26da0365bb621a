//! The addresses that are reached through a proxy: checked here, or refused.

use smtp_connector_host::{AddressRange, NoProxy};

use super::*;
use crate::fetching::{Liar, PUBLIC};

fn ranges(texts: &[&str]) -> Vec<AddressRange> {
    texts.iter().map(|text| text.parse().expect(text)).collect()
}

/// An account without a proxy, on a server with a name.
fn plain() -> Account {
    let account = Account::builder("work", "mail.example").port(25).security(Security::None);
    account.build().expect("the settings are right")
}

/// A platform's network: names resolve to this address, and everything goes through the proxy on this machine.
fn network(own: &ProxyServer, scheme: &str, address: &str) -> ProxyNetwork {
    let liar = Liar::with(own.address()).answering(&[&[address]]);
    ProxyNetwork::new(proxy(&own.url(scheme))).over(liar)
}

#[tokio::test]
async fn a_platform_checks_addresses_before_the_proxy_gets_them() {
    let server = FaultServer::start(Scenario::default()).await;
    let to = Some(([127, 0, 0, 1], server.port()).into());
    for (scheme, speaks) in [SCHEMES[0], SCHEMES[2]] {
        let own = ProxyServer::leading_to(speaks, Manner::Honest, to).await;
        for inner in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "fd00:ec2::254"] {
            let transport = SmtpTransport::new().network(network(&own, scheme, inner));
            let failure = transport.test(plain().server()).await.expect_err(inner);
            assert_eq!(failure.code, FailureCode::Policy, "{scheme} {inner}: {failure}");
        }
        let denying = SmtpTransport::new()
            .danger_allow_private_hosts()
            .deny_addresses(ranges(&[PUBLIC]))
            .network(network(&own, scheme, PUBLIC));
        let failure = denying.test(plain().server()).await.expect_err("it is denied");
        assert_eq!(failure.code, FailureCode::Policy, "{failure}");
        assert!(own.asked().is_empty(), "{:?}", own.asked());

        let transport = SmtpTransport::new().network(network(&own, scheme, PUBLIC));
        transport.test(plain().server()).await.expect("it is public");
        assert_eq!(own.asked(), [format!("{PUBLIC}:25")], "the proxy gets the checked address");
    }
}

#[tokio::test]
async fn a_proxy_that_resolves_names_is_refused_where_addresses_are_restricted() {
    let server = FaultServer::start(Scenario::default()).await;
    let to = Some(([127, 0, 0, 1], server.port()).into());
    let own = ProxyServer::leading_to(Speaks::Socks, Manner::Honest, to).await;
    let network = || network(&own, "socks5h", PUBLIC);
    let denying =
        SmtpTransport::new().danger_allow_private_hosts().deny_addresses(ranges(&[PUBLIC]));
    for transport in [SmtpTransport::new(), denying] {
        let failure =
            transport.network(network()).test(plain().server()).await.expect_err("refused");
        assert_eq!(failure.code, FailureCode::Policy, "{failure}");
        assert!(
            failure.hint.as_ref().is_some_and(|hint| hint.contains("socks5://")),
            "{failure:?}"
        );
    }
    assert!(own.asked().is_empty());

    // An address needs no resolver, and is checked as always.
    let on = |host: &str| Account::builder("work", host).port(25).security(Security::None);
    let transport = SmtpTransport::new().network(network());
    let inner = on("10.1.2.3").build().expect("right");
    let failure = transport.test(inner.server()).await.expect_err("it is not public");
    assert_eq!(failure.code, FailureCode::Policy, "{failure}");
    transport.test(on(PUBLIC).build().expect("right").server()).await.expect("it is public");

    for transport in [
        SmtpTransport::new().danger_allow_private_hosts().network(network()),
        SmtpTransport::new().network(network().danger_trust_proxy()),
    ] {
        transport.test(plain().server()).await.expect("the proxy resolves the name");
    }
    assert_eq!(own.asked(), [&format!("{PUBLIC}:25"), "mail.example:25", "mail.example:25"]);
}

#[tokio::test]
async fn an_accounts_proxy_must_be_public_on_a_platform() {
    let own = ProxyServer::start(Speaks::Socks, Manner::Honest).await;
    let with = |url: &str| {
        let account = Account::builder("work", PUBLIC).port(25).security(Security::None);
        account.proxy(proxy(url)).build().expect("right")
    };
    let failure = SmtpTransport::new().test(with(&own.url("socks5")).server()).await;
    let failure = failure.expect_err("the proxy is on this machine");
    assert_eq!(failure.code, FailureCode::Policy, "{failure}");
    assert!(failure.message.contains("the account's proxy socks5://127.0.0.1"), "{failure}");
    assert!(failure.hint.is_some_and(|hint| hint.contains("setting proxy")));
    assert!(own.asked().is_empty());

    // The proxy is public here, but would resolve the server's name.
    let named = Account::builder("work", "mail.example").port(25).security(Security::None);
    let named = named.proxy(proxy("socks5h://1.1.1.1:1080")).build().expect("right");
    let liar = Liar::with(own.address());
    let failure = SmtpTransport::new().network(liar).test(named.server()).await;
    let failure = failure.expect_err("its addresses cannot be checked");
    assert_eq!(failure.code, FailureCode::Policy, "{failure}");
    assert!(failure.message.contains("socks5h://1.1.1.1:1080 resolves names itself"), "{failure}");
    assert!(own.asked().is_empty());
}

#[tokio::test]
async fn hosts_without_a_proxy_are_reached_directly() {
    let server = FaultServer::start(Scenario::default()).await;
    let own = ProxyServer::start(Speaks::Http, Manner::Honest).await;
    for (list, direct) in [("localhost", true), (".example.com, 127.0.0.1", false)] {
        let network = ProxyNetwork::new(proxy(&own.url("http"))).except(NoProxy::from(list));
        let transport = SmtpTransport::new().danger_allow_private_hosts().network(network);
        let account = account(server.port(), "http://h").build().expect("right").without_proxy();
        transport.test(account.server()).await.expect("the server is there");
        assert_eq!(own.asked().is_empty(), direct, "{list}");
    }
}

#[tokio::test]
async fn every_address_is_tried_unless_the_proxy_itself_fails() {
    for (manner, tried) in [(Manner::Answer(4), 2), (Manner::Login("alice", "hunter2"), 0)] {
        let log = Log::default();
        let _here = tracing::subscriber::set_default(log.subscriber());
        let own = ProxyServer::start(Speaks::Socks, manner).await;
        let liar = Liar::with(own.address()).answering(&[&[PUBLIC, "1.1.1.1"]]);
        let network = ProxyNetwork::new(proxy(&own.url("socks5"))).over(liar);
        let failure = SmtpTransport::new().network(network).test(plain().server()).await;
        let failure = failure.expect_err("the proxy gives no connection");
        assert_eq!(own.asked().len(), tried, "{failure}");
        let attempts = log.text().matches("outcome=\"failed\" purpose=\"smtp\"").count();
        assert_eq!(attempts, tried.max(1), "{}", log.text());
        assert_eq!(failure.message.contains("1.1.1.1"), tried == 2, "{failure}");
        assert!(
            failure.message.contains(&format!("the proxy {} ", own.url("socks5"))),
            "{failure}"
        );
    }
}
