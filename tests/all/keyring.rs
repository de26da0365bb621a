//! Secrets in the system's keyring: GNOME Keyring, on its own session bus.
//!
//! Most tests are ignored by default: they need programs that `.ci/run` installs. To run them by hand after that:
//! `cargo test --workspace --test all -- --ignored keyring`.

use std::fs;
use std::process::{Command, Stdio};

use crate::command::authorize::{authorize, consent_with};
use crate::login::server;
use crate::support::{
    AuthorizationServer, CommandLine, Departure, Desktop, FaultServer, Ran, Scenario,
    answer_on_terminal,
};

const SECRET: &str = "s3cr3t p\u{e4}ssword";
const OTHER: &str = "0ther-passw0rd";

/// The command in a desktop session. Everything that it prints is checked for secrets.
struct Session<'d> {
    line: CommandLine,
    desktop: &'d Desktop,
}

impl<'d> Session<'d> {
    fn of(desktop: &'d Desktop) -> Self {
        Self { line: CommandLine::new(), desktop }
    }

    #[track_caller]
    fn run(&self, words: &[&str], stdin: &str, code: i32) -> Ran {
        let bus = self.desktop.bus();
        let ran = self.line.run_with(words, stdin, &[("DBUS_SESSION_BUS_ADDRESS", &bus)]);
        let ran = ran.expect(code);
        for secret in [SECRET, OTHER] {
            assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{ran:?}");
        }
        ran
    }

    /// Adds the account `work`, with its password in the keyring.
    #[track_caller]
    fn add(&self, server: &FaultServer) {
        let port = server.port().to_string();
        let add = [&ADD[..], &["--port", &port]].concat();
        self.run(&add, SECRET, 0);
    }

    fn accounts(&self) -> String {
        fs::read_to_string(self.line.home().join("accounts.toml")).unwrap_or_default()
    }
}

