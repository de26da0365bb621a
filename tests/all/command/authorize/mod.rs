//! `accounts authorize`.

mod again;
mod presets;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::login::server;
use crate::support::{
    AuthorizationServer, CLIENT, CLIENT_SECRET, CommandLine, Departure, Ran, Scenario, allow,
    write_private,
};

/// The words of the command for an account at this authorization server.
pub(crate) fn authorize(server: &AuthorizationServer, more: &[&str]) -> Vec<String> {
    let own = ["accounts", "authorize", "work", "--client-id", CLIENT, "--issuer"];
    let own = own.into_iter().map(str::to_owned).chain([server.issuer()]);
    own.chain(more.iter().map(|word| (*word).to_owned())).collect()
}

/// A started command, and the URL that it printed for the browser.
struct Waiting {
    child: Child,
    err: BufReader<std::process::ChildStderr>,
    told: String,
}

impl Waiting {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the command starts");
        let err = BufReader::new(child.stderr.take().expect("it was piped"));
        Self { child, err, told: String::new() }
    }

    /// Returns the URL that the command prints.
    fn url(&mut self) -> String {
        loop {
            let mut line = String::new();
            let length = self.err.read_line(&mut line).expect("it is text");
            self.told += &line;
            assert!(length > 0, "there is no URL: {}", self.told);
            if let Some(url) = line.strip_prefix("  http") {
                return format!("http{}", url.trim_end());
            }
        }
    }

    fn end(mut self) -> Ran {
        self.err.read_to_string(&mut self.told).expect("it is text");
        let output = self.child.wait_with_output().expect("the command ends");
        Ran { err: self.told, ..Ran::of(&output) }
    }
}

/// Runs the command and gives consent in a browser.
async fn consent(line: &CommandLine, words: &[String]) -> Ran {
    consent_with(line, words, &[]).await
}

/// Runs the command with these environment variables, and gives consent in a browser.
pub(crate) async fn consent_with(
    line: &CommandLine,
    words: &[String],
    variables: &[(&str, &str)],
) -> Ran {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let mut command = line.command(&[&words[..], &["--no-browser"]].concat());
    command.envs(variables.iter().copied());
    command.env("CLIENT", CLIENT_SECRET).env("WRONG", "wr0ng-secret");
    let mut waiting = Waiting::start(command);
    allow(&waiting.url()).await;
    waiting.end()
}

const SECRETS: [&str; 5] = ["r3fresh", "acc3ss", "c0de-", CLIENT_SECRET, "0ld-passw0rd"];

/// The names and contents of the home's files.
fn files(home: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(home).expect("it is there").flatten();
    let mut files: Vec<_> = entries
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).expect("it is text");
            (entry.file_name().to_string_lossy().into_owned(), text)
        })
        .filter(|(name, _)| !name.ends_with(".lock"))
        .collect();
    files.sort();
    files
}

