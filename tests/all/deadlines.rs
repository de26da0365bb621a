//! One deadline covers everything that a message waits for, and the error names what it waited for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smtp_connector_host::accounts::{
    AccountBuilder, AccountLimits, OAuth2, SecretSource, Security, Timeouts,
};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::transport::Transport as _;
use smtp_connector_host::{Account, Failure, FailureCode, Retry, Secret};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::envelope;

/// The total time of a message.
const TOTAL: Duration = Duration::from_millis(1500);

fn account(port: u16) -> AccountBuilder {
    let limits = AccountLimits::default().connections(1);
    let timeouts = Timeouts::default().total(TOTAL);
    Account::builder("work", "127.0.0.1")
        .port(port)
        .security(Security::None)
        .limits(limits)
        .timeouts(timeouts)
}

/// A server that talks to its first client, but never answers later ones.
async fn talking_once() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        let (first, _) = listener.accept().await.expect("a client comes");
        tokio::spawn(talk(first));
        let mut silent = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            silent.push(stream);
        }
    });
    port
}

async fn talk(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    let mut reply = "220 mx.test\r\n";
    loop {
        let mut line = String::new();
        let is_said = stream.write_all(reply.as_bytes()).await.is_ok();
        if !is_said || stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        reply = if line.starts_with("DATA") { "354 go\r\n" } else { "250 ok\r\n" };
    }
}

/// A server that accepts connections but never answers.
async fn silent() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    port
}

fn is_over(began: Instant, failure: &Failure) {
    let took = began.elapsed();
    assert!((TOTAL..TOTAL + Duration::from_millis(700)).contains(&took), "{took:?}: {failure}");
    let told = failure.to_string();
    assert!(told.contains("the account's timeouts.total of 1.5 s ran out"), "{told}");
    assert_eq!(failure.retry, Retry::Later, "{failure}");
    assert!(failure.hint.is_some(), "{failure:?}");
}

#[tokio::test]
async fn waiting_for_a_connection_ends_at_the_messages_deadline() {
    let transport = SmtpTransport::new().danger_allow_private_hosts();
    let account = Arc::new(account(talking_once().await).build().expect("right"));
    let first = transport.begin(&account, envelope()).await.expect("it begins");
    let began = Instant::now();
    let failure = transport.begin(&account, envelope()).await.map(drop).expect_err("none is free");
    is_over(began, &failure);
    assert_eq!(failure.code, FailureCode::Timeout);
    assert!(failure.to_string().starts_with("no connection to 127.0.0.1 became free"));
    drop(first);
}

#[tokio::test]
async fn the_wait_for_a_connection_and_the_conversation_share_one_deadline() {
    let transport = SmtpTransport::new().danger_allow_private_hosts();
    let account = Arc::new(account(talking_once().await).build().expect("right"));
    let first = transport.begin(&account, envelope()).await.expect("it begins");
    let began = Instant::now();
    let waiting = tokio::spawn({
        let (transport, account) = (transport.clone(), Arc::clone(&account));
        async move { transport.begin(&account, envelope()).await.map(drop) }
    });
    tokio::time::sleep(TOTAL / 2).await;
    // The first message's connection ends with it, and the next connection is silent.
    drop(first);
    let failure = waiting.await.expect("no panic").expect_err("the server is silent");
    is_over(began, &failure);
    assert!(failure.to_string().contains("did not answer at its greeting within "), "{failure}");
}

#[tokio::test]
async fn a_connection_is_opened_within_its_messages_deadline() {
    // Accounts that share connections may have different timeouts.
    let transport = SmtpTransport::new().danger_allow_private_hosts();
    let port = talking_once().await;
    let patient = account(port).timeouts(Timeouts::default()).build().expect("right");
    let first = transport.begin(&Arc::new(patient), envelope()).await.expect("it begins");
    drop(first);
    let hasty = Arc::new(account(port).build().expect("right"));
    let began = Instant::now();
    let failure = transport.begin(&hasty, envelope()).await.map(drop).expect_err("it is silent");
    is_over(began, &failure);
}

#[cfg(unix)]
#[tokio::test]
async fn waiting_for_a_secret_ends_at_the_messages_deadline() {
    let slow = || SecretSource::Command(["sleep", "60"].map(str::to_owned).to_vec());
    for login in
        [account(1).credentials("user", slow()), account(1).oauth2("user", OAuth2::token(slow()))]
    {
        let account = Arc::new(login.build().expect("right"));
        let transport = SmtpTransport::new().danger_allow_private_hosts();
        let began = Instant::now();
        let failure = transport.begin(&account, envelope()).await.map(drop);
        let failure = failure.expect_err("there is no secret");
        is_over(began, &failure);
        assert!(failure.to_string().contains("from the command sleep was not available"));
    }
}

#[tokio::test]
async fn waiting_for_a_token_endpoint_ends_at_the_messages_deadline() {
    let url = format!("http://127.0.0.1:{}/token", silent().await);
    let oauth2 = OAuth2::client_credentials(
        url.parse().expect("an address"),
        "client",
        Secret::new("s3cr3t"),
    );
    let login = || account(1).oauth2("user", oauth2.clone());
    let hasty = Arc::new(login().build().expect("right"));
    let patient = Timeouts::default().total(2 * TOTAL);
    let patient = Arc::new(login().timeouts(patient).build().expect("right"));
    let transport = SmtpTransport::new().danger_allow_private_hosts().without_pool();
    let began = Instant::now();
    // The second run waits for the first, which requests the token for both and has more time.
    let (first, second) = tokio::join!(transport.begin(&patient, envelope()), async {
        (transport.begin(&hasty, envelope()).await, began.elapsed())
    });
    let (second, took) = second;
    for (begun, what) in
        [(first, "it did not answer within "), (second, "request had no answer within ")]
    {
        let failure = begun.map(drop).expect_err("there is no token");
        assert!(failure.to_string().contains(what), "{failure}");
        assert_eq!((failure.code, failure.retry), (FailureCode::Auth, Retry::Later));
    }
    assert!(took < TOTAL + Duration::from_millis(700), "{took:?}");
}