const ADD: [&str; 11] = [
    "accounts",
    "add",
    "work",
    "--host",
    "127.0.0.1",
    "--security",
    "none",
    "--username",
    "alice",
    "--from=alice@example.com",
    "--password-keyring",
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gnome-keyring, dbus and libsecret-tools; .ci/run installs them and runs it"]
async fn a_password_in_the_keyring_goes_along_with_its_account() {
    let smtp = server("AUTH PLAIN", Scenario::default()).await;
    let desktop = Desktop::unlocked();
    let session = Session::of(&desktop);
    session.add(&smtp);
    assert!(session.accounts().contains("password = { keyring = \"work\" }"));
    assert_eq!(desktop.entry("work").as_deref(), Some(SECRET));
    let shown = session.run(&["accounts", "show", "work"], "", 0);
    assert!(shown.out.contains("passwordFrom  the keyring entry work"), "{shown:?}");
    let listed = session.run(&["accounts", "list"], "", 0);
    assert!(listed.out.contains("alice  the keyring entry work"), "{listed:?}");
    let tested = session.run(&["accounts", "test", "work"], "", 0);
    assert!(tested.out.contains("read the secret from the keyring entry work"), "{tested:?}");
    assert!(tested.out.contains("logged in as alice"), "{tested:?}");

    session.run(&["accounts", "edit", "work", "--password-keyring"], OTHER, 0);
    assert_eq!(desktop.entry("work").as_deref(), Some(OTHER));
    let renamed = session.run(&["accounts", "rename", "work", "office"], "", 0);
    assert!(renamed.out.contains("its keyring entry is renamed too"), "{renamed:?}");
    assert_eq!((desktop.entry("work"), desktop.entry("office").as_deref()), (None, Some(OTHER)));
    assert!(session.accounts().contains("{ keyring = \"office\" }"), "{}", session.accounts());
    session.run(&["accounts", "test", "office"], "", 0);
    // Another change does not touch it.
    session.run(&["accounts", "edit", "office", "--from", "bob@example.com"], "", 0);
    assert_eq!(desktop.entry("office").as_deref(), Some(OTHER));
    let removed = session.run(&["accounts", "remove", "office", "--force"], "", 0);
    assert!(removed.out.contains("and the keyring entry office"), "{removed:?}");
    assert_eq!(desktop.entry("office"), None);

    session.add(&smtp);
    session.run(&["accounts", "edit", "work", "--password-env", "MAIL_PASSWORD"], "", 0);
    assert_eq!(desktop.entry("work"), None, "the account does not use it any more");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gnome-keyring, dbus and libsecret-tools; .ci/run installs them and runs it"]
async fn a_locked_keyring_has_its_own_exit_code_and_nothing_changes() {
    let smtp = server("AUTH PLAIN", Scenario::default()).await;
    let mut desktop = Desktop::unlocked();
    let line = {
        let session = Session::of(&desktop);
        session.add(&smtp);
        session.line
    };
    desktop.lock();
    let session = Session { line, desktop: &desktop };
    let before = session.accounts();
    let listed = session.run(&["accounts", "list"], "", 0);
    assert!(listed.out.contains("locked: the keyring entry work"), "{listed:?}");
    let send = ["send", "--to", "b@example.net", "--text", "Hi"];
    for words in [
        &["accounts", "test", "work"][..],
        &send,
        &["accounts", "rename", "work", "office"],
        &["accounts", "edit", "work", "--password-keyring"],
        &["accounts", "add", "other", "--host", "h", "--username", "u", "--password-keyring"],
    ] {
        let ran = session.run(words, OTHER, 75);
        assert!(ran.err.contains("the keyring is locked"), "{ran:?}");
        assert!(ran.err.contains("hint: unlock the keyring"), "{ran:?}");
        assert_eq!(session.accounts(), before);
    }
    let json = session.run(&["accounts", "test", "work", "--json"], "", 75).json();
    assert_eq!(json["error"]["code"], "account");
    assert_eq!(json["error"]["retry"], "later");
    assert_eq!(json["command"], "smtp-connector accounts test work");
    let removed = session.run(&["accounts", "remove", "work", "--force"], "", 78);
    assert!(removed.err.contains("the account \"work\" is removed, but"), "{removed:?}");
    assert!(removed.err.contains("service smtp-connector, user work"), "{removed:?}");
    assert!(!session.accounts().contains("work"));
    let line = session.line;
    desktop.unlock();
    assert_eq!(desktop.entry("work").as_deref(), Some(SECRET), "only what was said is left");

    // The entry that was left is not overwritten.
    let session = Session { line, desktop: &desktop };
    let ran = session.run(&ADD, OTHER, 78);
    assert!(ran.err.contains("the keyring entry work is in the way"), "{ran:?}");
    assert_eq!(desktop.entry("work").as_deref(), Some(SECRET));
}

#[test]
#[ignore = "needs gnome-keyring, dbus and libsecret-tools; .ci/run installs them and runs it"]
fn each_state_of_a_keyring_has_its_own_sentence() {
    let account = "[accounts.work]\nhost = \"127.0.0.1\"\nport = 1\nsecurity = \"none\"\nusername = \"alice\"\n\
                   password = { keyring = \"mine\" }\n";
    let check = |desktop: &Desktop, words: &str, hint: &str, state: &str| {
        let session = Session::of(desktop);
        session.line.write_accounts(account);
        let ran = session.run(&["accounts", "test", "work"], "", 78);
        assert!(ran.err.contains(words) && ran.err.contains(hint), "{ran:?}");
        let listed = session.run(&["accounts", "list"], "", 0);
        assert!(listed.out.contains(state), "{listed:?}");
    };
    let mut desktop = Desktop::start();
    let state = "no keyring: the keyring entry mine";
    check(&desktop, "no program in this session keeps secrets", "GNOME Keyring", state);
    let session = Session::of(&desktop);
    session.run(&ADD, SECRET, 78);
    assert_eq!(session.accounts(), "", "nothing is written");

    // A keyring that was never unlocked has no collection.
    desktop.lock();
    let missing = "missing: the keyring entry mine";
    check(
        &desktop,
        "the password's keyring entry mine does not exist",
        "secret-tool store",
        missing,
    );
    let ran = Session::of(&desktop).run(&ADD, SECRET, 78);
    assert!(ran.err.contains("no default collection"), "{ran:?}");

    desktop.unlock();
    check(
        &desktop,
        "the password's keyring entry mine does not exist",
        "secret-tool store",
        missing,
    );
    desktop.store("mine", "\n", &[]);
    check(&desktop, "is empty", "first line", "the keyring entry mine");
    desktop.store("mine", SECRET, &["kind", "another"]);
    check(&desktop, "2 entries of this service and user", "remove them", missing);
}

#[test]
fn without_a_session_bus_the_command_says_so_and_writes_nothing() {
    for bus in ["unix:path=/nonexistent/bus", "nonsense"] {
        let line = CommandLine::new();
        let ran = line.run_with(&ADD, SECRET, &[("DBUS_SESSION_BUS_ADDRESS", bus)]).expect(78);
        assert!(ran.err.contains("this session has no D-Bus"), "{ran:?}");
        assert!(ran.err.contains("hint: run the command in a terminal of your desktop"), "{ran:?}");
        assert!(!line.home().join("accounts.toml").exists() && !ran.err.contains(SECRET));
    }
}

/// The system refuses to write files of more than 1 KiB, so the accounts file cannot be written.
#[test]
#[ignore = "needs gnome-keyring, dbus and libsecret-tools; .ci/run installs them and runs it"]
fn an_entry_is_undone_if_the_account_cannot_be_written() {
    let desktop = Desktop::unlocked();
    let session = Session::of(&desktop);
    session.run(&ADD, SECRET, 0);
    session.line.write_accounts(&format!("{}# {}\n", session.accounts(), "x".repeat(2000)));
    let before = session.accounts();
    let edit = ["accounts", "edit", "work", "--password-keyring"];
    let add = ["accounts", "add", "new", "--host", "h", "--username", "u", "--password-keyring"];
    for words in [&edit[..], &add] {
        let usual = session.line.command(words);
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; ulimit -f 2; echo 0ther-passw0rd | \"$@\"", "sh"]);
        command.arg(usual.get_program()).args(usual.get_args()).env_clear();
        command.envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("DBUS_SESSION_BUS_ADDRESS", desktop.bus());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let ran = Ran::of(&command.output().expect("it runs")).expect(78);
        assert!(ran.err.contains("accounts.toml cannot be written"), "{ran:?}");
        assert!(!ran.err.contains(OTHER), "{ran:?}");
        assert_eq!(session.accounts(), before);
        assert_eq!(desktop.entry("work").as_deref(), Some(SECRET), "it is as before");
        assert_eq!(desktop.entry("new"), None);
    }
}

