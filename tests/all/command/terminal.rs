//! Untrusted text on the user's terminal: control characters are shown, not executed.

use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use serde_json::{Value, json};
use smtp_connector_inbox::{Mailbox, Received};

use crate::hostile::guest::Guest;
use crate::support::{Act, CommandLine, FaultServer, Scenario, Stage};

/// Sets the title and the clipboard, clears the screen, reverses text, and then forges a line.
const EVIL: &str = "\x1b]0;pwned\x07\x1b[2J\x1b]52;c;cm0gLXJmIH4=\x07\u{9b}31m\u{7f}\u{202e}eman\u{2066}\u{200f}\
                    \u{61c}\u{2028}\u{feff}\u{e0041}\rx\nerror: forged";

/// Returns the control characters in a text, except for line ends and tabs.
fn active(text: &str) -> Vec<char> {
    let is_active = |c: &char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    text.chars().filter(is_active).collect()
}

#[track_caller]
fn harmless(text: &str) {
    assert!(active(text).is_empty(), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("error: forged")), "{text}");
}

/// Returns the offsets and lengths of the strings, in the component model's layout.
fn strings(guest: &mut Guest, texts: &[&str]) -> Vec<u8> {
    let places = texts.iter().map(|text| guest.bytes(text));
    places.flat_map(|(at, length)| [at, length]).flat_map(word).collect()
}

fn word(number: usize) -> [u8; 4] {
    u32::try_from(number).expect("it is an address").to_le_bytes()
}

/// A component whose `invoke` returns this memory.
fn with_result(mut guest: Guest, memory: &[u8]) -> Guest {
    let mut memory = memory.to_vec();
    memory.resize(128, 0);
    let (at, _) = guest.bytes(memory);
    guest.and_invoking(format!("(i32.const {at})"))
}

fn that_fails() -> Guest {
    let mut guest = Guest::invoking("");
    let said = strings(&mut guest, &["data", EVIL]);
    let hint = strings(&mut guest, &[EVIL]);
    let memory = [&word(1)[..], &word(1), &said, &word(1), &hint].concat();
    with_result(guest, &memory)
}

fn that_finds_issues() -> Guest {
    let mut guest = Guest::invoking("");
    let issue = strings(&mut guest, &[EVIL, EVIL, EVIL]);
    let (at, _) = guest.bytes(issue);
    with_result(guest, &[word(1), word(0), word(at), word(1)].concat())
}

fn that_makes_a_preview() -> Guest {
    let result = json!({
        "status": "dry-run", "messageId": EVIL, "accepted": [EVIL], "rejectedErrors": [], "messageSize": 1,
        "attachments": [], "message": EVIL, "response": EVIL, "queueId": EVIL,
        "warnings": [{ "path": EVIL, "code": EVIL, "message": EVIL }],
    });
    Guest::returning(&result.to_string().replace('{', "\r{"))
}

