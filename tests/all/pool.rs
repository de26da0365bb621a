//! The connection pool: connections are shared by messages, replaced when they die, and never shared between different
//! settings.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use smtp_connector_host::accounts::{AccountBuilder, AccountLimits, Security, Timeouts};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::transport::Transport as _;
use smtp_connector_host::{Connector, Error, Failure, Invocation, Secret};

use crate::support::{
    Act, Authority, FaultServer, Offers, Scenario, Seen, Stage, TranscriptLog, connector_in,
    envelope, host_builder,
};

fn account(server: &FaultServer) -> AccountBuilder {
    server.account()
}

fn limits(connections: u32, messages_per_connection: u32) -> AccountLimits {
    AccountLimits::default()
        .connections(connections)
        .messages_per_connection(messages_per_connection)
}

fn transport() -> SmtpTransport {
    SmtpTransport::new().danger_allow_private_hosts()
}

/// A connector with one account, on a transport that can be shared.
fn connector(transport: &SmtpTransport, account: AccountBuilder) -> Connector {
    connector_in(host_builder([account.build().expect("right")]).transport(transport.clone()))
}

async fn send(connector: &Connector) -> Result<(), Error> {
    let input = json!({ "to": "b@example.net", "body": "x" }).to_string();
    connector.invoke(Invocation::send_mail(input).account("work")).await.map(|_| ())
}

