//! Attachments through a proxy.

use std::time::Duration;

use smtp_connector_host::attachments::AttachmentHosts;
use smtp_connector_host::{Limits, Network, SystemNetwork};

use super::*;
use crate::fetching::{FILE, Liar, PUBLIC, connector_of, fetch, saying};
use crate::support::public_host;

/// Fetches a URL for an account with a proxy, on a platform with this network.
async fn fetch_for(url: &str, via: &str, network: impl Network) -> Result<(), Error> {
    let account = Account::builder("work", "mail.example").sender("alice@example.com");
    let account = account.proxy(proxy(via)).build().expect("the settings are right");
    let mut limits = Limits::default();
    limits.attachment_time = Duration::from_millis(600);
    let host = public_host([account]).network(network).limits(limits);
    fetch(&connector_in(host.attachment_hosts(AttachmentHosts::danger_any())), url).await
}

#[tokio::test]
async fn attachments_come_through_the_platforms_proxy_from_checked_addresses() {
    let file = saying(FILE).await;
    for (scheme, speaks) in [SCHEMES[0], SCHEMES[2]] {
        let own = ProxyServer::leading_to(speaks, Manner::Honest, Some(file)).await;
        let network = |answer: &str| {
            let liar = Liar::with(own.address()).answering(&[&[answer]]);
            ProxyNetwork::new(proxy(&own.url(scheme))).over(liar)
        };
        fetch(&connector_of(&[], &[], network(PUBLIC)), "http://files.example/a")
            .await
            .expect("it is public");
        assert_eq!(own.asked(), [format!("{PUBLIC}:80")]);
        let error = fetch(&connector_of(&[], &[], network("10.0.0.1")), "http://files.example/a")
            .await
            .expect_err("it is not public");
        assert_eq!(error.code(), FailureCode::Policy, "{error}");
        assert_eq!(own.asked().len(), 1);
    }
}

#[tokio::test]
async fn attachments_come_through_the_accounts_proxy() {
    let file = saying(FILE).await;
    for (scheme, speaks) in [SCHEMES[0], SCHEMES[2]] {
        let own =
            ProxyServer::leading_to(speaks, Manner::Login("alice", "hunter2"), Some(file)).await;
        let via = own.url_with(scheme, "alice:hunter2");
        fetch_for(&format!("http://{PUBLIC}/a"), &via, SystemNetwork).await.expect("it is public");
        assert_eq!(own.asked(), [format!("{PUBLIC}:80")]);
        let error = fetch_for("http://10.0.0.1/a", &via, SystemNetwork).await;
        assert_eq!(error.expect_err("it is not public").code(), FailureCode::Policy);
        assert_eq!(own.asked().len(), 1);
    }
}

#[tokio::test]
async fn an_error_about_an_attachment_names_the_setting_but_not_the_proxys_address() {
    let url = format!("http://{PUBLIC}/a");
    for (scheme, speaks, manner, words) in [
        (
            "socks5",
            Speaks::Socks,
            Manner::Answer(5),
            "the account's proxy reports that the server refused",
        ),
        ("http", Speaks::Http, Manner::Answer(407), "the account's proxy refuses the username"),
        ("http", Speaks::Http, Manner::Closing, "the account's proxy closed the connection"),
        (
            "socks5",
            Speaks::Socks,
            Manner::Silent,
            "the account's proxy accepted the connection, but",
        ),
    ] {
        let own = ProxyServer::start(speaks, manner).await;
        let via = own.url_with(scheme, "alice:hunter2");
        let error = fetch_for(&url, &via, SystemNetwork).await.expect_err("the proxy fails");
        let text = error.to_json().to_string();
        assert_eq!(error.code(), FailureCode::Attachment, "{text}");
        assert!(text.contains(words), "{words}: {text}");
        let address = own.address().to_string();
        assert!(!text.contains("hunter2") && !text.contains(&address), "{text}");
    }
}

#[tokio::test]
async fn an_accounts_proxy_for_attachments_keeps_the_platforms_rules() {
    let own = ProxyServer::start(Speaks::Socks, Manner::Honest).await;
    // This platform allows only public hosts, so an account's proxy must be public too.
    let account = Account::builder("work", "mail.example").sender("alice@example.com");
    let account = account.proxy(proxy(&own.url("socks5"))).build().expect("right");
    let connector = connector_in(public_host([account]));
    let error = fetch(&connector, &format!("http://{PUBLIC}/a")).await.expect_err("refused");
    assert_eq!(error.code(), FailureCode::Policy, "{error}");
    assert!(error.to_string().contains("the account's proxy is not allowed"), "{error}");

    let error = fetch_for("http://files.example/a", &own.url("socks5h"), SystemNetwork).await;
    let error = error.expect_err("its addresses cannot be checked");
    assert_eq!(error.code(), FailureCode::Policy, "{error}");
    assert!(error.to_string().contains("resolves names itself (socks5h)"), "{error}");
    assert!(own.asked().is_empty());
}
