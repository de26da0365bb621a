//! The questions again, after a failed test or for an account that exists. Each shows the last answer as its default.

use smtp_connector_inbox::Inbox;

use super::{DOWN, ENTER, answers};
use crate::support::{CommandLine, answer_on_terminal};

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_test_each_question_shows_the_last_answer() {
    let inbox =
        Inbox::builder().login("alice", "s3cr3t-right").start("127.0.0.1:0").await.expect("a port");
    let port = inbox.address().port().to_string();
    let line = CommandLine::new();
    let with_login = [
        ("Username", "bob\r"),
        ("Place of the password", ENTER),
        ("Password", "s3cr3t-right\r"),
        ("Sender", "Bob <you@example.com>\r"),
        ("Name of the account", "local\r"),
    ];
    let port_again = format!("TLS) ({port})");
    let again = [
        ("The test failed", ENTER),
        ("Your email address (you@example.com)", ENTER),
        ("Provider", ENTER),
        ("Host name of the server (127.0.0.1)", ENTER),
        (&*port_again, ENTER),
        // The cursor is on the last answer.
        ("❯ no encryption", ENTER),
        ("Username (bob)", "alice\r"),
        ("Place of the password", ""),
        ("❯ Keep the password given", ENTER),
        ("Sender of your mails (Bob <you@example.com>)", ENTER),
        ("Name of the account (local)", ENTER),
    ];
    let first = &answers(&port)[..6];
    let all = [first, &with_login, &again].concat();
    let ran = answer_on_terminal(line.command(&["accounts", "add"]), &all).expect(0);
    assert!(ran.out.contains("logged in as alice"), "{}", ran.out);
    assert!(!ran.out.contains("s3cr3t-right"), "{}", ran.out);
    line.run(&["accounts", "test", "local"]).expect(0);
}

