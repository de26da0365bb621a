//! `accounts`.

use smtp_connector_inbox::Inbox;

use crate::support::CommandLine;

const LOCAL: [&str; 4] = ["--host", "127.0.0.1", "--security", "none"];

fn add<'w>(name: &'w str, more: &[&'w str]) -> Vec<&'w str> {
    [&["accounts", "add", name][..], more].concat()
}

#[test]
fn an_account_is_added_listed_shown_and_removed() {
    let line = CommandLine::new();
    let more =
        [&LOCAL[..], &["--port", "2525", "--username", "user", "--password-env", "PASSWORD"]]
            .concat();
    line.run(&add("my work", &more)).expect(0);
    let gmail = ["--provider", "gmail", "--username", "a@gmail.com", "--password-env", "PASSWORD"];
    line.run(&add("mail", &gmail)).expect(0);
    let list = line.run(&["accounts", "list"]).expect(0);
    assert!(
        list.out.contains("127.0.0.1:2525") && list.out.contains("smtp.gmail.com:465"),
        "{}",
        list.out
    );
    let json = line.run(&["accounts", "list", "--json"]).expect(0).json();
    assert_eq!(json["accounts"][0]["name"], "mail");
    let shown = line.run(&["accounts", "show", "my work"]).expect(0);
    assert!(shown.out.contains("the environment variable PASSWORD"), "{}", shown.out);
    line.run(&["accounts", "remove", "my work", "--force"]).expect(0);
    let gone = line.run(&["accounts", "show", "my work"]).expect(78);
    assert!(gone.err.contains("the accounts are mail"), "{}", gone.err);
}

#[test]
fn an_account_is_not_replaced_by_accident() {
    let line = CommandLine::new();
    line.run(&add("work", &LOCAL)).expect(0);
    line.run(&add("work", &LOCAL)).expect(64);
    line.run(&add("work", &[&LOCAL[..], &["--replace"]].concat())).expect(0);
}

#[test]
fn unusable_settings_are_refused_and_not_saved() {
    let line = CommandLine::new();
    for (more, code) in [
        (vec![], 64),
        (vec!["--host", ""], 78),
        (vec!["--host", "smtps://mail.example"], 78),
        (vec!["--host", "mail.example", "--port", "smtp"], 64),
        (vec!["--host", "mail.example", "--port", "0"], 64),
        (vec!["--host", "mail.example", "--security", "ssl3"], 64),
        (
            vec![
                "--host",
                "mail.example",
                "--auth",
                "ntlm",
                "--username",
                "u",
                "--password-env",
                "P",
            ],
            64,
        ),
        (vec!["--host", "mail.example", "--ehlo-name", "a b"], 78),
        (vec!["--host", "mail.example", "--from", "alice"], 78),
        (
            vec![
                "--host",
                "192.0.2.1",
                "--security",
                "none",
                "--username",
                "u",
                "--password-env",
                "P",
            ],
            78,
        ),
        (vec!["--host", "mail.example", "--password-env", "P"], 64),
        (vec!["--provider", "nobody"], 64),
        (vec!["--host", "mail.example:587"], 78),
    ] {
        let ran = line.run(&add("work", &more)).expect(code);
        assert!(ran.err.starts_with("error: "), "{more:?}: {}", ran.err);
    }
    line.run(&add("../other", &LOCAL)).expect(78);
    assert!(!line.home().join("accounts.toml").exists());
}

#[test]
fn a_password_file_is_readable_only_by_its_owner() {
    let line = CommandLine::new();
    let more = [&LOCAL[..], &["--username", "user", "--password-stdin"]].concat();
    line.run_with(&add("work", &more), "s3cr3t\n", &[]).expect(0);
    let file = line.home().join("accounts.toml");
    assert!(std::fs::read_to_string(&file).expect("it is there").contains("s3cr3t"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644))
            .expect("it is ours");
        let ran = line.run(&["accounts", "test", "work"]).expect(78);
        assert!(ran.err.contains("chmod 600"), "{}", ran.err);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))
            .expect("it is ours");
    }
    line.run_with(&add("empty", &more), "\n", &[]).expect(64);
    // There is no terminal to ask at.
    line.run(&add("none", &[&LOCAL[..], &["--username", "user"]].concat())).expect(64);
}

