//! `accounts add` and `accounts edit` at a terminal.

mod again;
#[cfg(target_os = "linux")]
mod consent;

use smtp_connector_inbox::Inbox;

use crate::support::{CommandLine, answer_on_terminal};

const ENTER: &str = "\r";

const DOWN: &str = "\x1b[B";

const NO_ENCRYPTION: &str = "\x1b[B\x1b[B\r";

/// The answers for a server of this machine without a login, from the address to the name.
fn answers(port: &str) -> Vec<(&str, &str)> {
    vec![
        ("Your email address", "you@example.com\r"),
        ("Provider", ENTER),
        ("Host name", "127.0.0.1\r"),
        ("Port", port),
        (port, ENTER),
        ("Encryption", NO_ENCRYPTION),
        ("Username", "-\r"),
        ("Sender", ENTER),
        ("Name of the account", "local\r"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn without_options_the_command_asks_for_everything_tests_and_saves() {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a free port");
    let line = CommandLine::new();
    let port = inbox.address().port().to_string();
    let ran = answer_on_terminal(line.command(&["accounts", "add"]), &answers(&port)).expect(0);
    assert!(ran.out.contains("greeted: smtp-connector inbox"), "{}", ran.out);
    assert!(ran.out.contains("The server accepts the account."), "{}", ran.out);
    assert!(ran.out.contains("saved the account \"local\""), "{}", ran.out);
    // It was tested just now.
    assert!(ran.out.contains("accounts test local --send-to ADDRESS"), "{}", ran.out);
    line.run(&["send", "--to", "bob@example.net", "--text", "Hi"]).expect(0);
    assert_eq!(inbox.next().await.sender, "you@example.com");
}

#[test]
fn an_account_that_fails_its_test_is_saved_only_if_the_user_says_so() {
    let line = CommandLine::new();
    // Nothing listens on port 1.
    let asked = |then: &'static str| [answers("1"), vec![("The test failed", then)]].concat();
    let cancel = asked("\x1b[B\x1b[B\r");
    let ran = answer_on_terminal(line.command(&["accounts", "add"]), &cancel).expect(64);
    assert!(ran.out.contains("could not connect to 127.0.0.1 at port 1"), "{}", ran.out);
    assert!(ran.out.contains("nothing was saved"), "{}", ran.out);
    assert!(!line.home().join("accounts.toml").exists());
    let anyway = asked("\x1b[B\r");
    answer_on_terminal(line.command(&["accounts", "add"]), &anyway).expect(0);
    line.run(&["accounts", "show", "local"]).expect(0);
}

#[test]
fn a_provider_is_recognised_by_the_address_and_the_password_is_hidden() {
    let line = CommandLine::new();
    let questions = [
        ("Your email address", "you@gmail.com\r"),
        ("Use Gmail (smtp.gmail.com, port 465)", ENTER),
        ("Username", ENTER),
        ("app password", ""),
        ("How to log in", DOWN),
        ("", ENTER),
        ("Password", "s3cr3t-password\r"),
        ("Sender", "not an address\r"),
        ("Name of the account", ENTER),
        ("Change the settings", "n"),
    ];
    let ran = answer_on_terminal(line.command(&["accounts", "add"]), &questions).expect(64);
    assert!(!ran.out.contains("s3cr3t"), "{}", ran.out);
    assert!(ran.out.contains("nothing was saved"), "{}", ran.out);
}

#[test]
fn without_a_terminal_the_command_says_what_to_give() {
    let ran = CommandLine::new().run(&["accounts", "add"]).expect(64);
    assert!(ran.err.contains("accounts add work --provider gmail"), "{}", ran.err);
}
