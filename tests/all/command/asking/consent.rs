//! Consent in the middle of `accounts add`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::{DOWN, ENTER};
use crate::login::server;
use crate::support::{
    AuthorizationServer, CLIENT, CommandLine, Departure, Ran, Scenario, allow, answer_on_terminal,
};

/// A browser whose user agrees to everything: a script in the place of `xdg-open`, and a task that follows its URLs.
struct Browser {
    bin: tempfile::TempDir,
    task: tokio::task::JoinHandle<()>,
}

impl Browser {
    fn start() -> Self {
        let bin = tempfile::tempdir().expect("a temporary folder");
        let opened = bin.path().join("opened");
        let script =
            format!("#!/bin/sh\necho \"$1\" > {0}.new\nmv {0}.new {0}\n", opened.display());
        let browser = bin.path().join("xdg-open");
        fs::write(&browser, script).expect("it is written");
        fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).expect("it is ours");
        Self { bin, task: tokio::spawn(agree(opened)) }
    }

    /// Lets the command find the browser.
    fn open_for(&self, mut command: Command) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", self.bin.path().display());
        command.env("DISPLAY", ":0").env("PATH", path);
        command
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn agree(opened: PathBuf) {
    loop {
        if let Ok(url) = fs::read_to_string(&opened) {
            fs::remove_file(&opened).expect("it is ours");
            allow(url.trim_end()).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs `accounts add` for a provider that takes no password, at this server and this authorization server.
async fn add(
    line: &CommandLine,
    (port, provider): (u16, &AuthorizationServer),
    answers: &'static [(&'static str, &'static str)],
) -> Ran {
    let (port, issuer) = (port.to_string(), provider.issuer());
    let server = ["--provider", "outlook", "--host", "127.0.0.1", "--security", "none", "--port"];
    let consent = ["--username", "alice@outlook.com", "--scope", "mail.send offline_access"];
    let words = [&["accounts", "add"][..], &server, &[&port], &consent, &["--issuer", &issuer]];
    let browser = Browser::start();
    let command = browser.open_for(line.command(&words.concat()));
    let asked = tokio::task::spawn_blocking(|| answer_on_terminal(command, answers)).await;
    asked.expect("every question is asked")
}

const CTRL_C: &str = "\x03";

const CLIENT_ID: &str = "cl1ent.example\r";

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_denied_returns_to_the_question_and_the_next_one_is_tested_and_saved() {
    assert_eq!(CLIENT_ID.trim_end(), CLIENT);
    let smtp = server("AUTH XOAUTH2", Scenario::default()).await;
    let provider = AuthorizationServer::start(Departure::DeniedOnce).await;
    let line = CommandLine::new();
    const ANSWERS: &[(&str, &str)] = &[
        ("How to log in", ENTER),
        // The provider's own steps.
        ("1. open https://entra.microsoft.com", ""),
        ("Client id", CLIENT_ID),
        ("consent was denied", ""),
        ("How to log in", ENTER),
        // The answer is kept.
        ("Client id (- for another login) (cl1ent.example)", ENTER),
        ("You have given your consent", ""),
        ("Sender", ENTER),
        ("Name of the account", "work\r"),
    ];
    let ran = add(&line, (smtp.port(), &provider), ANSWERS).await.expect(0);
    assert!(!ran.out.contains("Place of the password"), "{}", ran.out);
    assert!(ran.out.contains("logged in as alice@outlook.com with XOAUTH2"), "{}", ran.out);
    assert!(ran.out.contains("saved the account \"work\""), "{}", ran.out);
    for secret in ["r3fresh", "acc3ss", "c0de-"] {
        assert!(!ran.out.contains(secret), "{secret} is in {}", ran.out);
    }
    // The test used the refresh token, and the provider replaced it.
    let stored = fs::read_to_string(line.home().join("work.refresh-token")).expect("it is stored");
    assert!(stored.starts_with(&provider.refresh_token()), "{stored}");
    line.run(&["accounts", "test", "work"]).expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_cancelled_leaves_nothing() {
    let provider = AuthorizationServer::start(Departure::Denied).await;
    let line = CommandLine::new();
    let ran = add(
        &line,
        (25, &provider),
        &[
            ("How to log in", ENTER),
            ("Client id", "-\r"),
            ("How to log in", ENTER),
            ("Client id", CLIENT_ID),
            ("consent was denied", ""),
            ("How to log in", "\x1b[A\r"),
        ],
    )
    .await
    .expect(64);
    assert!(ran.out.contains("nothing was saved"), "{}", ran.out);
    assert_eq!(fs::read_dir(line.home()).expect("it is there").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_another_machine_and_the_consent_is_kept_after_a_failed_test() {
    let smtp = server("AUTH PLAIN", Scenario::default()).await;
    let provider = AuthorizationServer::start(Departure::None).await;
    let line = CommandLine::new();
    let ran = add(
        &line,
        (smtp.port(), &provider),
        &[
            ("How to log in", DOWN),
            ("", ENTER),
            ("Client id", CLIENT_ID),
            ("enter the code ABCD-EFGH", ""),
            ("You have given your consent", ""),
            ("Sender", ENTER),
            ("Name of the account", "work\r"),
            // The server has no mechanism for tokens.
            ("The test failed", ENTER),
            ("How to log in", ""),
            ("Keep the consent given", ENTER),
            ("Sender of your mails (alice@outlook.com)", ENTER),
            ("Name of the account (work)", ENTER),
            ("The test failed", "\x1b[B\r"),
        ],
    )
    .await
    .expect(0);
    assert_eq!(ran.out.matches("Client id").count(), 2, "asked once: {}", ran.out);
    let shown = line.run(&["accounts", "show", "work", "--json"]).expect(0).json();
    assert_eq!(shown["account"]["oauth2"], "refresh-token");
}

/// Gives a command the terminal as its own, so that Ctrl-C reaches it.
fn with_terminal(command: &Command) -> Command {
    let mut own = Command::new("setsid");
    own.arg("--ctty").arg(command.get_program()).args(command.get_args()).env_clear();
    own.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    own
}

#[test]
fn a_provider_with_consent_offers_it_before_a_password() {
    let line = CommandLine::new();
    let ran = answer_on_terminal(
        with_terminal(&line.command(&["accounts", "add"])),
        &[
            ("Your email address", "you@gmail.com\r"),
            ("Use Gmail", ENTER),
            ("Username", ENTER),
            ("How to log in", ""),
            ("Agree in the browser", ENTER),
            ("create a client of the type Desktop app", ""),
            ("Client id", "some-id\r"),
            // Google gives a secret with it.
            ("Place of the client secret", DOWN),
            ("", ENTER),
            ("Name of the environment variable", "CLIENT_SECRET\r"),
            ("https://accounts.google.com/o/oauth2/v2/auth?", ""),
            ("THIS-MACHINE", CTRL_C),
            ("stopped: nothing was stored", ""),
            ("How to log in", "\x1b[A\r"),
        ],
    )
    .expect(64);
    assert!(!ran.out.contains("Enter a code"), "Google has no device flow for mail: {}", ran.out);
    assert!(ran.out.contains("nothing was saved"), "{}", ran.out);
}

#[test]
fn without_a_terminal_a_client_id_asks_for_consent_too() {
    let line = CommandLine::new();
    let add = ["accounts", "add", "work", "--provider", "gmail", "--client-id", "some-id"];
    for (more, words) in [
        (&[][..], "a consent needs a user: add --username NAME"),
        (&["--username", "a@gmail.com", "--password-env", "P"], "not both"),
    ] {
        let ran = line.run(&[&add[..], more].concat()).expect(64);
        assert!(ran.err.contains(words), "{ran:?}");
    }
}
