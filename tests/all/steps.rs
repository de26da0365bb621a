//! The steps of a connection test, as a library gets them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream as _;
use smtp_connector_host::accounts::{AccountBuilder, OAuth2, Security, TlsSettings};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::smtp::steps::{Step, StepDetails, StepKind};
use smtp_connector_host::{Account, FailureCode, Secret};
use smtp_connector_smtp::BoxFuture;
use smtp_connector_smtp::network::{Network, NetworkStream, SystemNetwork};

use crate::support::{Act, Authority, FaultServer, HttpServer, Offers, Page, Scenario, Stage};

fn transport() -> SmtpTransport {
    SmtpTransport::new().danger_allow_private_hosts()
}

async fn steps(transport: &SmtpTransport, account: AccountBuilder) -> Vec<Step> {
    let account = account.build().expect("the settings are right");
    let mut running = transport.test_steps(account.server());
    let mut steps = Vec::new();
    while let Some(step) = running.next().await {
        steps.push(step);
    }
    steps
}

fn kinds(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.kind.as_str()).collect()
}

fn details(steps: &[Step], kind: StepKind) -> &StepDetails {
    let step = steps.iter().find(|step| step.kind == kind).expect("the step was taken");
    step.outcome.as_ref().expect("it succeeded")
}

/// A name with two addresses, whose first one refuses connections.
struct HalfReachable;

impl Network for HalfReachable {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let addresses = ["::9", "127.0.0.1"].map(|ip| ip.parse::<IpAddr>().expect("an address"));
        Box::pin(async move { Ok(addresses.map(|ip| SocketAddr::new(ip, port)).to_vec()) })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn NetworkStream>>> {
        match address.is_ipv6() {
            true => Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) }),
            false => SystemNetwork.connect(address),
        }
    }
}

#[tokio::test]
async fn every_address_is_listed_also_those_that_fail() {
    let server = FaultServer::start(Scenario::default()).await;
    let account = Account::builder("work", "mail.example").port(server.port());
    let steps = steps(&transport().network(HalfReachable), account.security(Security::None)).await;
    assert_eq!(kinds(&steps), ["resolve", "connect", "greeting", "ehlo"]);
    let StepDetails::Resolve { addresses, .. } = details(&steps, StepKind::Resolve) else {
        panic!()
    };
    assert_eq!(addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>(), ["::9", "127.0.0.1"]);
    let StepDetails::Connect { address, unreachable, .. } = details(&steps, StepKind::Connect)
    else {
        panic!()
    };
    assert_eq!(*address, Some(SocketAddr::from(([127, 0, 0, 1], server.port()))));
    assert_eq!(unreachable.len(), 1, "{unreachable:?}");
    assert_eq!(unreachable[0].address.ip().to_string(), "::9");
    assert!(unreachable[0].reason.contains("refused"), "{unreachable:?}");
}

#[tokio::test]
async fn a_denied_address_fails_the_lookup_and_is_not_connected_to() {
    let server = FaultServer::start(Scenario::default()).await;
    let account = server.account().build().expect("right");
    let mut running = SmtpTransport::new().test_steps(account.server());
    let step = running.next().await.expect("a step");
    let failure = step.outcome.expect_err("the address is private");
    assert_eq!((step.kind, failure.code), (StepKind::Resolve, FailureCode::Policy));
    assert_eq!(running.next().await, None);
    assert_eq!(server.seen().connections, 0);
}

#[tokio::test]
async fn steps_follow_each_other_and_have_their_times() {
    let pause = Duration::from_millis(300);
    let server = FaultServer::start(Scenario::when(Stage::Ehlo, Act::Pause(pause))).await;
    let account = server.account().credentials("user", Secret::new("s3cr3t-pass"));
    let steps = steps(&transport(), account).await;
    assert_eq!(kinds(&steps), ["secret", "resolve", "connect", "greeting", "ehlo", "login"]);
    for pair in steps.windows(2) {
        assert!(pair[0].began + pair[0].took <= pair[1].began, "{pair:?}");
    }
    let [.., ehlo, login] = steps.as_slice() else { panic!("{steps:?}") };
    assert!(ehlo.took >= pause && login.took < pause, "{steps:?}");
    let StepDetails::Login { username, mechanism, .. } = details(&steps, StepKind::Login) else {
        panic!()
    };
    assert_eq!((username.as_str(), *mechanism), ("user", "PLAIN"));
}

#[tokio::test]
async fn a_step_is_returned_before_the_next_one_ends() {
    let server = FaultServer::start(Scenario::when(Stage::Ehlo, Act::Hang)).await;
    let account = server.account().build().expect("right");
    let mut running = transport().test_steps(account.server());
    for kind in [StepKind::Resolve, StepKind::Connect, StepKind::Greeting] {
        assert_eq!(running.next().await.map(|step| step.kind), Some(kind));
    }
    let next = tokio::time::timeout(Duration::from_millis(100), running.next()).await;
    assert!(next.is_err(), "the server does not answer EHLO");
    assert_eq!(server.seen().commands.len(), 1);
}

