//! Proxies that fail: each failure has its sentence, which names the proxy and the setting, and never the password.

use std::time::Duration;

use smtp_connector_host::accounts::{SecretSource, Timeouts};
use smtp_connector_host::{Phase, Retry};

use super::*;

const PASSWORD: &str = "hunter2";

/// Returns the failure of a connection through a proxy of this manner, with or without a login.
async fn failure(scheme: &str, speaks: Speaks, manner: Manner, login: bool) -> (Failure, String) {
    let server = FaultServer::start(Scenario::default()).await;
    let own = ProxyServer::start(speaks, manner).await;
    let url = match login {
        true => own.url_with(scheme, &format!("alice:{PASSWORD}")),
        false => own.url(scheme),
    };
    let timeouts = Timeouts::default().connect(Duration::from_millis(400));
    let account = account(server.port(), &url).timeouts(timeouts);
    let failure = test(account).await.expect_err("the proxy fails");
    assert_eq!(server.seen().connections, 0, "{failure}");
    (failure, own.url(scheme))
}

#[tokio::test]
async fn each_failure_of_a_proxy_has_its_sentence() {
    use Manner::*;
    use Speaks::*;
    const HTTP_400: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    const HTTP_401: &[u8] = b"HTTP/1.0 401 Unauthorized\r\nConnection: close\r\n\r\n";
    const SMTP: &[u8] = b"220 mail.example ESMTP\r\n";
    let (now, later) = (Retry::AfterConfigChange, Retry::Later);
    for (scheme, speaks, manner, login, sentence, retry) in [
        ("socks5", Socks, Login("a", "b"), false, "requires a username and a password", now),
        ("socks5", Socks, Login("a", "b"), true, "refuses the username or the password", now),
        ("socks5", Socks, NoMethod, false, "requires a username and a password", now),
        ("socks5", Socks, NoMethod, true, "accepts neither a username with a password", now),
        ("socks5", Socks, Answer(1), false, "reports a general failure", later),
        ("socks5", Socks, Answer(2), true, "does not allow this connection by its rules", now),
        ("socks5", Socks, Answer(3), false, "cannot reach the server's network", later),
        ("socks5h", Socks, Answer(4), false, "cannot reach the server (SOCKS reply 4)", later),
        ("socks5", Socks, Answer(5), false, "reports that the server refused", later),
        (
            "socks5",
            Socks,
            Answer(6),
            false,
            "reports that the connection took too many hops",
            later,
        ),
        ("socks5", Socks, Answer(7), false, "does not support connecting", now),
        ("socks5", Socks, Answer(8), false, "does not support this type of address", now),
        ("socks5h", Socks, Answer(99), false, "answered with an unknown SOCKS code", later),
        ("socks5", Socks, Says(SMTP), true, "does not answer as a SOCKS5 proxy", now),
        ("socks5", Socks, Says(HTTP_400), false, "does not answer as a SOCKS5 proxy", now),
        ("socks5", Socks, Closing, false, "closed the connection during the handshake", later),
        ("socks5", Socks, Silent, true, "accepted the connection, but did not connect", later),
        ("http", Http, Login("a", "b"), false, "requires a username and a password", now),
        ("http", Http, Login("a", "b"), true, "refuses the username or the password", now),
        ("http", Http, Answer(403), true, "does not allow this connection by its rules", now),
        (
            "http",
            Http,
            Answer(502),
            false,
            "could not connect to the server (HTTP status 502)",
            later,
        ),
        ("http", Http, Answer(400), false, "answered CONNECT with HTTP status 400", later),
        ("http", Http, Answer(302), false, "answered CONNECT with HTTP status 302", later),
        ("http", Http, Says(HTTP_401), true, "refuses the username or the password", now),
        ("http", Http, Says(SMTP), true, "does not answer as an HTTP proxy", now),
        ("http", Http, Says(b"\x05\xff"), false, "does not answer as an HTTP proxy", now),
        ("http", Http, Closing, false, "closed the connection during the handshake", later),
        ("http", Http, Silent, false, "accepted the connection, but did not connect", later),
    ] {
        let (failure, url) = failure(scheme, speaks, manner, login).await;
        let case = format!("{scheme} {manner:?} {login}: {failure} ({:?})", failure.hint);
        assert_eq!((failure.code, failure.phase), (FailureCode::Connect, Phase::Connect), "{case}");
        assert_eq!(failure.retry, retry, "{case}");
        assert!(
            failure.message.contains(&format!("the account's proxy {url} {sentence}")),
            "{case}"
        );
        let hint = failure.hint.as_deref().unwrap_or_default();
        // A proxy that closes the connection may do so because of the target.
        let about_target = matches!(manner, Answer(_) | Closing);
        let prefix = "could not connect to localhost";
        assert_eq!(failure.message.starts_with(prefix), about_target, "{case}");
        let is_refused = matches!(manner, Answer(_));
        assert_eq!(hint.contains("the account's setting proxy"), !is_refused, "{case}");
        assert!(!case.contains(PASSWORD), "{case}");
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_named() {
    let server = FaultServer::start(Scenario::default()).await;
    let gone = ProxyServer::start(Speaks::Socks, Manner::Honest).await;
    let url = gone.url("socks5");
    drop(gone);
    // The listener is closed with its task.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let failure = test(account(server.port(), &url)).await.expect_err("nothing listens there");
    assert_eq!((failure.code, failure.retry), (FailureCode::Connect, Retry::Later), "{failure}");
    assert!(failure.message.contains(&format!("the account's proxy {url} cannot be reached")));
    assert!(failure.message.contains("refused"), "{failure}");

    let url = "http://proxy.invalid:3128";
    let failure = test(account(server.port(), url)).await.expect_err("the name does not exist");
    assert_eq!((failure.code, failure.phase), (FailureCode::Connect, Phase::Connect), "{failure}");
    assert!(failure.message.contains("proxy http://proxy.invalid:3128 could not be resolved"));
}

#[tokio::test]
async fn a_password_of_a_proxy_comes_from_its_source_or_the_error_says_why_not() {
    let server = FaultServer::start(Scenario::default()).await;
    let own = ProxyServer::start(Speaks::Socks, Manner::Login("alice", PASSWORD)).await;
    let url = own.url_with("socks5", "alice");
    let with = |words: &[&str]| {
        let source = SecretSource::Command(words.iter().map(|&word| word.to_owned()).collect());
        let proxy = Proxy::with_password(&url, source).expect("it is right");
        account(server.port(), &url.replace("alice@", "")).proxy(proxy)
    };
    test(with(&["echo", PASSWORD])).await.expect("the password is right");
    let failure = test(with(&["false"])).await.expect_err("there is no password");
    assert_eq!(failure.code, FailureCode::Account, "{failure}");
    assert!(failure.message.contains("the proxy's password's command false"), "{failure}");
    let timeouts = Timeouts::default().connect(Duration::from_millis(300));
    let failure = test(with(&["sleep", "30"]).timeouts(timeouts)).await.expect_err("it is late");
    assert!(failure.message.contains("password that was not available within "), "{failure}");
    assert_eq!(own.asked().len(), 1);
}

#[tokio::test]
async fn a_message_through_a_failing_proxy_fails_with_its_sentence() {
    let own = ProxyServer::start(Speaks::Http, Manner::Answer(403)).await;
    let error = send(account(25, &own.url("http"))).await.expect_err("the proxy refuses");
    assert_eq!(error.code(), FailureCode::Connect, "{error}");
    assert!(error.to_string().contains("does not allow this connection by its rules"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("port 443")), "{:?}", error.hint());
}
