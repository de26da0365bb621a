//! Attachments from dishonest web servers: false addresses, false sizes, endless waiting.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use smtp_connector_host::accounts::{AccountLimits, BoxFuture, Policy};
use smtp_connector_host::{
    Account, Connector, Error, FailureCode, Invocation, Limits, Network, NetworkStream, is_public,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Authority, FaultServer, Offers, Scenario, connector_in, public_host};

/// An address of the public internet. In these tests, connections to it reach a test server.
pub(crate) const PUBLIC: &str = "93.184.216.34";
const LIMIT: u64 = 1 << 20;

/// A network in which each lookup of a name returns the next of its answers, and every public address leads to one test
/// server.
#[derive(Clone, Default)]
pub(crate) struct Liar {
    answers: Arc<Mutex<VecDeque<Vec<IpAddr>>>>,
    server: Option<SocketAddr>,
    resolved: Arc<Mutex<Vec<String>>>,
    dialled: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Liar {
    /// A network with a server behind every public address.
    pub(crate) fn with(server: SocketAddr) -> Self {
        Self { server: Some(server), ..Self::default() }
    }

    pub(crate) fn answering(self, answers: &[&[&str]]) -> Self {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().expect(ip)).collect();
        self.answers.lock().expect("no panic").extend(answers.iter().map(parse));
        self
    }

    fn dialled(&self) -> Vec<SocketAddr> {
        self.dialled.lock().expect("no panic").clone()
    }
}

impl Network for Liar {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            self.resolved.lock().expect("no panic").push(host.to_owned());
            let mut answers = self.answers.lock().expect("no panic");
            let answer = answers.pop_front().ok_or(io::ErrorKind::NotFound)?;
            Ok(answer.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn NetworkStream>>> {
        self.dialled.lock().expect("no panic").push(address);
        Box::pin(async move {
            let server = self.server.ok_or(io::ErrorKind::ConnectionRefused)?;
            Ok(Box::new(TcpStream::connect(server).await?) as Box<dyn NetworkStream>)
        })
    }
}

/// A server that answers each request with what `answer` writes.
async fn serve<F>(answer: impl Fn(TcpStream, String) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            // A client may close the connection once it has read enough.
            tokio::spawn(answer(stream, String::from_utf8_lossy(&request).into_owned()));
        }
    });
    address
}

/// A server that gives the same answer to every request.
pub(crate) async fn saying(text: &'static str) -> SocketAddr {
    serve(move |mut stream, _| async move { stream.write_all(text.as_bytes()).await }).await
}

pub(crate) const FILE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

fn connector(network: Liar) -> Connector {
    connector_of(&[], &[], network)
}

/// A connector that denies these address ranges, with an account `work` that names these hosts.
pub(crate) fn connector_of(denied: &[&str], named: &[&str], network: impl Network) -> Connector {
    let mut limits = Limits::default();
    limits.attachment_time = Duration::from_millis(600);
    let named = named.iter().map(|host| host.parse().expect(host)).collect();
    let account = Account::builder("work", "mail.example")
        .policy(Policy::default().attachment_url_hosts(named))
        .sender("alice@example.com")
        .limits(AccountLimits::default().message_bytes(LIMIT))
        .build()
        .expect("the settings are right");
    connector_in(
        public_host([account])
            .network(network)
            .deny_addresses(denied.iter().map(|range| range.parse().expect(range)))
            .limits(limits),
    )
}

pub(crate) async fn fetch(connector: &Connector, url: &str) -> Result<(), Error> {
    let input = json!({ "to": "b@example.net", "attachments": [url] }).to_string();
    let preview = connector.invoke(Invocation::send_mail(input).account("work").dry_run());
    let outcome = tokio::time::timeout(Duration::from_secs(30), preview).await;
    outcome.expect("a fetch ends").map(drop)
}

async fn fails(network: &Liar, url: &str) -> Error {
    fetch(&connector(network.clone()), url).await.expect_err("it cannot be fetched")
}

#[tokio::test]
async fn a_host_with_one_internal_address_is_refused() {
    let server = Some(saying(FILE).await);
    for inner in [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "::1",
        "::ffff:93.184.216.34",
        "64:ff9b::5db8:d822",
        "2002:5db8:d822::1",
        "fd00:ec2::254",
    ] {
        for answer in [&[PUBLIC, inner][..], &[inner, PUBLIC], &[inner]] {
            let network = Liar { server, ..Liar::default() }.answering(&[answer]);
            let error = fails(&network, "http://files.example/a").await;
            assert_eq!(error.code(), FailureCode::Policy, "{answer:?}: {error}");
            assert_eq!(network.dialled(), []);
        }
    }
    let network = Liar { server, ..Liar::default() }.answering(&[&[PUBLIC, "1.1.1.1"]]);
    fetch(&connector(network.clone()), "http://files.example/a").await.expect("it is public");
    assert_eq!(network.dialled().len(), 1);
}