#[tokio::test]
async fn neither_steps_nor_their_json_hold_the_password() {
    let secret = "s3cr3t-pass";
    let echoes = [
        (Stage::Greeting, Act::Reply("220 mx.test s3cr3t-pass \x1b[31m\r\n")),
        (
            Stage::Ehlo,
            Act::Reply(
                "250-mx.test s3cr3t-pass\r\n250-X-ECHO s3cr3t-pass czNjcjN0LXBhc3M=\r\n250 AUTH PLAIN\r\n",
            ),
        ),
        (Stage::Auth, Act::Reply("535 5.7.8 s3cr3t-pass is wrong\r\n")),
    ];
    let scenario = Scenario { rules: echoes.to_vec(), offers: Offers::default() };
    let server = FaultServer::start(scenario).await;
    let account = server.account().credentials("user", Secret::new(secret));
    let steps = steps(&transport(), account).await;
    assert_eq!(kinds(&steps).last(), Some(&"login"));
    let json = serde_json::to_string(&steps).expect("it is data");
    for text in [&json, &format!("{steps:?}")] {
        assert!(text.contains("[secret]"), "{text}");
        assert!(!text.contains(secret) && !text.contains("czNjcjN0LXBhc3M"), "{text}");
        assert!(!text.contains("\\u001b") && !text.contains("\\u{1b}"), "{text}");
    }
}

#[tokio::test]
async fn a_certificate_is_described_whatever_its_names_are() {
    let mut params = rcgen::CertificateParams::new(["::1".to_owned(), "127.0.0.1".to_owned()]);
    let names = params.as_mut().expect("names");
    let hostile = "evil\x1b]0;x\x07".to_owned();
    names.distinguished_name.push(rcgen::DnType::CommonName, hostile);
    names.distinguished_name.push(rcgen::DnType::OrganizationName, "Let's Test");
    names.not_after = rcgen::date_time_ymd(2001, 1, 2);
    names.not_before = rcgen::date_time_ymd(2001, 1, 1);
    let (_, config) = Authority::self_signed_with(names, rustls::ALL_VERSIONS);
    let offers = Offers { implicit: Some(config), ..Offers::default() };
    let server = FaultServer::start(Scenario::default().offering(offers)).await;
    let tls = TlsSettings::default().danger_accept_invalid_certificates(true);
    let account = server.account().security(Security::Tls).tls(tls);
    let steps = steps(&transport(), account).await;
    assert_eq!(kinds(&steps), ["resolve", "connect", "tls", "greeting", "ehlo"]);
    let StepDetails::Tls { certificate: Some(facts), .. } = details(&steps, StepKind::Tls) else {
        panic!("{steps:?}")
    };
    assert_eq!(facts.names, ["::1", "127.0.0.1"]);
    let issuer = facts.issuer.as_deref().expect("an issuer");
    assert!(issuer.starts_with("evil") && issuer.ends_with("(Let's Test)"), "{issuer:?}");
    assert!(!issuer.contains(char::is_control), "{issuer:?}");
    assert!(facts.self_signed && facts.days_left < -9000, "{facts:?}");
    let json = serde_json::to_value(facts).expect("it is data");
    assert_eq!(json["notAfter"], "2001-01-02T00:00:00Z");
}

#[tokio::test]
async fn a_server_that_knows_only_helo_offers_nothing() {
    let scenario = Scenario::when(Stage::Ehlo, Act::Reply("500 what\r\n"));
    let server = FaultServer::start(scenario).await;
    let steps = steps(&transport(), server.account()).await;
    let StepDetails::Ehlo { name, offers, encrypted, .. } = details(&steps, StepKind::Ehlo) else {
        panic!()
    };
    assert_eq!((name.as_str(), offers.len(), *encrypted), ("mx.test", 0, false));
}

#[tokio::test]
async fn the_steps_with_a_new_token_follow_those_with_a_refused_one() {
    let granted = r#"{"access_token":"Mark3d-t0k3n","token_type":"Bearer","expires_in":3600}"#;
    let endpoint = HttpServer::start(vec![Page::file("/token", "", granted.as_bytes())]).await;
    let url = endpoint.url("/token");
    let oauth2 =
        OAuth2::client_credentials(url.parse().expect("a URL"), "id", Secret::new("cl1ent"));
    let offers = Offers { extensions: Some(vec!["AUTH XOAUTH2"]), ..Offers::default() };
    let refusing = Scenario::when(Stage::Auth, Act::Reply("535 5.7.8 no\r\n"));
    let (transport, once) =
        (transport(), ["secret", "resolve", "connect", "greeting", "ehlo", "login"]);
    for (scenario, expected) in [
        // The token is new, and is kept.
        (Scenario::default(), once.to_vec()),
        // The kept token is refused, and then a new one.
        (refusing, [once, once].concat()),
    ] {
        let server = FaultServer::start(scenario.offering(offers.clone())).await;
        let steps = steps(&transport, server.account().oauth2("user", oauth2.clone())).await;
        assert_eq!(kinds(&steps), expected);
        let StepDetails::Secret { source, .. } = details(&steps, StepKind::Secret) else {
            panic!()
        };
        assert_eq!(*source, format!("the token endpoint {url}"));
        let shown = format!("{steps:?} {}", serde_json::to_string(&steps).expect("it is data"));
        assert!(!shown.contains("Mark3d-t0k3n") && !shown.contains("cl1ent"), "{shown}");
    }
}

#[tokio::test]
async fn the_steps_are_a_stream_that_another_task_can_read() {
    let server = FaultServer::start(Scenario::default()).await;
    let account = server.account().build().expect("right");
    let mut running = transport().test_steps(account.server());
    let task = tokio::spawn(async move {
        let mut number = 0;
        while std::future::poll_fn(|context| Pin::new(&mut running).poll_next(context))
            .await
            .is_some()
        {
            number += 1;
        }
        number
    });
    assert_eq!(task.await.expect("no panic"), 4);
}
