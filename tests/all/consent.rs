//! A user's consent (OAuth 2), against an authorization server that follows the documents of Google and Microsoft, or
//! departs from them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use smtp_connector_host::accounts::{BoxFuture, Preset, SecretSource, TokenUrl};
use smtp_connector_host::consent::{
    ConsentRequest, Endpoints, Grant, HttpClient, Loopback, LoopbackHost, NetworkClient,
};
use smtp_connector_host::smtp::{RefreshTokens, SmtpTransport};
use smtp_connector_host::{Failure, FailureCode, Retry, Secret};
use smtp_connector_smtp::secret::TokenFile;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::login::{Setting, account, server};
use crate::support::{
    AuthorizationServer, CLIENT, CLIENT_SECRET, Departure, Scenario, allow, fetch, write_private,
};

const PATIENCE: Duration = Duration::from_secs(20);

fn client() -> NetworkClient {
    NetworkClient::new().danger_allow_private_hosts()
}

fn request(server: &AuthorizationServer) -> ConsentRequest {
    let url = |endpoint| server.url(endpoint).parse().expect("an address on this machine");
    let endpoints = Endpoints::new(url("token"))
        .authorization(Some(url("authorize")))
        .device(Some(url("device")));
    ConsentRequest::new(endpoints, CLIENT)
        .client_secret(SecretSource::from(Secret::new(CLIENT_SECRET)))
        .scope("mail.send offline_access")
}

/// Begins a consent, allows it in a browser, and returns the result and the last page.
async fn consent(request: &ConsentRequest) -> (Result<Grant, Failure>, String) {
    let loopback = Loopback::default().patience(PATIENCE);
    let consent = request.begin(loopback).await.expect("a port is free");
    let url = consent.url().to_string();
    let browser = tokio::spawn(async move { allow(&url).await });
    let grant = timeout(PATIENCE, consent.finish(&client())).await.expect("it ends");
    (grant, browser.await.expect("the browser shows a page"))
}

#[tokio::test]
async fn a_consent_in_the_browser_gives_a_refresh_token() {
    let server = AuthorizationServer::start(Departure::None).await;
    let google = Preset::find("gmail").and_then(Preset::consent).expect("it has a preset");
    let parameters = google.request("x").expect("the preset is right").parameters;
    let google = request(&server).scope("https://mail.google.com/").parameters(parameters);
    let openid = request(&server).scope("openid mail.send offline_access");
    for request in [request(&server), google, openid] {
        let (grant, page) = consent(&request).await;
        let grant = grant.expect("the user allowed it");
        assert_eq!(grant.refresh_token.expose(), server.refresh_token());
        assert!(page.starts_with("HTTP/1.1 200 OK") && page.contains("Consent received"), "{page}");
        for header in
            ["content-security-policy: default-src 'none'", "referrer-policy: no-referrer"]
        {
            assert!(page.contains(header), "{page}");
        }
        let form = server.forms().pop().expect("the code was exchanged");
        assert_eq!(form["client_secret"], CLIENT_SECRET);
        for secret in [&server.refresh_token(), &form["code"], &form["code_verifier"]] {
            assert!(!format!("{grant:?}").contains(secret) && !page.contains(secret), "{secret}");
        }
    }
}

#[tokio::test]
async fn what_is_not_the_answer_is_ignored() {
    let server = AuthorizationServer::start(Departure::None).await;
    let microsoft = Loopback::default().host(LoopbackHost::Localhost).patience(PATIENCE);
    let consent = request(&server).begin(microsoft).await.expect("a port is free");
    let url = consent.url().to_string();
    let redirect = consent.redirect().to_owned();
    assert!(redirect.starts_with("http://localhost:") && redirect.matches('/').count() == 2);
    let browser = tokio::spawn(async move {
        // Browsers open connections that they do not use.
        let port = redirect.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
        let _unused = TcpStream::connect(("127.0.0.1", port.expect("a port"))).await;
        for target in ["/favicon.ico", "/", "/?x=1", "/other?code=x&state=y", "/consent/?code=x"] {
            let page = fetch(&format!("{redirect}{target}"), None).await;
            assert!(page.starts_with("HTTP/1.1 404 "), "{target}: {page}");
        }
        let posted = fetch(&format!("{redirect}/?code=x&state=y"), Some("")).await;
        assert!(posted.starts_with("HTTP/1.1 404 "), "{posted}");
        allow(&url).await
    });
    let started = std::time::Instant::now();
    timeout(PATIENCE, consent.finish(&client())).await.expect("it ends").expect("it is allowed");
    assert!(started.elapsed() < Duration::from_secs(5), "it does not wait for unused connections");
    assert!(browser.await.expect("every page is right").contains("Consent received"));
}

