//! `--proxy` of the command, and the setting in the accounts file.

use super::*;
use crate::support::CommandLine;

const PASSWORD: &str = "hunter2";

fn line(port: u16, more: &str) -> CommandLine {
    let line = CommandLine::new();
    line.write_accounts(&format!(
        "[accounts.work]\nhost = \"localhost\"\nport = {port}\nsecurity = \"none\"\n{more}"
    ));
    line
}

const TEST: &[&str] = &["accounts", "test", "work", "-v"];

#[tokio::test(flavor = "multi_thread")]
async fn the_command_uses_the_proxy_that_it_is_given() {
    let server = FaultServer::start(Scenario::default()).await;
    for (scheme, speaks) in SCHEMES {
        let own = ProxyServer::start(speaks, Manner::Login("alice", PASSWORD)).await;
        let url = own.url_with(scheme, &format!("alice:{PASSWORD}"));
        // The option replaces the account's proxy, which does not exist.
        let line =
            line(server.port(), "proxy = \"socks5://127.0.0.1:9\"\nfrom = \"a@example.com\"\n");
        for words in [TEST, &["send", "--to", "b@example.net", "--text", "Hi!", "-v"]] {
            let ran = line.run(&[words, &["--proxy", &url]].concat()).expect(0);
            assert!(!format!("{ran:?}").contains(PASSWORD), "{ran:#?}");
        }
        assert_eq!(own.asked().len(), 2, "{scheme}");
        let wrong = own.url_with(scheme, "alice:wr0ng");
        let ran = line.run(&[TEST, &["--proxy", &wrong]].concat());
        assert_ne!(ran.code, 0);
        let told =
            ran.err.contains("refuses the username or the password") && ran.err.contains("--proxy");
        assert!(told && !ran.err.contains("wr0ng"), "{ran:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_read_only_if_the_user_says_so() {
    let server = FaultServer::start(Scenario::default()).await;
    let own = ProxyServer::start(Speaks::Http, Manner::Login("alice", PASSWORD)).await;
    let line = line(server.port(), "");
    let url = own.url_with("http", &format!("alice:{PASSWORD}"));
    let at_port = format!("example.com, localhost:{}", server.port());
    let bare = url.trim_start_matches("http://");
    let env = &[TEST, &["--proxy", "env"]].concat();
    for (words, variables, asked) in [
        (TEST, &[("ALL_PROXY", url.as_str()), ("HTTPS_PROXY", "http://127.0.0.1:9")][..], 0),
        (env, &[("ALL_PROXY", &url), ("HTTPS_PROXY", "http://127.0.0.1:9")], 1),
        (env, &[("https_proxy", bare)], 1),
        (env, &[("ALL_PROXY", &url), ("NO_PROXY", "localhost")], 0),
        (env, &[("ALL_PROXY", &url), ("no_proxy", "example.com")], 1),
        (env, &[("ALL_PROXY", &url), ("NO_PROXY", &at_port)], 0),
        (env, &[("ALL_PROXY", &url), ("NO_PROXY", "localhost:1")], 1),
    ] {
        let before = own.asked().len();
        let ran = line.run_with(words, "", variables).expect(0);
        assert_eq!(own.asked().len() - before, asked, "{variables:?}");
        assert!(!format!("{ran:?}").contains(PASSWORD), "{ran:#?}");
    }
    let ran = line.run(env).expect(64);
    assert!(ran.err.contains("neither ALL_PROXY nor HTTPS_PROXY is set"), "{ran:#?}");
    let variables = [("ALL_PROXY", "socks4://alice:hunter2@h:1")];
    let ran = line.run_with(env, "", &variables).expect(64);
    assert!(ran.err.contains("ALL_PROXY") && !ran.err.contains(PASSWORD), "{ran:#?}");
}

#[test]
fn a_proxy_that_is_not_valid_is_refused_without_its_password() {
    let line = line(25, "");
    for url in ["socks4://alice:hunter2@h:1", "alice:hunter2@h:1", "socks5://hunter2@h"] {
        for json in [&[][..], &["--json"]] {
            let ran = line.run(&[TEST, &["--proxy", url], json].concat()).expect(64);
            let told = format!("{}{}", ran.out, ran.err);
            assert!(told.contains("--proxy") && !told.contains(PASSWORD), "{told}");
        }
    }
    for (setting, words) in [
        ("proxy = \"ftp://alice:hunter2@h\"", "must begin with socks5://"),
        ("proxy = 1080", "write it as"),
        ("proxy = { url = \"socks5://h\", password = \"hunter2\" }", "a password needs a username"),
        ("proxy = { url = \"socks5://alice@h\" }", "belong together"),
        (
            "proxy = { url = \"socks5://h\", pasword = \"hunter2\" }",
            "the known keys are url, password",
        ),
    ] {
        let line = self::line(25, setting);
        let ran = line.run(&["accounts", "list"]);
        let told = format!("{}{}", ran.out, ran.err);
        assert!(told.contains(words) && told.contains("line 5"), "{told}");
        assert!(!told.contains(PASSWORD), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_added_with_a_proxy_and_shown_without_its_password() {
    let server = FaultServer::start(Scenario::default()).await;
    let own = ProxyServer::start(Speaks::Socks, Manner::Login("alice", PASSWORD)).await;
    let line = CommandLine::new();
    let (url, port) = (own.url_with("socks5", "alice:hunter2"), server.port().to_string());
    let add =
        ["accounts", "add", "work", "--host", "localhost", "--port", &port, "--security", "none"];
    let ran = line.run(&[&add[..], &["--proxy", &url, "--json"]].concat()).expect(0);
    assert_eq!(ran.json()["account"]["proxy"], own.url("socks5"));
    for words in [&["accounts", "show", "work"][..], &["accounts", "show", "work", "--json"], TEST]
    {
        let ran = line.run(words).expect(0);
        assert!(!format!("{ran:?}").contains(PASSWORD), "{ran:#?}");
    }
    assert_eq!(own.asked().len(), 1, "the saved proxy is used");
    line.run(&["accounts", "edit", "work", "--from", "a@example.com"]).expect(0);
    line.run(TEST).expect(0);
    assert_eq!(own.asked().len(), 2, "an edit of another setting keeps the proxy");
    let edit = ["accounts", "edit", "work", "--proxy", "http://127.0.0.1:9", "--json"];
    let ran = line.run(&edit).expect(0);
    assert_eq!(ran.json()["account"]["proxy"], "http://127.0.0.1:9");
    assert_ne!(line.run(TEST).code, 0, "nothing listens at the new proxy's port");
    let ran = line.run_with(
        &[&add[..], &["--proxy", "env", "--replace"]].concat(),
        "",
        &[("ALL_PROXY", &url)],
    );
    assert!(ran.expect(64).err.contains("cannot be saved"));
}

#[cfg(unix)]
#[test]
fn a_file_with_a_proxys_password_must_be_private() {
    use std::os::unix::fs::PermissionsExt as _;
    for (setting, is_secret) in [
        ("proxy = \"socks5://alice:hunter2@h\"", true),
        ("proxy = { url = \"socks5://alice@h\", password = \"hunter2\" }", true),
        ("proxy = { url = \"socks5://alice@h\", password = { env = \"P\" } }", false),
        ("proxy = \"socks5://h\"", false),
    ] {
        let line = line(25, setting);
        let file = line.home().join("accounts.toml");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("the mode");
        let ran = line.run(&["accounts", "list"]);
        assert_eq!(ran.code != 0, is_secret, "{setting}: {ran:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_is_asked_for_through_the_proxy() {
    let endpoint = HttpServer::start(Vec::new()).await;
    let issuer = format!("http://{}", endpoint.host());
    let own = ProxyServer::start(Speaks::Socks, Manner::Honest).await;
    let url = own.url("socks5");
    let words = ["accounts", "authorize", "work", "--client-id", "id", "--issuer", &issuer];
    let words = [&words[..], &["--username", "user"]].concat();
    for (setting, more) in [
        (format!("proxy = \"{url}\""), &[][..]),
        ("proxy = \"socks5://127.0.0.1:9\"".to_owned(), &["--proxy", &url]),
    ] {
        let before = own.asked().len();
        let ran = line(25, &setting).run(&[&words, more].concat());
        assert_ne!(ran.code, 0, "{ran:#?}");
        assert!(ran.err.contains("secrets would be sent unencrypted"), "{ran:#?}");
        assert!(own.asked().len() > before, "{setting}");
        assert!(own.asked().iter().all(|asked| *asked == endpoint.host()), "{:?}", own.asked());
    }
    assert_eq!(endpoint.requests().concat(), "", "the connection is closed without a request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_shows_the_proxy_and_suggests_no_other_port_if_it_fails() {
    let server = FaultServer::start(Scenario::default()).await;
    let own = ProxyServer::start(Speaks::Socks, Manner::Login("alice", PASSWORD)).await;
    let steps_of = |scheme: &str| {
        let url = own.url_with(scheme, &format!("alice:{PASSWORD}"));
        let line = line(server.port(), &format!("proxy = \"{url}\"\nfrom = \"a@example.com\"\n"));
        let ran = line.run(&["accounts", "test", "work", "--send-to", "b@example.net"]).expect(0);
        let json = line.run(&["accounts", "test", "work", "--json"]).expect(0).json();
        assert!(!format!("{ran:?} {json}").contains(PASSWORD), "{ran:#?}");
        let shown = own.url(scheme);
        assert_eq!(json["steps"][1]["proxy"], shown);
        (ran.out, json["steps"][0]["addresses"].as_array().expect("a list").len(), shown)
    };
    let (out, addresses, shown) = steps_of("socks5h");
    assert_eq!(addresses, 0);
    assert!(out.contains("left localhost for the proxy to resolve"), "{out}");
    let connected = format!("connected to localhost at port {} through {shown}", server.port());
    assert!(out.contains(&connected), "{out}");
    let (out, addresses, shown) = steps_of("socks5");
    assert!(addresses > 0 && out.contains("resolved localhost: "), "{out}");
    assert!(out.contains(&format!(":{} through {shown}", server.port())), "{out}");

    // Nothing listens on port 9.
    let down = line(587, "proxy = \"socks5h://127.0.0.1:9\"\n");
    let ran = down.run(&["accounts", "test", "work"]).expect(69);
    assert!(ran.err.ends_with("  run: smtp-connector accounts test work\n"), "{ran:#?}");
    let given = ["accounts", "test", "work", "--proxy", "socks5h://127.0.0.1:9"];
    let ran = down.run(&given).expect(69);
    assert!(
        ran.err.ends_with("  run: smtp-connector accounts test work --proxy URL\n"),
        "{ran:#?}"
    );
}
