//! A password goes only to the server.

use std::sync::Arc;

use serde_json::json;
use smtp_connector_host::accounts::{AccountBuilder, Security, TlsSettings};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::{Connector, Error, FailureCode, Invocation, Outcome, Secret};

use crate::hostile::sending::{MESSAGE, sends};
use crate::support::{
    Act, Authority, CommandLine, FaultServer, Log, Offers, Scenario, Stage, TranscriptLog,
    connector_in, host_builder,
};

const PASSWORD: &str = "Mark3d-p\u{e4}ssw\u{f6}rd";

/// The forms in which the password could appear: plain, percent-encoded, and base64 at each offset.
fn forms() -> Vec<String> {
    let percent: String = PASSWORD
        .bytes()
        .map(|byte| match byte {
            b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    // For `\0user\0password`, for the password alone, and at the third offset.
    let base64 = ["TWFyazNkLXDDpHNzd8O2cm", "1hcmszZC1ww6Rzc3fDtnJk", "NYXJrM2QtcMOkc3N3w7ZyZ"];
    base64.into_iter().map(str::to_owned).chain([PASSWORD.to_owned(), percent]).collect()
}

#[track_caller]
fn assert_clean(text: &str) {
    for form in forms() {
        assert!(!text.contains(&form), "{form} is in {text}");
    }
}

/// Replies of servers that echo what they were sent.
const ECHOES: &[(Stage, &str)] = &[
    (
        Stage::Auth,
        "535 5.7.8 you sent AHVzZXIATWFyazNkLXDDpHNzd8O2cmQ= (Mark3d-p\u{e4}ssw\u{f6}rd)\r\n",
    ),
    (Stage::Auth, "535-5.7.8 TWFyazNkLXDDpHNzd8O2cmQ=\r\n535 5.7.8 Mark3d-p%C3%A4ssw%C3%B6rd\r\n"),
    (Stage::Mail, "550 5.7.1 Mark3d-p\u{e4}ssw\u{f6}rd may not send\r\n"),
    (Stage::Dot, "250 2.0.0 Ok: queued as Mark3d-p\u{e4}ssw\u{f6}rd\r\n"),
    (Stage::Dot, "what is Mark3d-p\u{e4}ssw\u{f6}rd\r\n"),
];

#[test]
fn the_forms_match_an_encoders_output() {
    // `TWFyazNk...` is base64 of the password. The others are base64 of it one and two octets later.
    assert!("AHVzZXIATWFyazNkLXDDpHNzd8O2cmQ=".contains(&forms()[0]));
}

#[tokio::test]
async fn the_password_is_in_no_error_result_or_transcript() {
    for (stage, reply) in ECHOES {
        let server = FaultServer::start(Scenario::when(*stage, Act::Reply(reply))).await;
        let account = server
            .account()
            .credentials("user", Secret::new(PASSWORD))
            .build()
            .expect("the settings are right");
        assert_clean(&format!("{account:?} {account:#?}"));
        let told = TranscriptLog::default();
        let transport =
            SmtpTransport::new().danger_allow_private_hosts().transcript(Arc::new(told.clone()));
        let host = host_builder([account]).transport(transport).build().expect("the sandbox runs");
        assert_clean(&format!("{host:?}"));
        let connector = Connector::builtin(&host).expect("a component");
        let input = json!({ "to": "b@example.net" }).to_string();
        match connector.invoke(Invocation::send_mail(input).account("work")).await {
            Ok(outcome) => assert_clean(&format!("{outcome:?} {}", outcome.as_json())),
            Err(error) => {
                assert_clean(&format!("{error} {error:?} {:?} {}", error.hint(), error.to_json()));
                assert!(
                    error.reply().is_none_or(|reply| reply.text.contains("[secret]")),
                    "{error:?}"
                );
            }
        }
        let transcript = told.text();
        assert!(transcript.contains("AUTH PLAIN ..."), "{transcript}");
        assert_clean(&transcript);
        assert!(
            server.seen().commands.iter().any(|line| line.contains(&forms()[0])),
            "it was sent"
        );
    }
}

/// Invalid inputs, one for each place that could report the problem.
const BAD_INPUTS: &[&str] = &[
    "",
    "{",
    "[]",
    r#"{"to": 5}"#,
    r#"{"to": "bob"}"#,
    r#"{"to": "bob@example.net\r\nRCPT TO:<eve@evil.test>"}"#,
    r#"{"to": "bob@example.net", "subjcet": "x"}"#,
    r#"{"to": "bob@example.net", "from": "@"}"#,
    r#"{"to": "bob@example.net", "headers": {"Bcc": "x"}}"#,
    r#"{"to": "bob@example.net", "attachments": "/etc/passwd"}"#,
    r#"{"to": "bob@example.net", "attachments": "http://127.0.0.1/"}"#,
    r#"{"to": "bob@example.net", "attachments": {"upload": "none"}}"#,
    r#"{"to": "bob@example.net", "attachments": {"base64": "="}}"#,
    r#"{"to": "{{account.password}}", "body": "{{password}}"}"#,
];

fn account(server: &FaultServer) -> AccountBuilder {
    server.account().credentials("user", Secret::new(PASSWORD))
}

async fn run(account: AccountBuilder, component: &[u8], input: &str) -> Result<Outcome, Error> {
    let account = account.build().expect("the settings are right");
    let host = host_builder([account]).build().expect("the sandbox runs");
    let connector = Connector::from_bytes(&host, component).expect("a component");
    connector.invoke(Invocation::send_mail(input).keywords("{}").account("work")).await
}

fn assert_outcome_is_clean(outcome: &Result<Outcome, Error>) {
    match outcome {
        Ok(outcome) => assert_clean(&format!("{outcome:?}")),
        Err(error) => {
            assert_clean(&format!("{error} {error:#?} {:?} {}", error.hint(), error.to_json()));
        }
    }
}

/// Server replies in which the password does not stand in one piece.
const SCATTERED: &[(Stage, &str)] = &[
    (Stage::Auth, "535 5.7.8 Mark3d-p\u{e4}\x07ssw\u{f6}rd\r\n"),
    (Stage::Auth, "535 5.7.8 Mark3d\u{200b}-\u{202e}p\u{e4}s\u{ad}sw\u{f6}rd\r\n"),
    (Stage::Auth, "535-5.7.8 you sent Mark3d-p\u{e4}\r\n535 5.7.8 ssw\u{f6}rd\r\n"),
    (Stage::Auth, "535-5.7.8 Mark3d- \r\n535-5.7.9\r\n535 p\u{e4}ssw\u{f6}rd\r\n"),
    (Stage::Auth, "535 5.7.8 TWFyazNkLXDD\x07pHNzd8O2cmQ=\r\n"),
    (Stage::Mail, "550 5.7.1 M a r k 3 d - p \u{e4} s s w \u{f6} r d\r\n"),
    (Stage::Dot, "250 2.0.0 Ok: queued as Mark3d-\x1bp\u{e4}ssw\u{f6}rd\r\n"),
    (Stage::Dot, "what is Mark3d-\x01p\u{e4}ssw\u{f6}rd\r\n"),
];

#[tokio::test]
async fn a_password_in_pieces_is_redacted() {
    for (stage, reply) in SCATTERED {
        let server = FaultServer::start(Scenario::when(*stage, Act::Reply(reply))).await;
        let told = TranscriptLog::default();
        let transport =
            SmtpTransport::new().danger_allow_private_hosts().transcript(Arc::new(told.clone()));
        let account = account(&server).build().expect("the settings are right");
        let connector = connector_in(host_builder([account]).transport(transport));
        let input = json!({ "to": "b@example.net" }).to_string();
        let shown = match connector.invoke(Invocation::send_mail(input).account("work")).await {
            Ok(outcome) => format!("{outcome:?} {}", outcome.as_json()),
            Err(error) => format!("{error} {error:?} {:?} {}", error.hint(), error.to_json()),
        };
        assert!(shown.contains("[secret]"), "{reply:?}: {shown}");
        for text in [shown, told.text()] {
            assert_clean(&text);
            for piece in ["Mark3d", "d-p", "ssw\u{f6}", "TWFyaz", "M a r k"] {
                assert!(!text.contains(piece), "{reply:?}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn the_password_is_never_logged() {
    let log = Log::default();
    let _here = tracing::subscriber::set_default(log.subscriber());
    let good = r#"{"to": "bob@example.net", "body": "Hi"}"#;
    let echo = "554 5.7.1 Mark3d-p\u{e4}ssw\u{f6}rd AHVzZXIATWFyazNkLXDDpHNzd8O2cmQ=\r\n";
    let stages = [
        Stage::Greeting,
        Stage::Ehlo,
        Stage::Auth,
        Stage::Mail,
        Stage::Rcpt(1),
        Stage::Data,
        Stage::Body,
        Stage::Dot,
        Stage::Quit,
    ];
    for stage in stages {
        for act in [Act::Reply(echo), Act::Drop, Act::Reset, Act::EndlessLine] {
            let server = FaultServer::start(Scenario::when(stage, act)).await;
            let outcome = run(account(&server), Connector::builtin_bytes(), good).await;
            assert_outcome_is_clean(&outcome);
        }
    }
    let server = FaultServer::start(Scenario::default()).await;
    for input in BAD_INPUTS {
        let outcome = run(account(&server), Connector::builtin_bytes(), input).await;
        assert!(outcome.is_err(), "{input}");
        assert_outcome_is_clean(&outcome);
    }
    let authority = Authority::new();
    let offers = Offers { starttls: Some(authority.server("127.0.0.1")), ..Offers::default() };
    let server = FaultServer::start(Scenario::default().offering(offers)).await;
    let tls = TlsSettings::default().ca(authority.file());
    let encrypted = account(&server).security(Security::Starttls).tls(tls);
    run(encrypted, Connector::builtin_bytes(), good).await.expect("it is sent");
    let text = log.text();
    assert!(text.contains("TRACE") && text.contains("run{"), "it is logged at all");
    assert_clean(&text);
}

#[tokio::test]
async fn the_password_never_reaches_a_components_memory() {
    let searching = |texts: &[String]| {
        let guest = sends("alice@example.com", &["bob@example.net"], MESSAGE.as_bytes());
        guest.and_searching(texts).encode()
    };
    let input = r#"{"to": "bob@example.net"}"#;
    for (stage, reply) in ECHOES {
        let server = FaultServer::start(Scenario::when(*stage, Act::Reply(reply))).await;
        match run(account(&server), &searching(&forms()), input).await {
            Err(error) if error.code() == FailureCode::Internal => panic!("{reply}: {error}"),
            outcome => assert_outcome_is_clean(&outcome),
        }
    }
    // A check of the search itself: it finds the server's reply.
    let reply = "250 2.0.0 Ok: queued as 4XYZZY\r\n";
    let server = FaultServer::start(Scenario::when(Stage::Dot, Act::Reply(reply))).await;
    let found = run(account(&server), &searching(&["4XYZZY".to_owned()]), input).await;
    assert!(found.expect_err("it traps").to_string().contains("unreachable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transcript_shows_times_but_no_credentials_or_content() {
    let server = FaultServer::start(Scenario::default()).await;
    let line = CommandLine::new();
    let settings = format!(
        "[accounts.work]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nusername = \"user\"\n\
         password = {{ env = \"PASSWORD\" }}\nfrom = \"alice@example.com\"\nauth = \"login\"\n",
        server.port()
    );
    line.write_accounts(&settings);
    let send = ["send", "--to", "b@example.net", "--text", "For Bob alone", "--json", "-v"];
    let ran = line.run_with(&send, "", &[("PASSWORD", PASSWORD)]).expect(0);
    let size = ran.json()["messageSize"].as_u64().expect("a number");
    let lines = ran.err.lines().map(|line| line.trim_start().split_once(' ').expect("a time"));
    let (times, said): (Vec<_>, Vec<_>) = lines.unzip();
    let times: Vec<f64> = times.iter().map(|time| time.parse().expect("seconds")).collect();
    assert!(times.is_sorted(), "{times:?}");
    let commands: Vec<_> = said.iter().filter_map(|text| text.strip_prefix("-> ")).collect();
    let content = format!("({size} bytes of message)");
    let expected = [
        "AUTH LOGIN",
        "(answer)",
        "(answer)",
        "MAIL FROM:<alice@example.com> SIZE=",
        "RCPT TO:<b@example.net>",
        "DATA",
        &content,
        "QUIT",
    ];
    assert_eq!(commands.len(), 1 + expected.len(), "{commands:?}");
    for (command, expected) in commands[1..].iter().zip(expected) {
        assert!(command.starts_with(expected), "{command}");
    }
    assert!(!ran.err.contains("For Bob alone"));
    assert_clean(&ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_never_prints_the_password() {
    for (stage, reply) in ECHOES {
        let server = FaultServer::start(Scenario::when(*stage, Act::Reply(reply))).await;
        let port = server.port().to_string();
        let line = CommandLine::new();
        let add = [
            "accounts",
            "add",
            "work",
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--security",
            "none",
            "--username",
            "user",
            "--from",
            "alice@example.com",
            "--password-stdin",
            "-v",
        ];
        let mut runs = vec![line.run_with(&add, format!("{PASSWORD}\n"), &[])];
        for words in [
            &["accounts", "list"][..],
            &["accounts", "list", "--json"],
            &["accounts", "show", "work"],
            &["accounts", "show", "work", "--json"],
            &["accounts", "test", "work", "-v"],
            &["send", "--to", "b@example.net", "--text", "x", "-v"],
            &["send", "--to", "b@example.net", "--text", "x", "--json", "-v"],
            &["preview", "--to", "b@example.net"],
        ] {
            runs.push(line.run(words));
        }
        for ran in runs {
            assert_clean(&ran.out);
            assert_clean(&ran.err);
        }
    }
}