/// The answers that keep everything up to the sender, for an account on port `at` without a login.
fn keeping(at: &str) -> Vec<(&str, &str)> {
    vec![
        ("Provider", ENTER),
        ("Host name of the server (127.0.0.1)", ENTER),
        (at, ENTER),
        ("❯ no encryption", ENTER),
        ("Username (-)", ENTER),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn edit_without_options_asks_with_the_present_values_and_can_test() {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a free port");
    let line = CommandLine::with_account(&inbox);
    let path = line.home().join("accounts.toml");
    let text = std::fs::read_to_string(&path).expect("it is there");
    line.write_accounts(&format!("{text}\n[accounts.work.limits]\nrecipients = 7 # few\n"));
    let at = format!("TLS) ({})", inbox.address().port());
    let edit = line.command(&["accounts", "edit", "work"]);
    let rest = [
        ("Sender of your mails (- for none) (Alice <alice@example.com>)", "a@example.org\r"),
        ("Change more", ENTER),
        ("Test the account now", ENTER),
    ];
    let ran = answer_on_terminal(edit, &[keeping(&at), rest.to_vec()].concat()).expect(0);
    assert!(ran.out.contains("The server accepts the account."), "{}", ran.out);
    assert!(ran.out.contains("changed the account \"work\""), "{}", ran.out);
    let text = std::fs::read_to_string(&path).expect("it is there");
    assert!(text.contains("from = \"a@example.org\"") && text.contains("7 # few"), "{text}");

    // Everything else can be changed too, and taken back.
    let more = [
        ("Sender", "-\r"),
        ("Change more", "y"),
        ("❯ auto", ENTER),
        ("Reply-To of your mails (- for none)", "reply@example.com\r"),
        ("Host name to send in EHLO (- for none)", "client.example.com\r"),
        ("Send several commands at once", "n"),
        ("Proxy, such as", "socks5://bob@127.0.0.1:1\r"),
        ("Password of the proxy", "pr0xy-secret\r"),
        ("Test the account now", "n"),
    ];
    let edit = line.command(&["accounts", "edit", "work"]);
    let ran = answer_on_terminal(edit, &[keeping(&at), more.to_vec()].concat()).expect(0);
    assert!(!ran.out.contains("pr0xy-secret"), "{}", ran.out);
    let shown = line.run(&["accounts", "show", "work", "--json"]).expect(0).json();
    let account = &shown["account"];
    assert_eq!(account["replyTo"], "reply@example.com");
    assert_eq!(account["ehloName"], "client.example.com");
    assert_eq!(account["pipelining"], false);
    assert_eq!(account["proxy"], "socks5://127.0.0.1:1");
    assert!(account["from"].is_null());
    let back = [
        "--no-reply-to",
        "--no-ehlo-name",
        "--no-proxy",
        "--pipelining",
        "true",
        "--from",
        "a@b.c",
    ];
    line.run(&[&["accounts", "edit", "work"][..], &back].concat()).expect(0);
    let text = std::fs::read_to_string(&path).expect("it is there");
    for gone in ["replyTo", "ehloName", "proxy", "pipelining"] {
        assert!(!text.contains(gone), "{gone} is in {text}");
    }
    assert!(text.contains("7 # few"), "{text}");
}

#[test]
fn edit_keeps_the_login_and_saves_nothing_if_it_is_cancelled() {
    let line = CommandLine::new();
    let add = ["accounts", "add", "work", "--provider", "sendgrid", "--username", "apikey"];
    line.run(&[&add[..], &["--password-env", "KEY"]].concat()).expect(0);
    let before = std::fs::read_to_string(line.home().join("accounts.toml")).expect("it is there");
    let edit = |then: &[(&'static str, &'static str)]| {
        let keep = [
            ("❯ SendGrid", ENTER),
            ("Username (apikey)", ENTER),
            ("❯ Keep the password from the environment variable KEY", ENTER),
            ("Sender of your mails (- for none) (-)", "a@example.com\r"),
            ("Change more", ENTER),
        ];
        answer_on_terminal(line.command(&["accounts", "edit", "work"]), &[&keep, then].concat())
    };
    // The variable is not set, so the test fails before anything is connected.
    let cancel =
        [("Test the account now", ENTER), ("The test failed", DOWN), ("", DOWN), ("", ENTER)];
    let ran = edit(&cancel).expect(64);
    assert!(
        ran.out.contains("KEY is not set") && ran.out.contains("nothing was changed"),
        "{ran:?}"
    );
    let after = || std::fs::read_to_string(line.home().join("accounts.toml")).expect("it is there");
    assert_eq!(after(), before);
    edit(&[("Test the account now", "n")]).expect(0);
    assert_eq!(after(), format!("{before}from = \"a@example.com\"\n"));
}

#[test]
fn an_option_removes_what_an_option_sets() {
    let line = CommandLine::new();
    let set = [
        "--provider",
        "gmail",
        "--username",
        "u",
        "--password-env",
        "P",
        "--from",
        "a@b.c",
        "--reply-to",
        "r@b.c",
        "--ehlo-name",
        "h.b.c",
        "--pipelining",
        "false",
        "--auth",
        "plain",
        "--proxy",
        "socks5://h:1",
    ];
    line.run(&[&["accounts", "add", "work"][..], &set].concat()).expect(0);
    let remove = [
        "--no-provider",
        "--no-login",
        "--no-from",
        "--no-reply-to",
        "--no-ehlo-name",
        "--no-proxy",
        "--pipelining",
        "true",
        "--auth",
        "auto",
        "--host",
        "mail.example",
        "--port",
        "587",
        "--security",
        "auto",
    ];
    line.run(&[&["accounts", "edit", "work"][..], &remove].concat()).expect(0);
    let text = std::fs::read_to_string(line.home().join("accounts.toml")).expect("it is there");
    assert_eq!(text, "[accounts.work]\nport = 587\nhost = \"mail.example\"\n");
    for both in [["--proxy", "socks5://h:1", "--no-proxy"], ["--from", "a@b.c", "--no-from"]] {
        line.run(&[&["accounts", "edit", "work"][..], &both].concat()).expect(64);
    }
}