#[tokio::test]
async fn denied_addresses_are_not_fetched_even_if_the_account_names_the_host() {
    let server = Some(saying(FILE).await);
    let network = || Liar { server, ..Liar::default() };
    for (denied, answer) in [
        ("93.184.216.0/24", &[PUBLIC][..]),
        (PUBLIC, &["1.1.1.1", PUBLIC]),
        ("2600::/32", &["2600::1"]),
        ("10.0.0.0/8", &["10.1.2.3"]),
        ("10.0.0.0/8", &["::ffff:10.1.2.3"]),
        ("10.0.0.0/8", &["64:ff9b::10.1.2.3"]),
    ] {
        for named in [&[][..], &["files.example"]] {
            let network = network().answering(&[answer]);
            let connector = connector_of(&["192.0.2.1", denied], named, network.clone());
            let error = fetch(&connector, "http://files.example/a").await.expect_err(denied);
            assert_eq!(error.code(), FailureCode::Policy, "{denied}: {error}");
            assert_eq!(network.dialled(), [], "{denied}");
        }
    }
    // A redirect does not bypass the rule, and an address that is not denied is fetched.
    let answer =
        "HTTP/1.1 302 Found\r\nLocation: http://ours.example/\r\nContent-Length: 0\r\n\r\n";
    let redirecting = Liar { server: Some(saying(answer).await), ..Liar::default() }
        .answering(&[&["1.1.1.1"], &[PUBLIC]]);
    let connector = connector_of(&[PUBLIC], &["ours.example"], redirecting.clone());
    let error = fetch(&connector, "http://files.example/a").await.expect_err("it is denied");
    assert_eq!((error.code(), redirecting.dialled().len()), (FailureCode::Policy, 1), "{error}");
    let network = network().answering(&[&[PUBLIC]]);
    let connector = connector_of(&["93.184.216.35", "10.0.0.0/8"], &["files.example"], network);
    fetch(&connector, "http://files.example/a").await.expect("it is not denied");
}

#[tokio::test]
async fn an_unknown_name_and_an_internal_name_give_the_same_error() {
    /// Never answers.
    struct Silent;
    impl Network for Silent {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            Box::pin(std::future::pending())
        }

        fn connect(&self, _: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn NetworkStream>>> {
            Box::pin(std::future::pending())
        }
    }
    let told = async |connector: Connector| {
        let error = fetch(&connector, "http://name.example/a").await.expect_err("it is refused");
        let mut json = error.to_json();
        json["messageId"].take();
        (json, error.to_string(), error.code())
    };
    let missing = told(connector(Liar::default())).await;
    assert_eq!(missing.2, FailureCode::Policy, "{missing:?}");
    assert!(missing.1.contains("cannot be found, or is not on the public internet"), "{missing:?}");
    for answer in [&["10.0.0.1"][..], &["169.254.169.254"], &[PUBLIC, "::1"], &[]] {
        let network = Liar::default().answering(&[answer]);
        assert_eq!(told(connector(network)).await, missing, "{answer:?}");
    }
    let network = Liar::default().answering(&[&[PUBLIC]]);
    assert_eq!(told(connector_of(&[PUBLIC], &[], network)).await, missing);
    assert_eq!(told(connector_of(&[], &[], Silent)).await, missing);

    // A redirect gives the same error.
    let answer =
        "HTTP/1.1 302 Found\r\nLocation: http://name.example/\r\nContent-Length: 0\r\n\r\n";
    let server = Some(saying(answer).await);
    for answers in [&[&[PUBLIC][..], &["10.0.0.1"]][..], &[&[PUBLIC]]] {
        let network = Liar { server, ..Liar::default() }.answering(answers);
        assert_eq!(told(connector(network)).await, missing, "{answers:?}");
    }
    // A public server that is down may be up again later.
    let network = Liar::default().answering(&[&[PUBLIC]]);
    let error = fails(&network, "http://name.example/a").await;
    assert_eq!((error.code(), error.is_transient()), (FailureCode::Attachment, true), "{error}");
}