/// Waits until a server has seen something. If that never happens, the test times out.
async fn until(server: &FaultServer, what: impl Fn(&Seen) -> bool) {
    for _ in 0..500 {
        if what(&server.seen()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it was never seen: {:?}", server.seen());
}

fn spoken(seen: &Seen, verb: &str) -> usize {
    seen.commands.iter().filter(|line| line.starts_with(verb)).count()
}

#[tokio::test]
async fn messages_share_a_connection() {
    let authority = Authority::new();
    for encrypted in [false, true] {
        let implicit = encrypted.then(|| authority.server("127.0.0.1"));
        let offers = Offers { implicit, ..Offers::default() };
        let server = FaultServer::start(Scenario::default().offering(offers)).await;
        let login = account(&server).credentials("user", Secret::new("s3cr3t"));
        let login = match encrypted {
            true => login.security(Security::Tls).tls(authority.trusted()),
            false => login,
        };
        let connector = connector(&transport(), login);
        for _ in 0..3 {
            send(&connector).await.expect("it is sent");
        }
        let seen = server.seen();
        assert_eq!((seen.connections, seen.complete), (1, 3));
        let spoken = |verb| spoken(&seen, verb);
        assert_eq!((spoken("EHLO"), spoken("AUTH"), spoken("QUIT")), (1, 1, 0));
    }
}

#[tokio::test]
async fn a_connection_is_closed_after_its_maximum_of_messages() {
    let server = FaultServer::start(Scenario::default()).await;
    let connector = connector(&transport(), account(&server).limits(limits(4, 2)));
    for _ in 0..5 {
        send(&connector).await.expect("it is sent");
    }
    until(&server, |seen| spoken(seen, "QUIT") == 2).await;
    assert_eq!(server.seen().connections, 3);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = FaultServer::start(Scenario::default()).await;
    let transport = transport().idle_time(Duration::from_millis(50));
    let connector = connector(&transport, account(&server));
    for number in 1..=2 {
        send(&connector).await.expect("it is sent");
        until(&server, |seen| spoken(seen, "QUIT") == number && seen.open == 0).await;
    }
    assert_eq!(server.seen().connections, 2);
}

#[tokio::test]
async fn a_connection_that_died_while_idle_is_replaced_silently() {
    for (stage, act) in [
        (Stage::Dot, Act::ReplyAndDrop("250 2.0.0 ok\r\n")),
        (Stage::Dot, Act::ReplyAndDrop("250 2.0.0 ok\r\n421 4.4.2 idle\r\n")),
        (Stage::Dot, Act::Reply("250 2.0.0 ok\r\n421 4.4.2 idle\r\n")),
        (Stage::MailAgain, Act::Drop),
        (Stage::MailAgain, Act::Reset),
        (Stage::MailAgain, Act::Reply("421 4.4.2 idle\r\n")),
        (Stage::MailAgain, Act::ReplyAndDrop("451 4.7.0 Timeout waiting for client input\r\n")),
        (Stage::MailAgain, Act::ReplyAndDrop("554 5.4.0 Idle timeout, closing\r\n")),
    ] {
        let server = FaultServer::start(Scenario::when(stage, act)).await;
        let connector = connector(&transport(), account(&server));
        for number in 1..=3 {
            send(&connector).await.unwrap_or_else(|error| panic!("{stage:?} {act:?}: {error:?}"));
            assert_eq!(server.seen().complete, number, "{stage:?} {act:?}");
        }
        assert_eq!(server.seen().connections, 3, "{stage:?} {act:?}");
    }
}

#[tokio::test]
async fn a_failure_on_a_live_connection_is_not_retried() {
    for act in [Act::Reply("451 4.3.0 later\r\n"), Act::Hang] {
        let server = FaultServer::start(Scenario::when(Stage::MailAgain, act)).await;
        let timeouts = Timeouts::default().command(Duration::from_millis(300));
        let connector = connector(&transport(), account(&server).timeouts(timeouts));
        send(&connector).await.expect("the first is sent");
        send(&connector).await.expect_err("the second is not");
        let seen = server.seen();
        assert_eq!((seen.connections, seen.complete, spoken(&seen, "MAIL")), (1, 1, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_accounts_connection_limit_is_kept() {
    for most in [1, 3] {
        let server = FaultServer::start(Scenario::default()).await;
        let connector = connector(&transport(), account(&server).limits(limits(most, 100)));
        let mut runs = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let connector = connector.clone();
            runs.spawn(async move { send(&connector).await });
        }
        for sent in runs.join_all().await {
            sent.expect("each has its turn");
        }
        let seen = server.seen();
        assert_eq!(seen.complete, 16);
        assert!(seen.most_open <= most as usize, "{}", seen.most_open);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_fewer_connections_gets_fewer() {
    let offers = Offers { most: Some(1), ..Offers::default() };
    let server = FaultServer::start(Scenario::default().offering(offers)).await;
    let transport = transport();
    let account = Arc::new(account(&server).build().expect("right"));
    let first = transport.begin(&account, envelope()).await.expect("there is room for one");
    let second = tokio::spawn({
        let (transport, account) = (transport.clone(), Arc::clone(&account));
        async move { transport.begin(&account, envelope()).await.map(|_| ()) }
    });
    // The second connection was turned away, and its message waits for the first to end.
    until(&server, |seen| seen.connections == 2 && seen.open == 1).await;
    finish(first).await.expect("the first is sent");
    second.await.expect("it ends").expect("the second goes over the first's connection");
    assert_eq!(server.seen().connections, 2);
}

async fn finish(
    outgoing: Box<dyn smtp_connector_host::transport::Outgoing>,
) -> Result<(), Failure> {
    let outgoing = outgoing.write(b"Subject: x\r\n\r\nx\r\n".to_vec()).await?;
    outgoing.finish().await.map(|_| ())
}

// On one thread: the events below happen before the first run continues.
#[tokio::test]
async fn a_released_connection_goes_to_the_next_waiting_message_first() {
    let server = FaultServer::start(Scenario::default()).await;
    let told = TranscriptLog::default();
    let transport = transport().transcript(Arc::new(told.clone()));
    let envelopes = || told.text().matches("-> MAIL").count();
    let account = Arc::new(account(&server).limits(limits(1, 100)).build().expect("right"));
    let first = transport.begin(&account, envelope()).await.expect("it begins");
    let waiting = tokio::spawn({
        let (transport, account) = (transport.clone(), Arc::clone(&account));
        async move { finish(transport.begin(&account, envelope()).await?).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(envelopes(), 1);
    finish(first).await.expect("it is sent");
    assert_eq!(envelopes(), 2);
    waiting.await.expect("no panic").expect("it is sent");
    assert_eq!((server.seen().connections, server.seen().complete), (1, 2));
}

#[tokio::test]
async fn a_dropped_message_closes_its_connection() {
    let server = FaultServer::start(Scenario::default()).await;
    let transport = transport();
    let account = Arc::new(account(&server).build().expect("right"));
    finish(transport.begin(&account, envelope()).await.expect("it begins")).await.expect("sent");
    for begun in [true, false] {
        let mut outgoing = transport.begin(&account, envelope()).await.expect("it begins");
        if begun {
            outgoing =
                outgoing.write(b"Subject: half of it".to_vec()).await.expect("it is written");
        }
        drop(outgoing);
        until(&server, |seen| seen.open == 0).await;
        finish(transport.begin(&account, envelope()).await.expect("it begins"))
            .await
            .expect("the next goes over a new connection");
    }
    let seen = server.seen();
    assert_eq!((seen.connections, seen.complete), (3, 3));
}

#[tokio::test]
async fn accounts_with_different_settings_do_not_share_connections() {
    let server = FaultServer::start(Scenario::default()).await;
    let transport = transport();
    let login = |password: &str| account(&server).credentials("user", Secret::new(password));
    for account in [
        login("one"),
        login("one").sender("carol@example.com"),
        login("two"),
        login("two").ehlo_name("other.example.com"),
        login("one"),
    ] {
        send(&connector(&transport, account)).await.expect("it is sent");
    }
    let seen = server.seen();
    assert_eq!((seen.connections, spoken(&seen, "AUTH")), (3, 3));
}

#[tokio::test]
async fn a_refused_envelope_does_not_close_the_connection() {
    let no = Act::Reply("550 5.1.1 no such user\r\n");
    let data = Act::Reply("503 5.5.1 no valid recipients\r\n");
    let scenario = Scenario::when(Stage::Rcpt(1), no).and(Stage::Data, data);
    let server = FaultServer::start(scenario).await;
    let connector = connector(&transport(), account(&server));
    for _ in 0..2 {
        send(&connector).await.expect_err("it is refused");
    }
    let seen = server.seen();
    assert_eq!((seen.connections, spoken(&seen, "RSET")), (1, 2));
}

#[tokio::test]
async fn connections_are_closed_on_request_or_never_pooled() {
    let server = FaultServer::start(Scenario::default()).await;
    let transport = transport();
    let kept = connector(&transport, account(&server));
    for number in 1..=2 {
        send(&kept).await.expect("it is sent");
        transport.close().await;
        until(&server, |seen| spoken(seen, "QUIT") == number && seen.open == 0).await;
    }
    // Connections are closed even though the idle time is long.
    let never = transport.without_pool().idle_time(Duration::from_secs(30));
    let never = connector(&never, account(&server));
    for number in 3..=4 {
        send(&never).await.expect("it is sent");
        until(&server, |seen| spoken(seen, "QUIT") == number && seen.open == 0).await;
    }
    assert_eq!(server.seen().connections, 4);
}
