//! What a new user meets while connecting an account for the first time: missing settings, refusals and warnings.

use serde_json::Value;

use crate::support::CommandLine;

const PASSWORD: [&str; 2] = ["--password-env", "PASSWORD"];

#[test]
fn without_an_account_the_error_says_how_to_connect_one() {
    let line = CommandLine::new();
    let send = ["send", "--to", "bob@example.net", "--subject", "x", "--text", "y"];
    let ran = line.run(&send).expect(78);
    assert_eq!(ran.err.matches("error").count(), 1, "{}", ran.err);
    for words in ["no account", "smtp-connector accounts add ", "smtp-connector demo"] {
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    assert!(!ran.err.contains("sender"), "{}", ran.err);
    // The same error with a sender.
    line.run(&[&send[..], &["--from", "alice@example.com"]].concat()).expect(78);
    // Commands that send no mail need no account.
    line.run(&[&send[..], &["--from", "alice@example.com", "--dry-run"]].concat()).expect(0);
}

#[test]
fn an_account_without_a_server_explains_how_to_name_one() {
    let line = CommandLine::new();
    for (more, words) in [
        (&["mine"][..], "--provider gmail --username you@gmail.com"),
        (&["yahoo"], "accounts add \"yahoo\" --provider yahoo"),
        (&["mine", "--username", "bob@icloud.com"], "--provider icloud --username bob@icloud.com"),
    ] {
        let ran = line.run(&[&["accounts", "add"], more].concat()).expect(64);
        for words in [words, "needs a server", "smtp-connector providers", "--host"] {
            assert!(ran.err.contains(words), "{}", ran.err);
        }
    }
}

#[test]
fn an_account_that_can_never_work_is_refused_by_the_command_and_in_the_file() {
    let line = CommandLine::new();
    for (flags, settings, words) in [
        (&["--provider", "gmail"][..], "provider = \"gmail\"", "Gmail requires a login"),
        (&["--host", "smtp.gmail.com."], "host = \"smtp.gmail.com.\"", "Gmail requires a login"),
        (
            &["--provider", "outlook", "--username", "a@outlook.com", PASSWORD[0], PASSWORD[1]],
            "provider = \"outlook\"\nusername = \"a@outlook.com\"\npassword = { env = \"PASSWORD\" }",
            "Outlook.com no longer accepts passwords",
        ),
        (
            &["--provider", "gmail", "--host", "smtp.sendgrid.net"],
            "provider = \"gmail\"\nhost = \"smtp.sendgrid.net\"",
            "smtp.sendgrid.net belongs to SendGrid, not to Gmail",
        ),
        (
            &[
                "--provider",
                "resend",
                "--username",
                "u",
                "--auth",
                "xoauth2",
                PASSWORD[0],
                PASSWORD[1],
            ],
            "provider = \"resend\"\nusername = \"u\"\noauth2 = { grant = \"token\", accessToken = { env = \"T\" } }",
            "Resend does not support OAuth 2",
        ),
    ] {
        let ran = line.run(&[&["accounts", "add", "work"], flags].concat()).expect(78);
        assert!(ran.err.contains(words) && ran.err.contains("hint: "), "{}", ran.err);
        let other = CommandLine::new();
        other.write_accounts(&format!("[accounts.work]\n{settings}\n"));
        let ran = other.run(&["accounts", "test", "work"]).expect(78);
        assert!(ran.err.contains(words) && ran.err.contains("line 1: "), "{}", ran.err);
    }
    assert!(!line.home().join("accounts.toml").exists());
}

#[test]
fn an_account_that_may_not_work_is_a_warning() {
    let line = CommandLine::new();
    let login = |user| ["--username", user, PASSWORD[0], PASSWORD[1]];
    for (more, path) in [
        (&[&["--provider", "microsoft365"], &login("a@example.com")[..]].concat()[..], "password"),
        (&[&["--provider", "sendgrid"], &login("a@example.com")[..]].concat(), "username"),
        (&["--provider", "gmail", "--host", "mail.example", "--auth", "none"], "host"),
        (&["--host", "mail.example", "--port", "465", "--security", "starttls"], "security"),
        (&["--host", "mail.example", "--port", "587", "--security", "tls"], "security"),
    ] {
        let add = [&["accounts", "add", "work", "--replace", "--json"], more].concat();
        let ran = line.run(&add).expect(0);
        assert!(ran.err.contains(&format!("warning: {path}: ")), "{}", ran.err);
        assert_eq!(ran.json()["warnings"][0]["path"], path);
    }
    let right = ["--host", "mail.example", "--port", "465"];
    let ran = line.run(&[&["accounts", "add", "right", "--json"], &right[..]].concat()).expect(0);
    assert_eq!(ran.json()["warnings"], Value::Array(Vec::new()));
    assert_eq!(ran.err, "");
}

#[test]
fn the_inbox_of_this_machine_needs_no_encryption() {
    let line = CommandLine::new();
    for (host, security) in
        [("localhost", "none"), ("127.0.0.1", "none"), ("mail.example", "starttls")]
    {
        let add = ["accounts", "add", "work", "--replace", "--host", host, "--port", "1025"];
        line.run(&add).expect(0);
        let shown = line.run(&["accounts", "show", "work", "--json"]).expect(0).json();
        assert_eq!(shown["account"]["security"], security, "{host}");
    }
}
