//! The body of a mail: from options, from files, or piped.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use smtp_connector_inbox::Inbox;

use crate::support::{CommandLine, Ran};

async fn start() -> (Inbox, CommandLine) {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a port on loopback is free");
    let line = CommandLine::with_server(inbox.address().port());
    (inbox, line)
}

/// Returns the text of the next message.
async fn body(inbox: &Inbox) -> String {
    let received = inbox.next().await;
    let message = String::from_utf8_lossy(&received.content).into_owned();
    message.split_once("\r\n\r\n").expect("a header block").1.to_owned()
}

const SEND: [&str; 5] = ["send", "--to", "b@example.net", "--subject", "s"];

#[tokio::test(flavor = "multi_thread")]
async fn piped_input_is_the_text() {
    let (inbox, line) = start().await;
    line.run_with(&SEND, "a line\nand another\n", &[]).expect(0);
    assert_eq!(body(&inbox).await, "a line\r\nand another\r\n");
    // A byte order mark is not part of the text.
    line.run_with(&SEND, "\u{feff}marked\n", &[]).expect(0);
    assert_eq!(body(&inbox).await, "marked\r\n");
    // A subject is optional, and `preview` reads the pipe too.
    line.run_with(&["send", "--to", "b@example.net"], "alone", &[]).expect(0);
    assert!(body(&inbox).await.starts_with("alone"));
    let ran = line.run_with(&["preview", "--to", "b@example.net"], "seen first", &[]).expect(0);
    assert!(ran.out.contains("seen first"), "{}", ran.out);
    // A body given as an option wins over the pipe.
    line.run_with(&[&SEND[..], &["--text", "given"]].concat(), "piped", &[]).expect(0);
    assert!(body(&inbox).await.starts_with("given"));
    // A redirected file counts as a pipe.
    std::fs::write(line.home().join("body.txt"), "from a file\n").expect("it can be written");
    let file = std::fs::File::open(line.home().join("body.txt")).expect("it is there");
    let output = line.command(&SEND).stdin(file).output().expect("it runs");
    Ran::of(&output).expect(0);
    assert_eq!(body(&inbox).await, "from a file\r\n");
    assert!(inbox.take().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_pipe_is_not_a_body_and_an_empty_mail_is_refused() {
    let (inbox, line) = start().await;
    let to = ["send", "--to", "b@example.net"];
    for stdin in ["", "\n", " \t\r\n"] {
        let ran = line.run_with(&to, stdin, &[]).expect(64);
        assert!(ran.err.contains("--allow-empty") && ran.err.contains("--text"), "{}", ran.err);
        line.run_with(&[&to[..], &["--text", " "]].concat(), stdin, &[]).expect(64);
    }
    let null = line.command(&to).stdin(Stdio::null()).output().expect("it runs");
    Ran::of(&null).expect(64);
    let json = line.run(&[&to[..], &["--json"]].concat()).expect(64).json();
    assert_eq!(json["error"]["delivered"], "no");
    assert!(inbox.take().is_none(), "nothing is sent");
    // A subject alone may be intended, so the mail is sent with a warning.
    let sent = line.run(&[&SEND[..], &["--json"]].concat()).expect(0);
    assert!(sent.err.contains("warning: text: ") && sent.err.contains("no text"), "{}", sent.err);
    assert_eq!(sent.json()["warnings"][0]["code"], "missing-value");
    for meant in [&to[..], &SEND] {
        let ran = line.run(&[meant, &["--allow-empty"]].concat()).expect(0);
        assert_eq!(ran.err, "");
    }
    std::fs::write(line.home().join("a.txt"), "x").expect("it can be written");
    assert_eq!(line.run(&[&to[..], &["--attach", "a.txt"]].concat()).expect(0).err, "");
    // Commands that send no mail only warn.
    for words in [&["preview", "--to", "b@example.net"][..], &[&to[..], &["--dry-run"]].concat()] {
        assert!(line.run(words).expect(0).err.contains("no text"), "{words:?}");
    }
    let found = line.run(&["validate", "--to", "b@example.net", "--json"]).expect(0).json();
    assert_eq!(found["warnings"][0]["code"], "missing-value", "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_without_a_writer_is_not_waited_for() {
    let (inbox, line) = start().await;
    // This process, the parent, keeps the pipe open.
    let run = |words: &[&str]| {
        let started = Instant::now();
        let child = line.command(words).stdin(Stdio::piped()).spawn().expect("it starts");
        // `wait_with_output` would close it.
        let mut child = child;
        let stdin = child.stdin.take();
        let ran = Ran::of(&child.wait_with_output().expect("it ends"));
        drop(stdin);
        (ran, started.elapsed())
    };
    let (ran, took) = run(&[&SEND[..], &["--text", "x"]].concat());
    ran.expect(0);
    assert!(took < Duration::from_secs(5), "it is not read at all: {took:?}");
    assert!(body(&inbox).await.starts_with('x'));
    let (ran, took) = run(&SEND);
    let ran = ran.expect(64);
    assert!(ran.err.contains("< /dev/null") && ran.err.contains("nothing was sent"), "{}", ran.err);
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert!(inbox.take().is_none());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_command_in_front_of_the_pipe_is_waited_for() {
    let (inbox, line) = start().await;
    let command = line.command(&SEND);
    let script = "(sleep 4; echo late) | \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(command.get_program()).args(SEND);
    let shell = shell.env("SMTP_CONNECTOR_HOME", line.home()).current_dir(line.home());
    let ran = Ran::of(&shell.output().expect("it runs")).expect(0);
    assert!(ran.err.contains("waiting for the text on standard input"), "{}", ran.err);
    assert_eq!(body(&inbox).await, "late\r\n");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_a_shell_loops_input_is_not_the_body() {
    let (inbox, line) = start().await;
    std::fs::write(line.home().join("list"), "a@example.net\nb@example.net\n")
        .expect("it can be written");
    let command = line.command(&[]);
    let script = "while read to; do \"$0\" send --to \"$to\" --subject s; done < list";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(command.get_program());
    let shell = shell.env("SMTP_CONNECTOR_HOME", line.home()).current_dir(line.home());
    let ran = Ran::of(&shell.output().expect("it runs")).expect(64);
    assert!(ran.err.contains("loop"), "{}", ran.err);
    assert!(inbox.take().is_none(), "nothing is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_comes_from_a_file() {
    let (inbox, line) = start().await;
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(line.home().join(name), bytes).expect("it can be written");
    };
    write("notes.txt", "\u{feff}Grüße\n".as_bytes());
    write("page.html", b"<p>Hi</p>\n");
    write("latin.txt", b"Gr\xfc\xdfe");
    write("wide.txt", b"\xff\xfeH\0i\0");
    let with = |words: &[&str]| line.run_with(&[&SEND[..], words].concat(), "piped <b>", &[]);
    with(&["--text-file", "notes.txt", "--html-file", "page.html"]).expect(0);
    let both = body(&inbox).await;
    assert!(both.contains("R3LDvMOfZQ0K") && both.contains("<p>Hi</p>"), "{both}");
    for (text, html) in [("-", "page.html"), ("notes.txt", "-")] {
        with(&["--text-file", text, "--html-file", html]).expect(0);
        assert!(body(&inbox).await.contains("piped <b>"));
    }
    for (file, words) in [
        ("latin.txt", &["latin.txt", "byte 2 ", "iconv"][..]),
        ("wide.txt", &["wide.txt", "UTF-16", "iconv"]),
    ] {
        let ran = with(&["--text-file", file]).expect(65);
        words.iter().for_each(|word| assert!(ran.err.contains(word), "{word}: {}", ran.err));
    }
    assert!(with(&["--html-file", "none.html"]).expect(64).err.contains("none.html"));
    assert!(with(&["--text-file", "."]).expect(64).err.contains("is a folder"));
    with(&["--text", "x", "--text-file", "notes.txt"]).expect(64);
    // Standard input can be read only once.
    for twice in [
        &["--text", "-", "--html", "-"][..],
        &["--text-file", "-", "--html-file", "-"],
        &["--text-file", "-", "--keywords", "-"],
    ] {
        assert!(with(twice).expect(64).err.contains("once"), "{twice:?}");
    }
    line.run(&["send", "--input", "-", "--keywords", "-"]).expect(64);
    assert!(inbox.take().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_a_file_name_is_a_warning() {
    let (inbox, line) = start().await;
    std::fs::write(line.home().join("page.html"), "<p>Hi</p>").expect("it can be written");
    for (option, text, is_odd) in [
        ("--html", "page.html", true),
        ("--text", "@page.html", true),
        ("--text", "no-such-page.html", false),
        ("--text", "see page.html", false),
    ] {
        let ran = line.run(&[&SEND[..], &[option, text, "--json"]].concat()).expect(0);
        let file = format!("{option}-file page.html");
        assert_eq!(ran.err.contains(&file), is_odd, "{text}: {}", ran.err);
        let result = ran.json();
        let codes: Vec<_> =
            result["warnings"].as_array().expect("a list").iter().map(|one| &one["code"]).collect();
        assert_eq!(codes.iter().any(|code| **code == "local-path"), is_odd, "{result}");
        inbox.next().await;
    }
    // The fields of a mail, piped as if they were its text.
    let ran = line.run_with(&SEND, r#"{"to": "c@example.net", "subject": "x"}"#, &[]).expect(0);
    assert!(ran.err.contains("--input -"), "{}", ran.err);
}

#[test]
fn piped_text_without_a_recipient_explains_what_to_do() {
    let line = CommandLine::with_server(9);
    let ran = line.run_with(&["send"], "Hi, Bob!\n", &[]).expect(65);
    assert!(ran.err.contains("--to"), "{}", ran.err);
    assert!(!ran.err.contains('$'), "{}", ran.err);
    assert_eq!(ran.err.matches("not JSON").count(), 1, "{}", ran.err);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_the_command_asks_before_it_sends_an_empty_mail() {
    use crate::support::run_on_terminal;
    let (inbox, line) = start().await;
    for words in [&SEND[..], &["send", "--to", "b@example.net"]] {
        for (answer, code) in [("n\n", 64), ("\n", 64), ("y\n", 0)] {
            let ran = run_on_terminal(line.command(words), answer).expect(code);
            assert!(ran.out.contains("Send it anyway? [y/N]"), "{}", ran.out);
            assert_eq!(inbox.take().is_some(), code == 0, "{answer:?}");
        }
    }
    let ran = run_on_terminal(line.command(&[&SEND[..], &["--text", "x"]].concat()), "").expect(0);
    assert!(!ran.out.contains("[y/N]"), "{}", ran.out);
}

#[test]
fn a_large_piped_body_is_sent_completely() {
    let line = CommandLine::with_server(9);
    let text = "a line of a long text\n".repeat(100_000);
    let words = ["preview", "--from", "a@example.com", "--to", "b@example.net"];
    let ran = line.run_with(&words, &text, &[]).expect(0);
    assert_eq!(ran.out.matches("a line of a long text\r\n").count(), 100_000);
    // More than an input may hold.
    let mut child = line.command(&words).stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it was piped");
    let block = vec![b'x'; 1 << 20];
    // The command stops reading at the limit.
    while stdin.write_all(&block).is_ok() {}
    let ran = Ran::of(&child.wait_with_output().expect("it ends")).expect(64);
    assert!(ran.err.contains("larger than 48 MiB"), "{}", ran.err);
}