#[tokio::test]
async fn a_consent_that_fails_says_why_and_what_to_do() {
    use FailureCode::{Account, Auth};
    use Retry::{AfterConfigChange, Later, Never};
    for (departure, code, retry, words) in [
        (
            Departure::Denied,
            Auth,
            Never,
            "consent was denied at 127.0.0.1 (access_denied, the user said no)",
        ),
        (Departure::OtherState, Auth, Never, "its state is another"),
        (Departure::TwoStates, Auth, Never, "its state is another"),
        (Departure::OtherNonce, Auth, Never, "another nonce"),
        (
            Departure::Page,
            Account,
            AfterConfigChange,
            "did not answer as OAuth 2 requires: it sent 200 OK with text/html",
        ),
        (Departure::Down, Auth, Later, "answered 503"),
        (Departure::OldCode, Auth, Never, "does not accept the code"),
        (Departure::NoRefreshToken, Auth, AfterConfigChange, "no refresh token"),
        (Departure::BrokenToken, Account, AfterConfigChange, "a malformed token"),
        (Departure::LessScope, Auth, Never, "mail.send is missing"),
    ] {
        let server = AuthorizationServer::start(departure).await;
        let openid = departure == Departure::OtherNonce;
        let scope =
            if openid { "openid mail.send offline_access" } else { "mail.send offline_access" };
        let (grant, page) = consent(&request(&server).scope(scope)).await;
        let failure = grant.expect_err(words);
        assert!(failure.message.contains(words), "{failure}");
        assert_eq!((failure.code, failure.retry), (code, retry), "{failure}");
        assert!(failure.hint.as_ref().is_some_and(|hint| !hint.is_empty()), "{failure}");
        let shown = format!("{failure:?}");
        for secret in ["c0de-", "r3fresh", CLIENT_SECRET] {
            assert!(!shown.contains(secret), "{secret} is in {shown}");
        }
        let is_refused = page.contains("No consent") || page.contains("belongs to another request");
        let before_tokens =
            [Departure::Denied, Departure::OtherState, Departure::TwoStates].contains(&departure);
        assert_eq!(is_refused, before_tokens, "{page}");
        assert_eq!(server.forms().is_empty(), before_tokens, "a forged code is never sent");
    }
}

#[tokio::test]
async fn a_wrong_client_is_a_mistake_in_the_settings() {
    let server = AuthorizationServer::start(Departure::None).await;
    let wrong = request(&server).client_secret(SecretSource::from(Secret::new("wr0ng-secret")));
    let failure = consent(&wrong).await.0.expect_err("the secret is wrong");
    assert_eq!(failure.code, FailureCode::Account, "{failure}");
    assert!(failure.message.contains("client id or its secret"), "{failure}");
    assert!(!format!("{failure:?}").contains("wr0ng"), "{failure:?}");
    // The provider shows an error in the browser, which never comes back.
    let mut wrong = request(&server);
    wrong.client_id = "stranger".to_owned();
    let loopback = Loopback::default().patience(Duration::from_millis(300));
    let consent = wrong.begin(loopback).await.expect("a port is free");
    assert!(allow(consent.url().as_str()).await.starts_with("HTTP/1.1 400 "));
    let failure = consent.finish(&client()).await.expect_err("the browser never comes back");
    assert!(failure.message.contains("did not come back within 300 ms"), "{failure}");
    assert_eq!(failure.retry, Retry::Later);
    assert!(failure.hint.is_some_and(|hint| hint.contains("check the client id")));
}

