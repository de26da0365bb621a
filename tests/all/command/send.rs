//! `send`.

use serde_json::json;
use smtp_connector_inbox::{Inbox, Received};

use crate::support::{Act, CommandLine, FaultServer, Scenario, Stage};

async fn inbox() -> Inbox {
    Inbox::builder().start("127.0.0.1:0").await.expect("a port on loopback is free")
}

fn text(received: &Received) -> String {
    String::from_utf8(received.content.clone()).expect("ASCII")
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_set_the_fields_of_the_mail() {
    let inbox = inbox().await;
    let line = CommandLine::with_account(&inbox);
    std::fs::write(line.home().join("notes.txt"), "some notes\n").expect("a file can be written");
    let ran = line
        .run(&[
            "send",
            "--from",
            "Ann <ann@example.com>",
            "--to",
            "a@example.net, b@example.net",
            "--to",
            "c@example.net",
            "--cc",
            "d@example.net",
            "--bcc",
            "e@example.net",
            "--reply-to",
            "r@example.com",
            "--subject",
            "Grüße",
            "--text",
            "Hi",
            "--html",
            "<p>Hi</p>",
            "--attach",
            "notes.txt",
            "--header",
            "X-One: 1",
            "--header",
            "X-One: 2",
        ])
        .expect(0);
    assert!(ran.out.contains("sent to a@example.net, b@example.net, c@example.net"), "{}", ran.out);
    assert!(ran.out.contains("queue id 1"), "{}", ran.out);
    let received = inbox.next().await;
    assert_eq!(received.recipients.len(), 5);
    let text = text(&received);
    for words in [
        "From: Ann <ann@example.com>\r\n",
        "Reply-To: r@example.com\r\n",
        "X-One: 1\r\nX-One: 2\r\n",
        "filename=notes.txt",
        "multipart/alternative",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_is_read_from_a_file_or_standard_input() {
    let inbox = inbox().await;
    let line = CommandLine::with_account(&inbox);
    let input =
        json!({ "to": "{{to}}", "subject": "x", "attachments": [{ "upload": "u-1" }] }).to_string();
    std::fs::write(line.home().join("input.json"), format!("\u{feff}{input}"))
        .expect("a file can be written");
    std::fs::write(line.home().join("keywords.json"), r#"{"to": "b@example.net"}"#)
        .expect("a file can be written");
    std::fs::write(line.home().join("a.pdf"), "%PDF").expect("a file can be written");
    let more = ["--keywords", "keywords.json", "--upload", "u-1=a.pdf", "--json"];
    for input_words in [&["--input", "input.json"][..], &["--input", "-"], &[]] {
        let words = [&["send"][..], input_words, &more].concat();
        let sent = line.run_with(&words, &input, &[]).expect(0).json();
        assert_eq!(sent["attachments"][0]["filename"], "a.pdf");
        assert_eq!(inbox.next().await.recipients, ["b@example.net"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_sends_nothing() {
    let inbox = inbox().await;
    let line = CommandLine::with_account(&inbox);
    let ran = line.run(&["send", "--to", "b@example.net", "--dry-run"]).expect(0);
    assert!(ran.out.contains("nothing was sent"), "{}", ran.out);
    let json = line.run(&["send", "--to", "b@example.net", "--dry-run", "--json"]).expect(0).json();
    assert_eq!(json["status"], "dry-run");
    assert!(inbox.take().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_send_is_a_warning_or_a_failure_as_requested() {
    let scenario = || Scenario::when(Stage::Rcpt(2), Act::Reply("550 5.1.1 no such user\r\n"));
    let to = r#"{"to": ["a@example.net", "b@example.net"], "subject": "x""#;
    for (input, code) in
        [(format!("{to}}}"), 0), (format!("{to}, \"onPartialFailure\": \"fail\"}}"), 67)]
    {
        let server = FaultServer::start(scenario()).await;
        let line = account_on(server.port());
        let ran = line.run_with(&["send", "--json"], &input, &[]).expect(code);
        assert!(ran.err.contains("b@example.net"), "{}", ran.err);
        let json = ran.json();
        let refused =
            if code == 0 { &json["rejectedErrors"] } else { &json["error"]["rejectedErrors"] };
        assert_eq!(refused[0]["recipient"], "b@example.net");
        assert_eq!(server.seen().complete, usize::from(code == 0));
    }
}

fn account_on(port: u16) -> CommandLine {
    let line = CommandLine::new();
    let port = port.to_string();
    let words = [
        "accounts",
        "add",
        "work",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--security",
        "none",
        "--from",
        "a@example.com",
    ];
    line.run(&words).expect(0);
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_says_what_to_do_next() {
    for (stage, reply, code) in [
        (Stage::Greeting, "421 4.3.2 busy\r\n", 75),
        (Stage::Greeting, "SSH-2.0-OpenSSH\r\n", 69),
        (Stage::Mail, "550 5.1.8 no\r\n", 65),
        (Stage::Rcpt(1), "550 5.1.1 no\r\n", 67),
        (Stage::Dot, "554 5.6.0 no\r\n", 65),
        (Stage::Dot, "452 4.3.1 later\r\n", 75),
        (Stage::Dot, "nonsense\r\n", 73),
    ] {
        let server = FaultServer::start(Scenario::when(stage, Act::Reply(reply))).await;
        let ran = account_on(server.port())
            .run(&["send", "--to", "b@example.net", "--text", "x", "--json"])
            .expect(code);
        let error = &ran.json()["error"];
        assert_eq!(error["delivered"], if code == 73 { "unknown" } else { "no" });
        assert!(ran.err.contains("hint: "), "{}", ran.err);
        if code == 73 {
            assert!(ran.err.contains(error["messageId"].as_str().expect("an id")), "{}", ran.err);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conversation_is_shown_with_verbose() {
    let inbox = inbox().await;
    let line = CommandLine::with_account(&inbox);
    let ran = line.run(&["send", "--to", "b@example.net", "--text", "x", "-v"]).expect(0);
    for words in
        ["-> EHLO ", "<- 250 ", "-> RCPT TO:<b@example.net>", "bytes of message)", "-> QUIT"]
    {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    let quiet = line.run(&["send", "--to", "b@example.net", "--text", "x", "-q"]).expect(0);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_sent_through_a_server_without_an_account() {
    let inbox = Inbox::builder()
        .login("user@x.test", "s3cr3t")
        .start("127.0.0.1:0")
        .await
        .expect("a free port");
    let line = CommandLine::new();
    let server = format!("smtp://user%40x.test@{}?security=none", inbox.address());
    let mail = ["--from", "a@example.com", "--to", "b@example.net", "--text", "Hi"];
    let words = [&["send", "--server", &server, "--password-env", "P"][..], &mail].concat();
    line.run_with(&words, "", &[("P", "s3cr3t")]).expect(0);
    let received = inbox.next().await;
    assert_eq!(received.sender, "a@example.com");
    let wrong = line.run_with(&words, "", &[("P", "wrong")]).expect(77);
    assert!(!wrong.err.contains("wrong\""), "{}", wrong.err);
    for (server, words) in [
        ("smtp://u:hunter2@127.0.0.1", "must not hold a password"),
        ("http://127.0.0.1", "not an SMTP server"),
    ] {
        let ran = line.run(&[&["send", "--server", server][..], &mail].concat()).expect(64);
        assert!(ran.err.contains(words), "{}", ran.err);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    }
    let both =
        line.run(&[&["send", "--server", "smtp://x.test", "--account", "a"][..], &mail].concat());
    assert_eq!(both.code, 64, "{}", both.err);
    let alone = line.run(&[&["send", "--password-env", "P"][..], &mail].concat()).expect(64);
    assert!(alone.err.contains("--server"), "{}", alone.err);
}