#[tokio::test]
async fn names_that_change_their_address_never_lead_to_an_internal_address() {
    let server = Some(saying(FILE).await);
    // A second lookup would return a different address from the first.
    let answers: Vec<&[&str]> =
        (0..500).flat_map(|_| [&[PUBLIC][..], &["127.0.0.1"][..]]).collect();
    let network = Liar { server, ..Liar::default() }.answering(&answers);
    let connector = connector(network.clone());
    for round in 0..1000 {
        let outcome = fetch(&connector, "http://rebind.example/a").await;
        match (round % 2, outcome) {
            (0, Ok(())) => {}
            (1, Err(error)) if error.code() == FailureCode::Policy => {}
            (_, other) => panic!("round {round}: {other:?}"),
        }
    }
    let dialled = network.dialled();
    assert_eq!(dialled.len(), 500);
    assert!(dialled.iter().all(|address| is_public(address.ip())));
    assert_eq!(network.resolved.lock().expect("no panic").len(), 1000, "each is looked up once");
}

#[tokio::test]
async fn a_redirect_is_checked_like_the_first_address() {
    for (location, answers, dialled) in [
        ("http://inside.example/", &[&[PUBLIC][..], &["10.0.0.1"]][..], 1),
        ("http://mixed.example/", &[&[PUBLIC], &[PUBLIC, "::1"]], 1),
        ("//169.254.169.254/latest/meta-data/", &[&[PUBLIC]], 1),
        ("http://[::ffff:7f00:1]/", &[&[PUBLIC]], 1),
        ("http://2130706433/", &[&[PUBLIC]], 1),
        ("http://public.example:8080/", &[&[PUBLIC]], 1),
        ("http://user:secret@public.example/", &[&[PUBLIC]], 1),
        ("file:///etc/passwd", &[&[PUBLIC]], 1),
        ("gopher://public.example/", &[&[PUBLIC]], 1),
    ] {
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let server = serve(move |mut stream, _| {
            let answer = answer.clone();
            async move { stream.write_all(answer.as_bytes()).await }
        });
        let network = Liar { server: Some(server.await), ..Liar::default() }.answering(answers);
        let error = fails(&network, "http://files.example/a").await;
        assert_eq!(error.code(), FailureCode::Policy, "{location}: {error}");
        assert_eq!(network.dialled().len(), dialled, "{location}");
    }
}

#[tokio::test]
async fn at_most_five_redirects_are_followed() {
    let server = serve(|mut stream, request: String| async move {
        let left = request.split(['/', ' ']).nth(2).and_then(|n| n.parse::<u32>().ok());
        match left {
            Some(0) | None => stream.write_all(FILE.as_bytes()).await,
            Some(left) => {
                let answer = format!(
                    "HTTP/1.1 307 Again\r\nLocation: /{}\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
                    left - 1
                );
                assert!(!request.to_ascii_lowercase().contains("cookie"), "{request}");
                stream.write_all(answer.as_bytes()).await
            }
        }
    });
    let server = Some(server.await);
    let network = || Liar { server, ..Liar::default() }.answering(&[&[PUBLIC][..]; 10]);
    fetch(&connector(network()), "http://files.example/5").await.expect("five are followed");
    let network = network();
    let error = fails(&network, "http://files.example/6").await;
    assert!(error.to_string().contains("redirects more than 5 times"), "{error}");
    assert_eq!(network.dialled().len(), 6);
    assert!(!error.is_transient(), "{error:?}");
}

#[tokio::test]
async fn a_redirect_loop_is_not_retried() {
    let server = serve(|mut stream, request: String| async move {
        let next = if request.starts_with("GET /a ") { "/b" } else { "/a" };
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {next}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await
    });
    let server = Some(server.await);
    let network = Liar { server, ..Liar::default() }.answering(&[&[PUBLIC][..]; 10]);
    let error = fails(&network, "http://files.example/a").await;
    assert_eq!((error.code(), error.is_transient()), (FailureCode::Attachment, false), "{error}");
    assert!(error.to_string().contains("in a loop"), "{error}");
    assert_eq!(network.dialled().len(), 2);
}

/// Compresses `bytes` with gzip.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    io::Write::write_all(&mut encoder, bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// Returns what is attached if a server sends these headers and this body.
async fn attached(url: &str, headers: &'static str, body: Vec<u8>) -> Result<Vec<u8>, Error> {
    let server = serve(move |mut stream, _| {
        let body = body.clone();
        async move {
            let head =
                format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await
        }
    });
    let network = Liar { server: Some(server.await), ..Liar::default() }.answering(&[&[PUBLIC]]);
    let input = json!({ "to": "b@example.net", "attachments": [url] }).to_string();
    let invocation = Invocation::send_mail(input).account("work").dry_run();
    let outcome = connector(network).invoke(invocation).await?;
    let result: serde_json::Value = outcome.parse().expect("the result is JSON");
    let message = result["message"].as_str().expect("a dry run has the message").to_owned();
    let parsed = mail_parser::MessageParser::new().parse(message.as_bytes()).expect("a message");
    Ok(parsed.attachment(0).expect("it has one").contents().to_vec())
}