#[test]
fn text_from_a_component_is_safe_for_a_terminal() {
    let line = CommandLine::new();
    line.write_accounts("[accounts.work]\nhost = \"127.0.0.1\"\n");
    for (name, guest, code) in [
        ("fails", that_fails(), 65),
        ("issues", that_finds_issues(), 65),
        ("previews", that_makes_a_preview(), 0),
    ] {
        std::fs::write(line.home().join("evil.wasm"), guest.encode()).expect("it can be written");
        for command in ["send", "preview"] {
            let words = [command, "--component", "evil.wasm", "-v"];
            let ran = line.run_with(&words, "{}", &[]).expect(code);
            harmless(&ran.err);
            assert!(ran.err.contains("pwned"), "{name}: {ran:?}");
            // The message was requested, and goes to a pipe unfiltered.
            if command == "send" {
                harmless(&ran.out);
            } else if code == 0 {
                assert_eq!(ran.out, EVIL);
            }
            let ran = line.run_with(&[&words[..], &["--json"]].concat(), "{}", &[]).expect(code);
            harmless(&(ran.out.clone() + &ran.err));
            assert!(ran.json().to_string().contains("pwned"), "{name}: {ran:?}");
            if code == 0 {
                assert_eq!(ran.json()["message"], EVIL, "it is the same value");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_from_a_server_is_safe_for_a_terminal() {
    const REPLY: &str = "550 5.7.1 no \u{9b}31mC1 \u{202e}RTL\u{2066} \x1b[31m\u{feff}\u{2028}\r\n";
    for stage in [Stage::Greeting, Stage::Rcpt(1), Stage::Dot] {
        let server = FaultServer::start(Scenario::when(stage, Act::Reply(REPLY))).await;
        let line = CommandLine::new();
        let port = server.port().to_string();
        let account =
            ["--host", "127.0.0.1", "--port", &port, "--security", "none", "--from", "a@x.test"];
        line.run(&[&["accounts", "add", "work"][..], &account].concat()).expect(0);
        for more in ["-v", "--json"] {
            let ran = line.run(&["send", "--to", "b@x.test", "--text", "x", more]);
            assert_ne!(ran.code, 0);
            harmless(&(ran.out + &ran.err));
        }
    }
}

/// A mailbox with one mail, all of it hostile.
fn with_mail() -> (CommandLine, Vec<u8>) {
    let line = CommandLine::new();
    let evil = EVIL.replace(['\r', '\n'], "");
    let encoded: String = EVIL.bytes().map(|byte| format!("={byte:02X}")).collect();
    let content = format!(
        "From: a@b.c\r\nSubject: =?utf-8?q?{encoded}?= {evil}\r\nX-{evil}: 1\r\n\
         Content-Type: multipart/{evil}; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain; charset={evil}; name=\"{evil}\"\r\n\r\nHi {EVIL}\r\n\
         --b\r\nContent-Type: image{evil}/png; name*=utf-8''{percent}\r\nContent-ID: <{evil}>\r\n\r\nx\r\n--b--\r\n",
        percent = encoded.replace('=', "%"),
    );
    let received = Received {
        id: 0,
        at: SystemTime::now(),
        client_name: EVIL.into(),
        encrypted: false,
        user: None,
        sender: EVIL.into(),
        parameters: vec![EVIL.into()],
        recipients: vec![EVIL.into()],
        content: content.into(),
    };
    Mailbox::new(line.home().join("inbox")).put(&received).expect("it is kept");
    (line, received.content)
}

#[test]
fn text_from_a_mail_is_safe_for_a_terminal() {
    let (line, content) = with_mail();
    for words in [&["inbox", "list"][..], &["inbox", "show"]] {
        let ran = line.run(words).expect(0);
        harmless(&(ran.out + &ran.err));
        let ran = line.run(&[words, &["--json"]].concat()).expect(0);
        harmless(&(ran.out.clone() + &ran.err));
        let value = ran.json();
        let sender = value.get("from").unwrap_or(&value["messages"][0]["from"]);
        assert_eq!(*sender, Value::from(EVIL), "it is the same value");
    }
    let raw = line.run(&["inbox", "show", "--raw"]).expect(0);
    assert_eq!(raw.out.as_bytes(), content, "in a pipe it is as it came");
}

#[cfg(unix)]
#[test]
fn a_raw_message_is_filtered_on_a_terminal() {
    use rustix::pty;
    let (line, _) = with_mail();
    let terminal =
        pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).expect("a terminal");
    pty::grantpt(&terminal).expect("it is ours");
    pty::unlockpt(&terminal).expect("it is ours");
    let name = pty::ptsname(&terminal, Vec::new()).expect("it has a name");
    let screen =
        File::options().write(true).open(name.to_str().expect("a path")).expect("it opens");
    let mut child = Command::new(env!("CARGO_BIN_EXE_smtp-connector-under-test"))
        .args(["inbox", "show", "--raw"])
        .env("SMTP_CONNECTOR_HOME", line.home())
        .stdout(Stdio::from(screen))
        .spawn()
        .expect("the command starts");
    let mut shown = Vec::new();
    // On Linux, reading past the end of a terminal is an error.
    let _ = File::from(terminal).read_to_end(&mut shown);
    assert!(child.wait().expect("it ends").success());
    let shown = String::from_utf8(shown).expect("it is text");
    assert!(shown.contains("pwned") && shown.contains("From: a@b.c\r"), "{shown}");
    // The terminal itself writes a CR before each LF.
    assert!(active(&shown.replace("\r\r\n", "\n").replace("\r\n", "\n")).is_empty(), "{shown}");
}

#[test]
fn arguments_and_paths_are_safe_for_a_terminal() {
    let line = CommandLine::new();
    let evil = EVIL;
    let pair = format!("{evil}=x");
    for words in [
        &[evil][..],
        &["send", evil],
        &["send", "--port", evil],
        &["send", "--upload", evil],
        &["send", "--input", evil],
        &["send", "--attach", evil, "--to", "x"],
        &["send", "--header", evil, "--to", "x"],
        &["send", "--upload", &pair, "--to", "b@x.test", "--from", evil],
        &["describe", "--component", evil],
        &["accounts", "show", evil],
        &["accounts", "add", evil, "--provider", evil],
        &["accounts", "add", "work", "--host", evil],
        &["accounts", "add", "work", "--host", "x.test", "--security", evil],
        &["preview", "--to", "b@x.test", "--from", "a@x.test", "--output", evil],
        &["inbox", "--smtp", evil],
        &["--home", evil, "accounts", "list", "--help", evil],
    ] {
        for more in [&[][..], &["--json"]] {
            let ran = line.run(&[words, more].concat());
            harmless(&(ran.out + &ran.err));
        }
    }
    let ran = line.run_with(&["--help"], "", &[("SMTP_CONNECTOR_HOME", evil)]).expect(0);
    harmless(&ran.out);
}
