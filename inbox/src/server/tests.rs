//! Tests of timeouts and limits.

use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::ResolvesServerCertUsingSni;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::*;
use smtp_connector_smtp::network::provider;

/// A timeout that is longer than every step of these tests.
const LONG: Duration = Duration::from_secs(20);

fn patient_for(step: Duration, message: Duration) -> InboxBuilder {
    InboxBuilder { patience: Patience { step, message }, ..InboxBuilder::default() }
}

async fn start(builder: InboxBuilder) -> (Inbox, TcpStream) {
    let inbox = builder.start("127.0.0.1:0").await.expect("a port on loopback is free");
    let client = TcpStream::connect(inbox.address()).await.expect("it listens");
    (inbox, client)
}

/// Reads everything that the server sends until the connection ends.
async fn heard(client: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // Text that arrived before a reset counts too.
    let read = timeout(LONG, client.read_to_end(&mut text)).await;
    let _ = read.expect("the connection ends in time");
    String::from_utf8_lossy(&text).into_owned()
}

async fn say(client: &mut TcpStream, text: &str) {
    client.write_all(text.as_bytes()).await.expect("the connection is open");
}

const ENVELOPE: &str = "EHLO a\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n";

#[tokio::test]
async fn a_client_that_falls_silent_is_disconnected_at_any_point() {
    for begun in [
        "",
        "EHL",
        "EHLO a\r\n",
        "EHLO a\r\nAUTH PLAIN\r\n",
        "EHLO a\r\nAUTH LOGIN\r\n",
        "EHLO a\r\nAUTH LOGIN\r\nYQ==\r\n",
        ENVELOPE,
        &format!("{ENVELOPE}Subject: x\r\n"),
    ] {
        let (_inbox, mut client) = start(patient_for(Duration::from_millis(100), LONG)).await;
        say(&mut client, begun).await;
        let heard = heard(&mut client).await;
        assert!(heard.ends_with("\r\n421 4.4.2 timeout\r\n"), "{begun:?}: {heard}");
    }
    // The TLS handshake does not begin.
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions that the provider has")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
    let config = Arc::new(config);
    for (encryption, begun, said) in [
        (Encryption::Implicit(Arc::clone(&config)), "", ""),
        (Encryption::Starttls(config), "EHLO a\r\nSTARTTLS\r\n", "220 2.0.0 go ahead\r\n"),
    ] {
        let builder = patient_for(Duration::from_millis(100), LONG).encryption(encryption);
        let (_inbox, mut client) = start(builder).await;
        say(&mut client, begun).await;
        let heard = heard(&mut client).await;
        assert!(heard.ends_with(said), "{heard}");
    }
}

