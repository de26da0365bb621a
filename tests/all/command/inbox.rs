//! `inbox`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::CommandLine;

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
fn an_address_that_is_taken_is_told() {
    let line = CommandLine::new();
    let listening = Listening::start(&line);
    let ran = line.run(&["inbox", "--smtp", &format!("127.0.0.1:{}", listening.port)]).expect(64);
    assert!(ran.err.contains("--smtp"), "{}", ran.err);
}
