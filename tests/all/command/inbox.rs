//! `inbox`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{CommandLine, USER_CACHE};

/// A running `inbox` command.
struct Listening {
    child: Child,
    port: String,
    said: String,
}

impl Listening {
    fn start(line: &CommandLine) -> Self {
        Self::start_with(line, &[])
    }

    /// As [`start`](Self::start), with more options.
    fn start_with(line: &CommandLine, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_smtp-connector-under-test"))
            .args(["inbox", "--smtp", "127.0.0.1:0"])
            .args(options)
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
        Self { child, port, said: String::new() }
    }

    /// Delivers a message unchanged.
    fn deliver(&mut self, line: &CommandLine, message: &str) {
        let number = || std::fs::read_dir(line.home().join("inbox")).map_or(0, Iterator::count);
        let before = number();
        self.said = self.say(message);
        assert_eq!(number(), before + 2, "it is kept before it is accepted: {}", self.said);
        // The inbox prints its line after it stores the message. Give it time.
        std::thread::sleep(Duration::from_millis(200));
        assert!(matches!(self.child.try_wait(), Ok(None)), "the inbox has ended");
    }

    /// Sends a message, and returns all replies of the inbox.
    fn say(&mut self, message: &str) -> String {
        let mut client =
            TcpStream::connect(format!("127.0.0.1:{}", self.port)).expect("it listens");
        let start = "EHLO x\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n";
        write!(client, "{start}{message}\r\n.\r\nQUIT\r\n").expect("it reads");
        let mut said = String::new();
        client.read_to_string(&mut said).expect("it answers");
        said
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // The process may already have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn mail_is_caught_listed_shown_and_cleared() {
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
    let list = line.run(&["inbox", "list"]).expect(0);
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
fn deeply_nested_parts_do_not_crash_the_inbox() {
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
        assert_eq!(shown.out.contains("not parsed"), is_too_deep, "{}", shown.out);
        line.run(&["inbox", "list"]).expect(0);
        line.run(&["inbox", "show", "--json"]).expect(0).json();
    }
}

#[test]
fn an_address_in_use_is_reported() {
    let line = CommandLine::new();
    let listening = Listening::start(&line);
    let ran = line.run(&["inbox", "--smtp", &format!("127.0.0.1:{}", listening.port)]).expect(64);
    assert!(ran.err.contains("--smtp"), "{}", ran.err);
}

#[test]
fn an_accepted_message_is_stored_under_its_queue_number() {
    let line = CommandLine::new();
    let listening = Listening::start(&line);
    let port = &listening.port;
    line.run(&[
        "accounts",
        "add",
        "work",
        "--host",
        "127.0.0.1",
        "--port",
        port,
        "--security",
        "none",
        "--from",
        "a@example.com",
    ])
    .expect(0);
    // Another process has used the folder before.
    line.run(&["inbox", "clear"]).expect(0);
    for number in 1..=12 {
        let subject = format!("Message number {number}");
        let words =
            ["send", "--to", "b@example.net", "--subject", &subject, "--text", "x", "--json"];
        let sent = line.run(&words).expect(0).json();
        let id = sent["queueId"].as_str().expect("the inbox gives a number").to_owned();
        // Checked at once: an accepted message is already stored.
        let shown = line.run(&["inbox", "show", &id]).expect(0);
        assert!(shown.out.contains(&subject), "{id}: {}", shown.out);
        let latest = line.run(&["inbox", "show", "--json"]).expect(0).json();
        assert_eq!(latest["id"].to_string(), id);
        assert!(line.home().join(format!("inbox/{id}.eml")).is_file());
    }
}

#[test]
fn a_restarted_inbox_continues_its_numbers() {
    let line = CommandLine::new();
    for id in ["1", "2"] {
        let mut listening = Listening::start(&line);
        listening.deliver(&line, &format!("Subject: number {id}\r\n\r\nx"));
        let shown = line.run(&["inbox", "show", id]).expect(0);
        assert!(shown.out.contains(&format!("Subject: number {id}")), "{}", shown.out);
        assert!(
            listening.said.ends_with(&format!("queued as {id}\r\n221 2.0.0 bye\r\n")),
            "{}",
            listening.said
        );
    }
}

#[test]
fn a_message_that_cannot_be_stored_is_refused_temporarily_and_not_shown() {
    let line = CommandLine::new();
    // There is a file in the place of the folder.
    std::fs::write(line.home().join("inbox"), "x").expect("a file can be written");
    let mut listening = Listening::start(&line);
    let said = listening.say("Subject: x\r\n\r\nx");
    assert!(said.contains("\r\n451 4.3.0 the message could not be stored\r\n"), "{said}");
    assert!(matches!(listening.child.try_wait(), Ok(None)), "the inbox goes on");
    std::fs::remove_file(line.home().join("inbox")).expect("it is there");
    assert!(line.run(&["inbox", "list"]).expect(0).out.contains("no message yet"));
    listening.deliver(&line, "Subject: y\r\n\r\ny");
    assert!(line.run(&["inbox", "list"]).expect(0).out.contains('y'));
}

#[test]
fn messages_are_found_waited_for_and_deleted() {
    let line = CommandLine::new();
    let mut listening = Listening::start(&line);
    let mail = |subject: &str| {
        format!("From: Ada <ada@x.test>\r\nSubject: {subject}\r\n\r\nThe tea is on its way.")
    };
    listening.deliver(&line, &mail("order 1"));
    let ids = |query: &[&str]| {
        let listed = line.run(&[&["inbox", "list", "--json"], query].concat()).expect(0).json();
        let messages = listed["messages"].as_array().expect("a list").clone();
        messages.iter().map(|one| one["id"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(ids(&["from:ada", "tea", "not:has:file"]), [1]);
    assert_eq!(ids(&["not:tea"]), [0; 0]);
    let none = line.run(&["inbox", "list", "coffee"]).expect(0);
    assert_eq!(none.out, "no message matches\n");
    let waiting = line
        .command(&["inbox", "wait", "subject:\"order 2\"", "--json", "--timeout", "20"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    std::thread::sleep(Duration::from_millis(300));
    listening.deliver(&line, &mail("order 1b"));
    listening.deliver(&line, &mail("order 2"));
    let found = waiting.wait_with_output().expect("it ends");
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).expect("JSON");
    assert_eq!((&found["id"], &found["subject"]), (&3.into(), &"order 2".into()));
    let before = line.run(&["inbox", "wait", "to:b@x.test", "--timeout", "1"]).expect(0);
    assert!(before.out.starts_with("Message 1,"), "one that arrived before counts: {before:?}");
    let late = line.run(&["inbox", "wait", "order", "--after", "3", "--timeout", "1"]).expect(75);
    assert!(late.err.contains("no message that matches order arrived within 1 s"), "{late:?}");
    line.run(&["inbox", "delete", "1", "2"]).expect(0);
    assert_eq!(ids(&[]), [3]);
    let again = line.run(&["inbox", "delete", "1"]).expect(64);
    assert!(again.err.contains("there is no message 1"), "{again:?}");
    let wrong = line.run(&["inbox", "list", "has:wings"]).expect(64);
    assert!(wrong.err.contains("the only one is has:file"), "{wrong:?}");
}

#[test]
fn an_inbox_fails_on_purpose() {
    let line = CommandLine::new();
    let options = ["--fail", "rcpt*1=451 4.7.1 come back later", "--fail", "end*1=drop"];
    let mut listening = Listening::start_with(&line, &options);
    let said = listening.say("x");
    assert!(said.contains("451 4.7.1 come back later\r\n"), "{said}");
    let said = listening.say("x");
    assert!(said.contains("354 ") && !said.contains("queued"), "{said}");
    listening.deliver(&line, "x");
    let wrong = line.run(&["inbox", "--fail", "rctp=451"]).expect(64);
    assert!(wrong.err.contains("the stages are connect, ehlo"), "{wrong:?}");
}