#[tokio::test]
async fn a_client_that_is_busy_forever_is_disconnected() {
    for (begun, then) in [("", "E"), ("EHLO a\r\n", "NOOP\r\n"), (ENVELOPE, "x\r\n")] {
        let (_inbox, client) = start(patient_for(LONG, Duration::from_millis(300))).await;
        let (mut read, mut write) = client.into_split();
        let began = Instant::now();
        let talking = async {
            let mut sent = write.write_all(begun.as_bytes()).await;
            while sent.is_ok() && began.elapsed() < LONG {
                sent = write.write_all(then.as_bytes()).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let mut text = Vec::new();
        let ended = tokio::select! {
            _ = read.read_to_end(&mut text) => true,
            () = talking => began.elapsed() < LONG,
        };
        assert!(ended, "{then:?}");
    }
}

#[tokio::test]
async fn mistakes_failed_logins_and_idle_commands_are_limited() {
    let wrong = "AUTH PLAIN AGEAYg==\r\n";
    for (command, answered) in [
        ("HELP\r\n", 21),
        ("MAIL\r\n", 21),
        ("DATA\r\n", 21),
        ("AUTH FOO\r\n", 21),
        (wrong, 5),
        ("AUTH PLAIN !\r\n", 5),
        ("AUTH LOGIN YQ==\r\n*\r\n", 10),
        ("NOOP\r\n", 5000),
        ("RSET\r\n", 5000),
    ] {
        let (_inbox, client) = start(Inbox::builder().login("a", "right")).await;
        let (mut read, mut write) = client.into_split();
        let talking = tokio::spawn(async move {
            let mut sent = write.write_all(b"EHLO a\r\n").await;
            for _ in 0..10_000 {
                if sent.is_err() {
                    break;
                }
                sent = write.write_all(command.as_bytes()).await;
            }
            write
        });
        let mut text = Vec::new();
        // Closing a connection with unread bytes causes a reset.
        let _ = timeout(LONG, read.read_to_end(&mut text)).await.expect("it ends in time");
        let text = String::from_utf8_lossy(&text).into_owned();
        // A reset may discard the last replies, so check only the maximum.
        let replies = text.lines().filter(|line| line.get(3..4) == Some(" ")).count();
        assert!(replies <= 2 + answered + 1, "{command:?}: {replies}");
        drop(talking.await);
    }
}

#[tokio::test]
async fn a_message_wipes_the_slate_clean() {
    let (inbox, mut client) = start(Inbox::builder()).await;
    let message = format!("{ENVELOPE}x\r\n.\r\n");
    for _ in 0..3 {
        say(&mut client, &format!("{}{message}", "HELP\r\n".repeat(15))).await;
        timeout(LONG, inbox.next()).await.expect("it arrives");
    }
    say(&mut client, "QUIT\r\n").await;
    assert!(heard(&mut client).await.ends_with("221 2.0.0 bye\r\n"));
}

#[tokio::test]
async fn messages_have_room_once_others_are_taken_out() {
    let (inbox, mut client) = start(Inbox::builder().max_held_bytes(10_000)).await;
    let send = |size: usize| format!("{ENVELOPE}{}\r\n.\r\n", "x".repeat(size - 2));
    for (size, last) in
        [(6000, "250 2.0.0 ok"), (6000, "452 4.3.1"), (3000, "250 2.0.0 ok"), (1000, "452 4.3.1")]
    {
        say(&mut client, &send(size)).await;
        let mut said = String::new();
        while !said.contains("354") || !said.ends_with("\r\n") || said.ends_with("dot\r\n") {
            let mut chunk = [0; 4096];
            let read = timeout(LONG, client.read(&mut chunk)).await.expect("in time");
            said += &String::from_utf8_lossy(&chunk[..read.expect("the connection is open")]);
        }
        let reply = said.lines().last().unwrap_or_default();
        assert!(reply.starts_with(last), "{size}: {reply}");
    }
    // A message that is arriving uses memory too, and releases it if the client disconnects.
    assert_eq!(inbox.take().map(|message| message.content.len()), Some(6000));
    let mut other = TcpStream::connect(inbox.address()).await.expect("it listens");
    say(&mut other, &format!("{ENVELOPE}{}", "x".repeat(6500))).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!inbox.queue.room.has(500));
    drop(other);
    for _ in 0..100 {
        if inbox.queue.room.has(6000) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the room is not given back");
}

#[tokio::test]
async fn an_envelope_takes_room_too() {
    let recipients = format!("RCPT TO:<{}@x.test>\r\n", "b".repeat(1000)).repeat(20);
    for begun in [String::new(), "MAIL FROM:<a@x.test>\r\n".to_owned() + &recipients] {
        let (inbox, mut other) = start(Inbox::builder().max_held_bytes(15_000)).await;
        say(&mut other, &format!("EHLO a\r\n{begun}")).await;
        let mut client = TcpStream::connect(inbox.address()).await.expect("it listens");
        let recipients = &recipients[..recipients.len() / 2];
        let message = format!("MAIL FROM:<a@x.test>\r\n{recipients}DATA\r\nx\r\n.\r\nRSET\r\n");
        say(&mut client, &format!("EHLO a\r\n{}QUIT\r\n", message.repeat(2))).await;
        let said = heard(&mut client).await;
        assert!(said.contains("\r\n452 4.3.1 the inbox is full"), "{said}");
        assert_eq!(said.matches(": queued as").count(), 1, "{said}");
        drop(client);
        // The memory is released exactly once.
        assert!(inbox.take().is_some() && inbox.take().is_none());
        drop(other);
        for _ in 0..100 {
            if inbox.queue.room.has(15_000) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(inbox.queue.room.has(15_000) && !inbox.queue.room.has(15_001));
    }
}

#[tokio::test]
async fn clients_beyond_the_connection_limit_are_refused_with_a_reply() {
    let (inbox, mut first) = start(Inbox::builder().max_connections(1)).await;
    let mut second = TcpStream::connect(inbox.address()).await.expect("it listens");
    assert_eq!(heard(&mut second).await, "421 4.3.2 too many connections\r\n");
    say(&mut first, "QUIT\r\n").await;
    assert!(heard(&mut first).await.ends_with("221 2.0.0 bye\r\n"));
    for _ in 0..100 {
        let mut third = TcpStream::connect(inbox.address()).await.expect("it listens");
        // The first client's place may not be released yet.
        if timeout(LONG, third.write_all(b"QUIT\r\n")).await.is_ok()
            && heard(&mut third).await.starts_with("220 ")
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the place is not given back");
}

/// A store that waits for the test to give it the result of each message.
struct Slowly {
    may: std::sync::Mutex<std::sync::mpsc::Receiver<io::Result<u64>>>,
}

impl Store for Slowly {
    fn store(&self, _: &Received) -> io::Result<u64> {
        let may = self.may.lock().expect("no panic").recv();
        // The channel is closed when the test ends.
        may.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    }
}

#[tokio::test]
async fn a_message_is_stored_before_it_is_accepted_and_has_one_number() {
    let (allow, may) = std::sync::mpsc::channel();
    let store = Slowly { may: may.into() };
    let (inbox, mut client) = start(Inbox::builder().store(store)).await;
    say(&mut client, &format!("{ENVELOPE}x\r\n.\r\n")).await;
    let mut said = String::new();
    let waiting = timeout(Duration::from_millis(300), async {
        loop {
            let mut chunk = [0; 4096];
            let read = client.read(&mut chunk).await.expect("the connection is open");
            said += &String::from_utf8_lossy(&chunk[..read]);
        }
    });
    assert!(waiting.await.is_err());
    assert!(!said.contains("queued") && inbox.take().is_none(), "it is not stored yet: {said}");
    let full = io::Error::from(io::ErrorKind::StorageFull);
    for (stored, reply) in [
        (Ok(41), "250 2.0.0 ok: queued as 41\r\n"),
        (Err(full), "452 4.3.1 the disk is full"),
        (Err(io::ErrorKind::PermissionDenied.into()), "451 4.3.0 the message could not"),
        (Ok(42), "250 2.0.0 ok: queued as 42\r\n"),
    ] {
        let id = stored.as_ref().ok().copied();
        allow.send(stored).expect("it is waited for");
        let mut said = String::new();
        while !said.contains(reply) {
            let mut chunk = [0; 4096];
            let read = timeout(LONG, client.read(&mut chunk)).await.expect("it answers");
            let read = read.expect("the connection is open");
            assert_ne!(read, 0, "{reply}: {said}");
            said += &String::from_utf8_lossy(&chunk[..read]);
        }
        assert_eq!(inbox.take().map(|message| message.id), id);
        say(&mut client, &format!("{ENVELOPE}x\r\n.\r\n")).await;
    }
    drop(allow);
}

/// Sends one message and returns everything that the inbox says until it has answered QUIT, or closes the connection.
async fn conversation(inbox: &Inbox, content: &str) -> String {
    let mut client = TcpStream::connect(inbox.address()).await.expect("it listens");
    // The inbox may close the connection before it has read everything.
    let _ = client.write_all(format!("{ENVELOPE}{content}.\r\nQUIT\r\n").as_bytes()).await;
    heard(&mut client).await
}

#[tokio::test]
async fn an_inbox_fails_on_purpose_at_each_stage_and_then_works() {
    for (failure, reply, is_kept) in [
        ("connect*1=554 5.3.2 no service", "554 5.3.2 no service\r\n", false),
        ("connect*1=drop", "", false),
        ("ehlo*1=500", "500 5.0.0 failed on purpose\r\n", false),
        ("mail*1=451 4.3.0 later", "451 4.3.0 later\r\n", false),
        ("rcpt*1=550 5.1.1 no such user", "550 5.1.1 no such user\r\n", false),
        ("data*1=421 4.3.2 closing", "421 4.3.2 closing\r\n", false),
        ("end*1=552 5.2.2 full", "552 5.2.2 full\r\n", false),
        ("end*1=drop", "354 ", false),
        ("end*1=delay:50ms", "250 2.0.0 ok: queued as 1\r\n", true),
    ] {
        let failures = Failures::default();
        failures.add(failure.parse().expect("a failure"));
        let inbox = Inbox::builder().failures(failures.clone()).start("127.0.0.1:0");
        let inbox = inbox.await.expect("a port on loopback is free");
        let said = conversation(&inbox, "x\r\n").await;
        assert!(said.contains(reply), "{failure}: {said}");
        assert_eq!(inbox.take().is_some(), is_kept, "{failure}: {said}");
        assert!(failures.all().is_empty(), "{failure} happened once");
        let said = conversation(&inbox, "x\r\n").await;
        assert!(said.contains("250 2.0.0 ok: queued as"), "after {failure}: {said}");
    }
}

#[tokio::test]
async fn a_message_that_matches_is_waited_for_and_others_stay() {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a port on loopback is free");
    let send = async |subject: &str| {
        conversation(&inbox, &format!("Subject: {subject}\r\n\r\nx\r\n")).await;
    };
    let query = "subject:\"order 2\"".parse().expect("a query");
    let wait = timeout(LONG, inbox.next_matching(&query));
    let (found, ()) = tokio::join!(wait, async {
        send("order 1").await;
        send("order 2").await;
    });
    let found = String::from_utf8(found.expect("it arrives").content).expect("it is text");
    assert!(found.starts_with("Subject: order 2"), "{found}");
    assert!(inbox.take_matching(&query).is_none());
    let rest = inbox.take().expect("the other one is there").content;
    assert!(rest.starts_with(b"Subject: order 1"));
}