fn with_password(port: u16) -> CommandLine {
    let line = CommandLine::new();
    line.write_accounts(&format!(
        "# mine\n[accounts.work]\nhost = \"127.0.0.1\" # here\nport = {port}\nsecurity = \"none\"\n\
         username = \"alice@example.com\"\npassword = \"0ld-passw0rd\"\nauth = \"plain\"\n\n\
         [accounts.work.limits]\nrecipients = 7 # few\n"
    ));
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_stored_and_logs_the_account_in() {
    let smtp = server("AUTH XOAUTH2", Scenario::default()).await;
    let provider = AuthorizationServer::start(Departure::Rotating).await;
    let line = with_password(smtp.port());
    let more =
        ["--scope", "mail.send", "--scope", "offline_access", "--client-secret-env", "CLIENT"];
    let ran = consent(&line, &authorize(&provider, &more)).await.expect(0);
    assert!(ran.out.contains("test it: smtp-connector accounts test \"work\""), "{ran:?}");
    assert!(ran.err.contains("login_hint=alice%40example.com"), "{ran:?}");
    let accounts = fs::read_to_string(line.home().join("accounts.toml")).expect("it is there");
    for kept in ["# mine\n", "host = \"127.0.0.1\" # here\n", "recipients = 7 # few\n"] {
        assert!(accounts.contains(kept), "{accounts}");
    }
    assert!(!accounts.contains("password") && !accounts.contains("auth = "), "{accounts}");
    assert!(accounts.contains("refreshToken = { file = \"work.refresh-token\" }"), "{accounts}");
    let token = line.home().join("work.refresh-token");
    let first = fs::read_to_string(&token).expect("it is there");
    assert!(first.starts_with(&format!("{}\n", provider.refresh_token())), "{first}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&token).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let shown = format!("{}{}{accounts}", ran.out, ran.err);
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }

    // Two processes: the second one has the refresh token that replaced the first.
    for _ in 0..2 {
        let test = ["accounts", "test", "work"];
        let ran = line.run_with(&test, "", &[("CLIENT", CLIENT_SECRET)]).expect(0);
        assert!(ran.out.contains("logged in as alice@example.com"), "{ran:?}");
    }
    assert_ne!(fs::read_to_string(&token).expect("it is there"), first);

    provider.revoke();
    let test = ["accounts", "test", "work"];
    let ran = line.run_with(&test, "", &[("CLIENT", CLIENT_SECRET)]).expect(77);
    assert!(ran.err.contains("run `smtp-connector accounts authorize \"work\"` again"), "{ran:?}");
    // The issuer, the client and the scope are known by now.
    let again = ["accounts", "authorize", "work"].map(str::to_owned);
    let json = [&again[..], &["--json".to_owned()]].concat();
    let ran = consent(&line, &json).await.expect(0);
    assert_eq!(ran.json()["account"]["oauth2"], "refresh-token");
    assert_eq!(ran.json()["refreshTokenFile"], token.display().to_string());
    line.run_with(&test, "", &[("CLIENT", CLIENT_SECRET)]).expect(0);

    // The token goes along with a new name, and a changed setting does not touch it.
    line.run(&["accounts", "rename", "work", "office"]).expect(0);
    assert!(!token.exists());
    line.run(&["accounts", "edit", "office", "--from", "alice@example.com"]).expect(0);
    let test = ["accounts", "test", "office"];
    line.run_with(&test, "", &[("CLIENT", CLIENT_SECRET)]).expect(0);

    let token = line.home().join("office.refresh-token");
    assert!(token.exists());
    line.run(&["accounts", "remove", "office", "--force"]).expect(0);
    assert!(!token.exists(), "the token is removed with the account");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_fails_changes_nothing() {
    for (departure, more, code, words) in [
        (Departure::Denied, &[][..], 77, "consent was denied"),
        (Departure::OtherState, &[], 77, "its state is another"),
        (Departure::Page, &[], 78, "it sent 200 OK with text/html"),
        (Departure::Down, &[], 75, "answered 503"),
        (Departure::NoRefreshToken, &[], 77, "no refresh token"),
        (Departure::None, &["--client-secret-env", "OTHER"], 78, "OTHER is not set"),
        (Departure::None, &["--client-secret-env", "WRONG"], 78, "client id or its secret"),
    ] {
        let provider = AuthorizationServer::start(departure).await;
        let line = with_password(25);
        let before = files(line.home());
        let more = [&["--scope", "mail.send offline_access"], more].concat();
        let ran = consent(&line, &authorize(&provider, &more)).await.expect(code);
        assert!(ran.err.contains(words) && ran.err.contains("hint: "), "{ran:?}");
        assert_eq!(files(line.home()), before);
        for secret in SECRETS {
            assert!(!ran.err.contains(secret), "{secret} is in {ran:?}");
        }
    }
    let provider = AuthorizationServer::start(Departure::None).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let line = with_password(25);
    let before = files(line.home());
    for (more, code, words) in [
        (&["--no-browser", "--port", &port][..], 78, "another program uses it"),
        (&["--no-browser", "--timeout", "1"], 75, "the browser did not come back within 1 s"),
        (&["--provider", "gmail"], 64, "--provider is for a new account"),
        (&["--device", "--port", "1"], 64, "cannot be used with"),
    ] {
        let words_of = authorize(&provider, more);
        let ran = line.run(&words_of.iter().map(String::as_str).collect::<Vec<_>>()).expect(code);
        assert!(ran.err.contains(words), "{ran:?}");
        assert_eq!(files(line.home()), before);
    }
}

/// The system refuses to write files of more than 1 KiB: the token fits, and the accounts file does not.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_undone_if_the_account_cannot_be_written() {
    let provider = AuthorizationServer::start(Departure::None).await;
    let line = with_password(25);
    let padding = format!("{}# {}\n", files(line.home())[0].1, "x".repeat(2000));
    line.write_accounts(&padding);
    let mark = "# written by smtp-connector, which replaces the token when the provider does";
    for earlier in [None, Some(format!("earli3r\n{mark}\n"))] {
        if let Some(earlier) = &earlier {
            write_private(&line.home().join("work.refresh-token"), earlier);
        }
        let before = files(line.home());
        let words = authorize(&provider, &["--scope", "offline_access", "--no-browser"]);
        let usual = line.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$@\"", "sh"]);
        command.arg(usual.get_program()).args(usual.get_args()).env_clear();
        command.envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(line.home()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut waiting = Waiting::start(command);
        assert!(allow(&waiting.url()).await.contains("Consent received"));
        let ran = waiting.end().expect(78);
        assert!(ran.err.contains("accounts.toml cannot be written"), "{ran:?}");
        assert_eq!(files(line.home()), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_user_is_never_overwritten() {
    let provider = AuthorizationServer::start(Departure::None).await;
    let line = with_password(25);
    fs::write(line.home().join("work.refresh-token"), "precious\n").expect("it is written");
    let before = files(line.home());
    let words = authorize(&provider, &["--no-browser"]);
    let ran = line.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).expect(78);
    assert!(ran.err.contains("is in the way") && ran.err.contains("hint: move it"), "{ran:?}");
    assert_eq!(files(line.home()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_display_the_code_of_a_device_is_used() {
    for (departure, more, code, words) in [
        (Departure::None, &[][..], 0, "no browser can be opened here"),
        (Departure::None, &["--device"], 0, "enter the code ABCD-EFGH"),
        (Departure::Denied, &["--device"], 77, "consent was denied"),
        (Departure::Expired, &["--device"], 75, "the device code expired"),
    ] {
        let provider = AuthorizationServer::start(departure).await;
        let line = with_password(25);
        let more = [&["--scope", "mail.send offline_access"], more].concat();
        let words_of = authorize(&provider, &more);
        let ran = line.run(&words_of.iter().map(String::as_str).collect::<Vec<_>>()).expect(code);
        assert!(ran.err.contains(words), "{ran:?}");
        assert!(ran.err.contains(&format!("  {}\n", provider.url("enter"))), "{ran:?}");
        assert_eq!(line.home().join("work.refresh-token").exists(), code == 0);
        assert!(!ran.err.contains("d3vice"), "{ran:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_browser_is_opened_at_the_url() {
    use std::os::unix::fs::PermissionsExt as _;
    let provider = AuthorizationServer::start(Departure::None).await;
    let line = with_password(25);
    let bin = tempfile::tempdir().expect("a temporary folder");
    let opened = bin.path().join("opened");
    let script = format!("#!/bin/sh\necho \"$1\" > {}.new\nmv {0}.new {0}\n", opened.display());
    let browser = bin.path().join("xdg-open");
    fs::write(&browser, script).expect("it is written");
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let path = std::env::var("PATH").unwrap_or_default();
    let words = authorize(&provider, &["--scope", "mail.send offline_access"]);
    let mut command = line.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    command.env("DISPLAY", ":0").env("PATH", format!("{}:{path}", bin.path().display()));
    let mut waiting = Waiting::start(command);
    let told = waiting.url();
    for _ in 0..400 {
        if opened.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let url = fs::read_to_string(&opened).expect("the browser was started");
    assert_eq!(url.trim_end(), told);
    allow(&told).await;
    waiting.end().expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_is_added_with_its_consent() {
    let provider = AuthorizationServer::start(Departure::None).await;
    let line = CommandLine::new();
    let more =
        ["--provider", "outlook", "--username", "alice@outlook.com", "--from", "alice@outlook.com"];
    // An issuer has no scope: it is the account's, or an option.
    let more = [&more[..], &["--scope", "offline_access mail.send"]].concat();
    consent(&line, &authorize(&provider, &more)).await.expect(0);
    let shown = line.run(&["accounts", "show", "work", "--json"]).expect(0).json();
    assert_eq!(shown["account"]["provider"], "outlook");
    assert_eq!(shown["account"]["username"], "alice@outlook.com");
    assert_eq!(shown["account"]["oauth2"], "refresh-token");

    let line = CommandLine::new();
    for (words, told) in [
        (&["x"][..], "there is no account \"x\" yet"),
        (&["x", "--provider", "gmail"], "needs --username"),
        (
            &["x", "--provider", "gmail", "--username", "a@gmail.com"],
            "(4) under Clients, create a client of the type Desktop app",
        ),
        (
            &[
                "x",
                "--provider",
                "gmail",
                "--username",
                "a@gmail.com",
                "--client-id",
                "i",
                "--device",
            ],
            "Google does not allow sending mail with the device flow",
        ),
        (
            &["x", "--host", "mail.example", "--username", "a", "--client-id", "i"],
            "the endpoints of this account's provider are not known",
        ),
        (
            &[
                "x",
                "--host",
                "mail.example",
                "--username",
                "a",
                "--client-id",
                "i",
                "--token-url",
                "https://x.example/t",
            ],
            "another one",
        ),
        (
            &[
                "x",
                "--provider",
                "gmail",
                "--username",
                "a@gmail.com",
                "--client-id",
                "i",
                "--auth-url",
                "file:///x",
            ],
            "--auth-url: not a valid URL",
        ),
    ] {
        let ran = line.run(&[&["accounts", "authorize"], words].concat()).expect(64);
        assert!(ran.err.contains(told), "{ran:?}");
    }
    assert!(files(line.home()).is_empty());
}

/// Drives the provider's page with headless Chromium, as a user's browser does. `.ci/run` installs it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn headless_chromium_gives_consent() {
    let provider = AuthorizationServer::start(Departure::None).await;
    let line = with_password(25);
    let more = ["--scope", "mail.send offline_access", "--no-browser"];
    let words = authorize(&provider, &more);
    let mut waiting =
        Waiting::start(line.command(&words.iter().map(String::as_str).collect::<Vec<_>>()));
    let url = format!("{}&click=1", waiting.url());
    let profile = tempfile::tempdir().expect("a temporary folder");
    let chromium = tokio::process::Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--dump-dom", &url])
        .kill_on_drop(true)
        .output();
    let shown = tokio::time::timeout(Duration::from_secs(120), chromium).await;
    let shown = shown.expect("it ends").expect("Chromium runs");
    let page = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(page.contains("<h1>Consent received</h1>"), "{page}");
    waiting.end().expect(0);
    let token = fs::read_to_string(line.home().join("work.refresh-token")).expect("it is stored");
    assert!(token.starts_with(&provider.refresh_token()), "{token}");
}