#[cfg(unix)]
#[test]
fn an_accounts_file_that_others_may_change_never_runs_a_program() {
    use std::os::unix::fs::PermissionsExt as _;
    let line = CommandLine::new();
    let ran = line.home().join("ran");
    line.write_accounts(&format!(
        "[accounts.work]\nhost = \"127.0.0.1\"\nport = 9\nsecurity = \"none\"\nusername = \"u\"\n\
         password = {{ command = [\"touch\", \"{}\"] }}\n",
        ran.display()
    ));
    for (path, mode, mended) in
        [("accounts.toml", 0o666, 0o600), ("accounts.toml", 0o660, 0o600), ("", 0o777, 0o700)]
    {
        let path = line.home().join(path);
        let set = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode));
        set(mode).expect("it is ours");
        let refused = line.run(&["accounts", "test", "work"]).expect(78);
        assert!(refused.err.contains("hint: chmod go-w "), "{}", refused.err);
        assert!(!ran.exists(), "{mode:o}");
        set(mended).expect("it is ours");
    }
    line.run(&["accounts", "test", "work"]);
    assert!(ran.exists(), "of the user's own file it is run");
    // The test does not depend on the current folder.
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(line.home(), open).expect("it is ours");
    for name in ["one", "two"] {
        line.run(&[&["--home", "inner"], &add(name, &LOCAL)[..]].concat()).expect(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_test_reports_success_or_the_reason_for_failure() {
    let inbox =
        Inbox::builder().login("user", "right").start("127.0.0.1:0").await.expect("a free port");
    let line = CommandLine::new();
    let port = inbox.address().port().to_string();
    let more = [&LOCAL[..], &["--port", &port, "--username", "user", "--password-env", "PASSWORD"]]
        .concat();
    line.run(&add("work", &more)).expect(0);
    let test = ["accounts", "test", "work"];
    let ran = line.run_with(&test, "", &[("PASSWORD", "right")]).expect(0);
    assert!(ran.out.contains("logged in as user"), "{}", ran.out);
    let json = line
        .run_with(&["accounts", "test", "work", "--json"], "", &[("PASSWORD", "right")])
        .expect(0)
        .json();
    assert_eq!(json["ok"], true);
    let ran = line.run_with(&test, "", &[("PASSWORD", "wrong")]).expect(77);
    assert!(ran.err.contains("535"), "{}", ran.err);
    let ran = line.run(&test).expect(78);
    assert!(ran.err.contains("PASSWORD is not set"), "{}", ran.err);
    drop(inbox);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    line.run_with(&test, "", &[("PASSWORD", "right")]).expect(69);
}

#[test]
fn a_mistake_in_the_accounts_file_is_reported_with_line_and_key() {
    let line = CommandLine::new();
    line.write_accounts("[accounts.work]\nhost = \"mail.example\"\nport = \"smtp\"\n");
    for words in [&["accounts", "test", "work"][..], &["send", "--to", "b@example.net"]] {
        let ran = line.run(words).expect(78);
        assert!(ran.err.contains("accounts.toml, line 3: accounts.work.port"), "{}", ran.err);
    }
}

#[test]
fn an_account_is_not_removed_by_accident() {
    let line = CommandLine::new();
    let login = ["--username", "user", "--password-stdin"];
    line.run_with(&add("work", &[&LOCAL[..], &login].concat()), "s3cr3t\n", &[]).expect(0);
    line.run(&add("open", &LOCAL)).expect(0);
    let remove = ["accounts", "remove", "work"];
    let ran = line.run(&remove).expect(64);
    assert!(ran.err.contains("--force") && ran.err.contains("password"), "{}", ran.err);
    line.run(&["accounts", "remove", "nobody"]).expect(78);
    line.run(&["accounts", "show", "work"]).expect(0);
    #[cfg(unix)]
    {
        use crate::support::run_on_terminal;
        let ran = run_on_terminal(line.command(&remove), "n\n").expect(64);
        assert!(
            ran.out.contains("Remove the account \"work\" and its stored password"),
            "{}",
            ran.out
        );
        line.run(&["accounts", "show", "work"]).expect(0);
        run_on_terminal(line.command(&["accounts", "remove", "open"]), "y\n").expect(0);
        line.run(&["accounts", "show", "open"]).expect(78);
    }
    let ran = line.run(&[&remove[..], &["--force"]].concat()).expect(0);
    assert!(
        ran.out.contains("removed the account \"work\" and its stored password"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("s3cr3t"), "{}", ran.out);
    line.run(&["accounts", "show", "work"]).expect(78);
}

#[test]
fn an_account_with_a_mistake_is_removed_after_a_question() {
    let line = CommandLine::new();
    line.write_accounts(
        "default = \"b\"\n[accounts.b]\nhost = \"b.example\"\nport = 0\n[accounts.c]\nhost = \"c.example\"\n\
         [d]\nhost = \"d.example\"\n",
    );
    let remove = ["accounts", "remove", "b"];
    let ran = line.run(&remove).expect(64);
    assert!(ran.err.contains("line 4: accounts.b.port") && ran.err.contains("--force"), "{ran:?}");
    #[cfg(unix)]
    {
        use crate::support::answer_on_terminal;
        let question = "Remove the account \"b\", whose settings have a mistake (";
        answer_on_terminal(line.command(&remove), &[(question, "n\r")]).expect(64);
        answer_on_terminal(line.command(&remove), &[(question, "y\r")]).expect(0);
    }
    #[cfg(not(unix))]
    line.run(&[&remove[..], &["--force"]].concat()).expect(0);
    let text = std::fs::read_to_string(line.home().join("accounts.toml")).expect("it is there");
    assert_eq!(text, "[accounts.c]\nhost = \"c.example\"\n[d]\nhost = \"d.example\"\n");
    // A table in the wrong place is listed as an account, but it is not one.
    let ran = line.run(&["accounts", "remove", "d", "--force"]).expect(78);
    assert!(ran.err.contains("outside the table accounts"), "{ran:?}");
}

#[test]
fn an_account_is_edited_renamed_and_made_the_default() {
    let line = CommandLine::new();
    line.run(&add("a", &LOCAL)).expect(0);
    line.run(&add("b", &LOCAL)).expect(0);
    let several = line.run(&["send", "--to", "x@x.test", "--text", "x"]).expect(64);
    assert!(several.err.contains("accounts default NAME"), "{}", several.err);
    line.run(&["accounts", "default", "b"]).expect(0);
    line.run(&["accounts", "rename", "b", "work"]).expect(0);
    let default = line.run(&["accounts", "default", "--json"]).expect(0).json();
    assert_eq!(default["default"], "work");
    let path = line.run(&["accounts", "path"]).expect(0).out;
    let before = std::fs::read_to_string(path.trim()).expect("the file is there");
    let commented = before.replace("[accounts.work]", "# ours\n[accounts.work]");
    line.write_accounts(&commented);
    line.run(&["accounts", "edit", "work", "--port", "2525", "--from", "w@example.com"]).expect(0);
    let after = std::fs::read_to_string(path.trim()).expect("the file is there");
    assert!(after.contains("# ours\n[accounts.work]"), "{after}");
    let shown = line.run(&["accounts", "show", "work", "--json"]).expect(0).json();
    assert_eq!(shown["account"]["port"], 2525);
    assert_eq!(shown["account"]["from"], "w@example.com");
    assert_eq!(shown["account"]["security"], "none", "it stays");
}

#[test]
fn the_login_of_an_account_is_changed_and_removed() {
    let line = CommandLine::new();
    line.run(&add("work", &LOCAL)).expect(0);
    let login = ["accounts", "edit", "work", "--username", "u", "--password-env", "P"];
    line.run(&login).expect(0);
    line.run(&["accounts", "edit", "work", "--username", "other"]).expect(0);
    let shown = line.run(&["accounts", "show", "work", "--json"]).expect(0).json();
    assert_eq!(shown["account"]["username"], "other");
    assert_eq!(shown["account"]["passwordFrom"], "the environment variable P", "it stays");
    line.run(&["accounts", "edit", "work", "--no-login"]).expect(0);
    let shown = line.run(&["accounts", "show", "work", "--json"]).expect(0).json();
    assert!(shown["account"]["username"].is_null());
    for wrong in
        [&["accounts", "edit", "work"][..], &["accounts", "edit", "work", "--password-env", "P"]]
    {
        line.run(wrong).expect(64);
    }
    line.run(&["accounts", "edit", "none", "--port", "25"]).expect(78);
}

#[test]
fn a_default_account_that_does_not_exist_is_named() {
    let line = CommandLine::new();
    line.write_accounts("default = \"gone\"\n[accounts.work]\nhost = \"mail.example\"\n");
    let ran = line.run(&["send", "--to", "b@x.test", "--text", "x"]).expect(78);
    assert!(ran.err.contains("no account \"gone\""), "{}", ran.err);
}