#[tokio::test]
async fn a_port_that_is_taken_is_reported() {
    let server = AuthorizationServer::start(Departure::None).await;
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = taken.local_addr().expect("it is bound").port();
    let failure = request(&server).begin(Loopback::default().port(port)).await;
    let failure = failure.expect_err("the port is taken");
    assert_eq!(failure.code, FailureCode::Account);
    assert!(failure.message.contains(&format!("port {port} of this machine: another program")));
}

#[tokio::test]
async fn a_code_entered_on_another_device_gives_a_refresh_token() {
    let server = AuthorizationServer::start(Departure::None).await;
    let consent = request(&server).begin_on_device(&client()).await.expect("there is a code");
    assert_eq!(consent.user_code(), "ABCD-EFGH");
    assert_eq!(consent.verification_url(), server.url("enter"));
    assert_eq!(consent.expires_in(), Duration::from_secs(900));
    let grant = timeout(PATIENCE, consent.finish(&client())).await.expect("it ends");
    assert_eq!(grant.expect("it is allowed").refresh_token.expose(), server.refresh_token());
    assert_eq!(server.forms().len(), 2, "the first poll is too early");

    for (departure, code, retry, words) in [
        (Departure::Denied, FailureCode::Auth, Retry::Never, "consent was denied"),
        (Departure::Expired, FailureCode::Auth, Retry::Later, "the device code expired"),
        (
            Departure::Page,
            FailureCode::Account,
            Retry::AfterConfigChange,
            "it sent 200 OK with text/html",
        ),
        (Departure::LocalPage, FailureCode::Account, Retry::AfterConfigChange, "not an https URL"),
    ] {
        let server = AuthorizationServer::start(departure).await;
        let failure = match request(&server).begin_on_device(&client()).await {
            Ok(consent) => timeout(PATIENCE, consent.finish(&client())).await.expect("it ends"),
            Err(failure) => Err(failure),
        };
        let failure = failure.expect_err(words);
        assert!(failure.message.contains(words), "{failure}");
        assert_eq!((failure.code, failure.retry), (code, retry), "{failure}");
        let shown = format!("{failure:?}");
        assert!(failure.hint.is_some() && !shown.contains("d3vice"), "{shown}");
    }
}

#[tokio::test]
async fn endpoints_are_found_in_the_issuers_metadata() {
    let server = AuthorizationServer::start(Departure::None).await;
    let found = Endpoints::discover(&server.issuer(), &client()).await.expect("it has metadata");
    let issuer: TokenUrl = server.issuer().parse().expect("a URL");
    assert_eq!(found, request(&server).endpoints.issuer(issuer));
    let localhost = server.issuer().replace("127.0.0.1", "localhost");
    let failure = Endpoints::discover(&localhost, &client()).await.expect_err("another issuer");
    assert!(failure.message.contains("metadata of another issuer"), "{failure}");
    let none = format!("{}/none", server.issuer());
    let failure = Endpoints::discover(&none, &client()).await.expect_err("there is none");
    assert!(failure.message.contains("no metadata (it answered 404 and 404)"), "{failure}");
    let failure = Endpoints::discover(&server.issuer(), &NetworkClient::new()).await;
    assert_eq!(failure.expect_err("it is not public").code, FailureCode::Policy);
}

/// A platform's client: it counts its requests.
struct Counting(NetworkClient, Mutex<Vec<String>>);

impl HttpClient for Counting {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> BoxFuture<'_, Result<http::Response<Vec<u8>>, Failure>> {
        self.1.lock().expect("no thread panics while holding it").push(request.uri().to_string());
        self.0.send(request)
    }
}