#[test]
#[ignore = "needs gnome-keyring, dbus and libsecret-tools; .ci/run installs them and runs it"]
fn an_entry_that_another_account_uses_stays() {
    let desktop = Desktop::unlocked();
    let session = Session::of(&desktop);
    session.run(&ADD, SECRET, 0);
    let other =
        "\n[accounts.other]\nhost = \"h\"\nusername = \"u\"\npassword = { keyring = \"work\" }\n";
    session.line.write_accounts(&format!("{}{other}", session.accounts()));
    let refused = session.run(&["accounts", "edit", "work", "--password-keyring"], OTHER, 78);
    assert!(refused.err.contains("another account uses the keyring entry work"), "{refused:?}");
    session.run(&["accounts", "rename", "work", "office"], "", 0);
    assert!(session.accounts().matches("{ keyring = \"work\" }").count() == 2);
    session.run(&["accounts", "remove", "office", "--force"], "", 0);
    assert_eq!(desktop.entry("work").as_deref(), Some(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gnome-keyring, dbus and libsecret-tools; .ci/run installs them and runs it"]
async fn at_a_terminal_the_keyring_is_offered_first() {
    let smtp = server("AUTH PLAIN", Scenario::default()).await;
    let port = smtp.port().to_string();
    let desktop = Desktop::unlocked();
    desktop.store("taken", OTHER, &[]);
    let session = Session::of(&desktop);
    let mut command = session.line.command(&["accounts", "add"]);
    command.env("DBUS_SESSION_BUS_ADDRESS", desktop.bus());
    let answers = [
        ("Your email address", "you@example.com\r"),
        ("Provider", "\r"),
        ("Host name", "127.0.0.1\r"),
        ("Port", &port),
        (&port, "\r"),
        ("Encryption", "\x1b[B\x1b[B\r"),
        ("Username", "\r"),
        ("Place of the password", ""),
        ("in the system's keyring", "\r"),
        ("Password", "s3cr3t-typed\r"),
        ("Sender", "\r"),
        ("Name of the account", "taken\r"),
        ("the keyring entry taken is in the way", "\x7f\x7f\x7f\x7f\x7fmine\r"),
        ("The server accepts the account.", ""),
    ];
    let ran = answer_on_terminal(command, &answers).expect(0);
    assert!(!ran.out.contains("s3cr3t"), "{}", ran.out);
    assert!(session.accounts().contains("password = { keyring = \"mine\" }"));
    assert_eq!(desktop.entry("mine").as_deref(), Some("s3cr3t-typed"));
    assert_eq!(desktop.entry("taken").as_deref(), Some(OTHER));
    session.run(&["accounts", "test", "mine"], "", 0);

    // With options, only the password is asked for, and its place.
    for (answer, entry) in [("\r", Some("s3cr3t-typed")), ("n", None)] {
        let add = [&ADD[..10], &["--replace", "--port", &port]].concat();
        let mut command = session.line.command(&add);
        command.env("DBUS_SESSION_BUS_ADDRESS", desktop.bus());
        let question = "Store the password in the system's keyring";
        let answers = [(question, answer), ("Password", "s3cr3t-typed\r")];
        let ran = answer_on_terminal(command, &answers).expect(0);
        assert!(!ran.out.contains("s3cr3t"), "{}", ran.out);
        assert_eq!(desktop.entry("work").as_deref(), entry);
        session.run(&["accounts", "test", "work"], "", 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gnome-keyring, dbus and libsecret-tools; .ci/run installs them and runs it"]
async fn a_refresh_token_in_the_keyring_is_replaced_there() {
    let smtp = server("AUTH XOAUTH2 PLAIN", Scenario::default()).await;
    let provider = AuthorizationServer::start(Departure::Rotating).await;
    let desktop = Desktop::unlocked();
    let session = Session::of(&desktop);
    session.add(&smtp);
    let bus = desktop.bus();
    let bus = [("DBUS_SESSION_BUS_ADDRESS", bus.as_str())];
    let scope = ["--scope", "mail.send offline_access"];
    // The password is in the keyring, so the token is stored there too.
    let ran = consent_with(&session.line, &authorize(&provider, &scope), &bus).await.expect(0);
    assert!(ran.out.contains("is in the keyring entry work/refresh-token"), "{ran:?}");
    let token = || desktop.entry("work/refresh-token");
    let first = token().expect("it is there");
    assert_eq!(first, provider.refresh_token());
    assert_eq!(desktop.entry("work"), None, "the password is gone with its setting");
    let files = || fs::read_dir(session.line.home()).expect("it is there").flatten();
    assert!(!files().any(|file| file.file_name().to_string_lossy().contains("refresh-token")));
    assert!(!format!("{ran:?}{}", session.accounts()).contains(&first));

    // Two processes: the second one has the refresh token that replaced the first.
    for _ in 0..2 {
        let tested = session.run(&["accounts", "test", "work", "-v"], "", 0);
        assert!(tested.out.contains("logged in as alice"), "{tested:?}");
        assert!(!format!("{tested:?}").contains(&first), "{tested:?}");
    }
    let latest = token().expect("it is there");
    assert_ne!(latest, first);

    session.run(&["accounts", "rename", "work", "office"], "", 0);
    assert_eq!((token(), desktop.entry("office/refresh-token")), (None, Some(latest)));
    session.run(&["accounts", "test", "office"], "", 0);
    session.run(&["accounts", "remove", "office", "--force"], "", 0);
    assert_eq!(desktop.entry("office/refresh-token"), None);

    // A token in a file moves to the keyring only if that is asked for.
    session.line.write_accounts(&format!(
        "[accounts.work]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nusername = \"alice\"\n\
         password = \"{OTHER}\"\n",
        smtp.port()
    ));
    consent_with(&session.line, &authorize(&provider, &scope), &bus).await.expect(0);
    assert_eq!(token(), None);
    let file = session.line.home().join("work.refresh-token");
    assert!(file.exists());
    let more = [&scope[..], &["--keyring", "--json"]].concat();
    let ran = consent_with(&session.line, &authorize(&provider, &more), &bus).await.expect(0);
    assert_eq!(ran.json()["refreshTokenKeyring"], "work/refresh-token");
    assert_eq!(token(), Some(provider.refresh_token()));
    assert!(!file.exists(), "the token is stored once");
}