#[tokio::test]
async fn a_body_that_a_server_compresses_unasked_is_decompressed() {
    let file = b"a;b\r\n".repeat(20_000);
    for headers in
        ["Content-Encoding: gzip\r\n", "Content-Encoding: X-GZIP\r\nContent-Type: text/csv\r\n"]
    {
        let found = attached("http://files.example/a.csv", headers, packed(&file)).await;
        assert_eq!(found.expect("gzip is known"), file, "{headers}");
    }
    // A file that is itself compressed is attached unchanged, whatever headers its server sends.
    for (url, headers) in [
        (
            "http://files.example/a.tar.gz",
            "Content-Encoding: x-gzip\r\nContent-Type: application/x-tar\r\n",
        ),
        ("http://files.example/a", "Content-Encoding: gzip\r\nContent-Type: application/gzip\r\n"),
    ] {
        let found = attached(url, headers, packed(&file)).await;
        assert_eq!(found.expect("it is a file"), packed(&file), "{url}");
    }
    let gzip = "Content-Encoding: gzip\r\n";
    let cut = packed(&file);
    let cut = cut[..cut.len() - 9].to_vec();
    for broken in [file.clone(), cut] {
        let error =
            attached("http://files.example/a", gzip, broken).await.expect_err("it is broken");
        assert_eq!(error.code(), FailureCode::Attachment, "{error}");
    }
    // A small compressed body cannot unpack to more than a message may hold.
    let bomb = packed(&vec![0; 64 << 20]);
    assert!(bomb.len() < LIMIT as usize / 10);
    let error = attached("http://files.example/a", gzip, bomb).await.expect_err("it is too large");
    assert_eq!(error.code(), FailureCode::TooLarge, "{error}");
    // A body that unpacks to nothing does not take forever either.
    let nothing = packed(b"").repeat(100_000);
    let error = attached("http://files.example/a", "Content-Encoding: gzip\r\n", nothing).await;
    assert!(error.is_err(), "{error:?}");
}

#[tokio::test]
async fn an_endless_body_is_stopped_at_the_message_size_limit() {
    let server = serve(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        loop {
            stream.write_all(chunk.as_bytes()).await?;
        }
    });
    let network = Liar { server: Some(server.await), ..Liar::default() }.answering(&[&[PUBLIC]]);
    let error = fails(&network, "http://bomb.example/").await;
    assert_eq!(error.code(), FailureCode::TooLarge, "{error}");
}

#[tokio::test]
async fn a_slow_download_is_stopped_even_if_bytes_keep_coming() {
    /// Writes an octet every 50 ms, at each point where a client waits.
    async fn trickle(mut stream: TcpStream, first: &str, then: &str) -> io::Result<()> {
        stream.write_all(first.as_bytes()).await?;
        for octet in then.as_bytes().iter().cycle() {
            stream.write_all(&[*octet]).await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
    for (first, then) in [
        ("", "HTTP/1.1 200 OK\r\n"),
        ("HTTP/1.1 200 OK\r\n", "X-More: and more\r\n"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
    ] {
        let server = serve(move |stream, _| trickle(stream, first, then)).await;
        let network = Liar { server: Some(server), ..Liar::default() }.answering(&[&[PUBLIC]]);
        let error = fails(&network, "http://slow.example/").await;
        assert!(error.is_transient(), "{error:?}");
        assert_eq!(error.code(), FailureCode::Attachment, "{first}: {error}");
    }
}

#[tokio::test]
async fn an_untrusted_web_server_certificate_is_reported() {
    let implicit = Some(Authority::self_signed("127.0.0.1"));
    let offers = Offers { implicit, ..Offers::default() };
    let server = FaultServer::start(Scenario::default().offering(offers)).await;
    let network = Liar::with(SocketAddr::from(([127, 0, 0, 1], server.port())));
    let error = fails(&network.answering(&[&[PUBLIC]]), "https://files.example/x").await;
    let said = error.to_string();
    assert!(said.contains("its certificate is not trusted: it is self-signed"), "{said}");
    assert!(server.seen().commands.is_empty());
}
