//! `inbox`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{CommandLine, USER_CACHE};

/// The command while it listens.
struct Listening {
    child: Child,
    port: String,
}

impl Listening {
    fn start(line: &CommandLine) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_smtp-connector-under-test"))
            .args(["inbox", "--smtp", "127.0.0.1:0"])
            .env("SMTP_CONNECTOR_HOME", line.home())
            .env("XDG_CACHE_HOME", USER_CACHE)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut first = String::new();
        let stderr = child.stderr.as_mut().expect("it was piped");
        BufReader::new(stderr).read_line(&mut first).expect("it says where it listens");
        let port = first.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(';').next());
        let port = port.unwrap_or_else(|| panic!("no port in {first:?}")).to_owned();
        Self { child, port }
    }

    /// Delivers a message as it is, and waits until it can be listed.
    fn deliver(&mut self, line: &CommandLine, message: &str) {
        let number = || std::fs::read_dir(line.home().join("inbox")).map_or(0, Iterator::count);
        let before = number();
        let mut client =
            TcpStream::connect(format!("127.0.0.1:{}", self.port)).expect("it listens");
        let start = "EHLO x\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n";
        write!(client, "{start}{message}\r\n.\r\nQUIT\r\n").expect("it reads");
        client.read_to_end(&mut Vec::new()).expect("it answers");
        let started = Instant::now();
        while number() < before + 2 {
            assert!(started.elapsed() < Duration::from_secs(10), "the message is not kept");
            assert!(matches!(self.child.try_wait(), Ok(None)), "the inbox has ended");
            std::thread::sleep(Duration::from_millis(20));
        }
        // What is said of it comes after it is kept.
        std::thread::sleep(Duration::from_millis(200));
        assert!(matches!(self.child.try_wait(), Ok(None)), "the inbox has ended");
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn mail_is_caught_listed_shown_and_thrown_away() {
    let line = CommandLine::new();
    line.run(&["inbox", "list"]).expect(0);
    line.run(&["inbox", "show"]).expect(64);
    let listening = Listening::start(&line);
    let words = [
        "accounts",
        "add",
        "work",
        "--host",
        "127.0.0.1",
        "--port",
        &listening.port,
        "--security",
        "none",
        "--from",
        "a@example.com",
    ];
    line.run(&words).expect(0);
    for subject in ["First", "Zweite für dich"] {
        line.run(&["send", "--to", "b@example.net", "--subject", subject, "--text", "Hi there"])
            .expect(0);
    }
    let mut list = line.run(&["inbox", "list"]).expect(0);
    // The server's answer comes before the message is in its folder.
    for _ in 0..50 {
        if list.out.lines().count() == 2 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        list = line.run(&["inbox", "list"]).expect(0);
    }
    assert!(list.out.contains("First") && list.out.contains("Zweite für dich"), "{}", list.out);
    let shown = line.run(&["inbox", "show"]).expect(0);
    for words in [
        "from  a@example.com",
        "to    b@example.net",
        "Subject: Zweite für dich",
        "text/plain",
        "  Hi there",
    ] {
        assert!(shown.out.contains(words), "{words}: {}", shown.out);
    }
    let raw = line.run(&["inbox", "show", "1", "--raw"]).expect(0);
    assert!(raw.out.contains("Subject: First\r\n"), "{}", raw.out);
    let json = line.run(&["inbox", "list", "--json"]).expect(0).json();
    assert_eq!(json["messages"][1]["subject"], "Zweite für dich");
    line.run(&["inbox", "show", "3"]).expect(64);
    line.run(&["inbox", "clear"]).expect(0);
    assert!(line.run(&["inbox", "list"]).expect(0).out.contains("no message yet"));
}

#[test]
fn parts_within_parts_do_not_end_the_inbox() {
    let multiparts = |n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
    let messages = |_| "Content-Type: message/rfc822\r\n\r\n".to_owned();
    let line = CommandLine::new();
    let mut listening = Listening::start(&line);
    for (nested, is_too_deep) in [
        ((0..20_000).map(multiparts).collect::<String>(), true),
        ((0..40_000).map(messages).collect(), false),
        ((0..20_000).map(|n| multiparts(n) + &messages(n)).collect(), false),
    ] {
        listening.deliver(&line, &format!("From: a@x.test\r\n{nested}\r\nx"));
        let shown = line.run(&["inbox", "show"]).expect(0);
        assert_eq!(shown.out.contains("not taken apart"), is_too_deep, "{}", shown.out);
        line.run(&["inbox", "list"]).expect(0);
        line.run(&["inbox", "show", "--json"]).expect(0).json();
    }
}

#[test]
fn an_address_that_is_taken_is_told() {
    let line = CommandLine::new();
    let listening = Listening::start(&line);
    let ran = line.run(&["inbox", "--smtp", &format!("127.0.0.1:{}", listening.port)]).expect(64);
    assert!(ran.err.contains("--smtp"), "{}", ran.err);
}