#[tokio::test]
async fn a_platform_uses_its_own_client_and_its_own_web_server() {
    let server = AuthorizationServer::start(Departure::None).await;
    let client = Counting(client(), Mutex::default());
    // The platform's web server: it keeps the first request that it gets.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let redirect = format!("http://{}/consented", listener.local_addr().expect("it is bound"));
    let authorization = request(&server).at(&redirect).expect("the endpoint is known");
    let url = authorization.url().to_string();
    let browser = tokio::spawn(async move { allow(&url).await });
    let (mut stream, _) = listener.accept().await.expect("the browser comes");
    let mut bytes = vec![0; 4096];
    let length = tokio::io::AsyncReadExt::read(&mut stream, &mut bytes).await.expect("it asks");
    let asked = String::from_utf8_lossy(&bytes[..length]).into_owned();
    drop(stream);
    browser.abort();
    let target = asked.split(' ').nth(1).and_then(|target| target.split_once('?'));
    let (path, query) = target.expect("a query");
    assert_eq!(path, "/consented");
    let failure = authorization.redirected("code=x&state=y", &client).await;
    assert!(failure.expect_err("it is forged").message.contains("its state is another"));
    let grant = authorization.redirected(query, &client).await.expect("it is allowed");
    assert_eq!(grant.refresh_token.expose(), server.refresh_token());
    let sent = client.1.lock().expect("no thread panics while holding it").clone();
    assert_eq!(sent, [server.url("token")]);
}

/// A platform's vault: it keeps the refresh tokens that replace others.
#[derive(Clone, Default)]
struct Vault(Arc<Mutex<Vec<(String, Secret)>>>);

impl RefreshTokens for Vault {
    fn replaced<'a>(&'a self, account: &'a str, new: &'a Secret) -> BoxFuture<'a, ()> {
        let entry = (account.to_owned(), new.clone());
        self.0.lock().expect("no thread panics while holding it").push(entry);
        Box::pin(async {})
    }
}

#[tokio::test]
async fn a_rotated_refresh_token_goes_to_the_platforms_vault() {
    let smtp = server("AUTH XOAUTH2", Scenario::default()).await;
    let server = AuthorizationServer::start(Departure::Rotating).await;
    let grant = consent(&request(&server)).await.0.expect("it is allowed");
    let login = grant.login(grant.refresh_token.clone());
    let work = account("work", &smtp).oauth2("user", login).build().expect("right");
    let vault = Vault::default();
    let transport = SmtpTransport::new().danger_allow_private_hosts().refresh_tokens(vault.clone());
    for number in 1..=2 {
        transport.test(work.server()).await.expect("the token is accepted");
        let kept = vault.0.lock().expect("no thread panics while holding it").clone();
        assert_eq!(kept.len(), number);
        assert_eq!(kept.last(), Some(&("work".to_owned(), Secret::new(server.refresh_token()))));
    }
}

#[tokio::test]
async fn a_rotated_refresh_token_is_kept_in_a_file_of_this_program_only() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let smtp = server("AUTH XOAUTH2", Scenario::default()).await;
    for is_ours in [true, false] {
        let server = AuthorizationServer::start(Departure::Rotating).await;
        let grant = consent(&request(&server)).await.0.expect("it is allowed");
        let file = TokenFile::new(folder.path().join(format!("{is_ours}.refresh-token")));
        match is_ours {
            true => file.write(&grant.refresh_token).expect("it can be written"),
            false => write_private(file.path(), format!("{}\n", grant.refresh_token.expose())),
        }
        let first = std::fs::read_to_string(file.path()).expect("it is there");
        let login = grant.login(SecretSource::File(file.path().to_owned()));
        let work = account("work", &smtp).oauth2("user", login).build().expect("right");
        let process = Setting::with([work.clone()]);
        for _ in 0..2 {
            process.send("work").await.expect("the token is accepted");
        }
        let now = std::fs::read_to_string(file.path()).expect("it is there");
        assert_eq!(now != first, is_ours, "{now}");
        assert_eq!(now.contains(&server.refresh_token()), is_ours, "{now}");
        // A process that starts later has only the file.
        let later = Setting::with([work]).send("work").await;
        assert_eq!(later.is_ok(), is_ours);
        if let Err(error) = later {
            let hint = error.hint().unwrap_or_default();
            assert!(
                hint.contains("run `smtp-connector accounts authorize \"work\"` again"),
                "{hint}"
            );
        }
    }
}
