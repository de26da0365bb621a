//! Mistakes, links, file modes and concurrent changes of an accounts file.

use std::fs;

use super::*;
use smtp_connector_smtp::secret::Secret;
use smtp_connector_smtp::settings::{Auth, Security};

fn file(text: &str) -> (tempfile::TempDir, AccountsFile) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("accounts.toml");
    private_files::write(&path, text.as_bytes()).expect("the file is written");
    (directory, AccountsFile::new(path))
}

/// Returns the error of the file, or of the one account in it that has a mistake.
fn problem(text: &str) -> Error {
    match file(text).1.all() {
        Err(error) => error,
        Ok(accounts) => accounts.into_values().find_map(Result::err).expect(text),
    }
}

#[test]
fn an_account_reads_back_as_it_was_put() {
    let (_directory, accounts) = file("# mine\n[accounts.other]\nhost = \"mail.example\" # old\n");
    let account = Account::builder("my work", "127.0.0.1")
        .port(2525)
        .security(Security::None)
        .credentials("user", Secret::new("s3cr3t \"quoted\""))
        .auth(Auth::Login)
        .sender("Alice <alice@example.com>")
        .reply_to("reply@example.com")
        .ehlo_name("client.example.com")
        .pipelining(false)
        .build()
        .expect("the account is right");
    accounts.put(&account).expect("it is written");
    let read = accounts.get("my work").expect("it is there");
    assert!(!read.server().pipelining());
    assert_eq!(table_of(&read).to_string(), table_of(&account).to_string());
    let text = fs::read_to_string(accounts.path()).expect("the file is there");
    assert!(
        text.starts_with("# mine\n[accounts.other]\nhost = \"mail.example\" # old\n"),
        "{text}"
    );
    let limits = "[accounts.\"my work\".limits] # ours\nrecipients = 7\n";
    private_files::write(accounts.path(), format!("{text}\n{limits}").as_bytes()).expect("written");
    accounts.put(&account).expect("it is written");
    assert_eq!(accounts.get("my work").expect("it is there").limits.recipients, 7);
    accounts.remove("my work").expect("it is taken out");
    assert_eq!(accounts.all().expect("the other is still right").len(), 1);
    assert!(accounts.remove("my work").is_err());
}

#[test]
fn a_provider_fills_in_what_is_not_given() {
    let (_directory, accounts) = file(
        "[accounts.g]\nprovider = \"gmail\"\nauth = \"none\"\n\
         [accounts.h]\nprovider = \"gmail\"\nauth = \"none\"\nport = 587\n",
    );
    let all = accounts.all().expect("the accounts are right");
    let shown: Vec<_> = all
        .values()
        .map(|one| one.as_ref().expect("it is right"))
        .map(|one| (one.host().to_string(), one.port(), one.security()))
        .collect();
    assert_eq!(shown[0], ("smtp.gmail.com".into(), 465, Security::Tls));
    assert_eq!(shown[1], ("smtp.gmail.com".into(), 587, Security::Starttls));
}

#[test]
fn a_mistake_has_a_line_and_a_key() {
    for (text, line, words) in [
        ("[accounts.work]\nhost = \"a.example\"\nport = \"smtp\"\n", 3, "accounts.work.port"),
        ("[accounts.work]\nhost = \"a.example\"\nport = 70000\n", 3, "65535"),
        ("[accounts.work]\nhost = \"a.example\"\nsecurity = \"ssl3\"\n", 3, "starttls"),
        ("[accounts.work]\nhost = \"a.example\"\nehlo_name = \"x\"\n", 3, "ehloName"),
        ("[accounts.work]\nhost = \"a.example\"\nusername = \"x\"\n", 3, "password"),
        ("[accounts.work]\nprovider = \"nobody\"\n", 2, "providers"),
        ("\n[accounts.work]\nport = 25\n", 2, "host"),
        (
            "[accounts.work]\nhost = \"a.example\"\n[accounts.work.timeouts]\nconnect = -1\n",
            4,
            "connect",
        ),
        (
            "[accounts.work]\nhost = \"a.example\"\n[accounts.work.tls]\nversion = 1\n",
            4,
            "serverName",
        ),
        (
            "[accounts.work]\nhost = \"a.example\"\n[accounts.work.tls]\nminVersion = \"1.1\"\n",
            4,
            "1.2",
        ),
        (
            "[accounts.work]\nhost = \"a.example\"\n[accounts.work.tls]\npinSha256 = \"x\"\n",
            4,
            "SHA-256",
        ),
        (
            "[accounts.work]\nhost = \"a.example\"\n[accounts.work.oauth2]\nclientId = \"x\"\n",
            3,
            "refresh-token",
        ),
        (
            "[accounts.work]\nhost = \"a.example\"\nusername = \"u\"\n[accounts.work.oauth2]\ngrant = \"token\"\n",
            4,
            "accessToken",
        ),
        ("[work]\nhost = \"a.example\"\n", 1, "accounts.NAME"),
        ("[accounts.work\n", 1, ""),
    ] {
        let problem = problem(text).to_string();
        assert!(problem.contains(&format!("line {line}:")), "{problem}");
        assert!(problem.contains(words), "{problem}");
    }
}

#[test]
fn a_mistake_never_shows_a_value() {
    for text in [
        "[accounts.work]\nhost = \"a.example\"\nport = \"s3cr3t\"\n",
        "[accounts.work]\nhost = \"a.example\"\nusername = \"u\"\npassword = [\"s3cr3t\"]\n",
        "[accounts.work]\nhost = \"a.example\"\npassword = \"s3cr3t\n",
        "[accounts.work]\nhost = \"a.example\"\npassword = \"s3cr3t\" x\n",
    ] {
        let error = problem(text);
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_password_that_others_may_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let login = "host = \"127.0.0.1\"\nusername = \"u\"\n";
    for (password, refused) in [("\"s3cr3t\"", true), ("{ env = \"X\" }", false)] {
        let (_directory, accounts) =
            file(&format!("[accounts.work]\n{login}password = {password}\n"));
        let open = fs::Permissions::from_mode(0o644);
        fs::set_permissions(accounts.path(), open).expect("the mode is set");
        assert_eq!(accounts.all().is_err(), refused, "{password}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_change_is_neither_read_nor_written() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, accounts) = file("[accounts.work]\nhost = \"a.example\"\n");
    let account = accounts.get("work").expect("it is right");
    for (path, mode, mended) in [
        (accounts.path(), 0o666, 0o600),
        (accounts.path(), 0o660, 0o600),
        (directory.path(), 0o777, 0o700),
        (directory.path(), 0o770, 0o700),
    ] {
        let set = |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        set(mode).expect("the mode is set");
        for outcome in [
            accounts.all().map(|_| ()),
            accounts.put(&account),
            accounts.remove("work"),
            AccountsFile::new(directory.path().join("new.toml")).put(&account),
        ] {
            // The mode of one file does not concern another.
            let is_new = outcome.is_ok();
            assert!(!is_new || path == accounts.path(), "{mode:o}");
            if let Err(error) = outcome {
                assert!(error.to_string().contains(&format!("mode {mode:o}")), "{error}");
                let hint = format!("chmod go-w {}", path.display());
                assert_eq!(error.hint(), Some(hint.as_str()));
            }
        }
        set(mended).expect("the mode is set");
        accounts.all().expect("it is fixed");
    }
}

#[cfg(unix)]
#[test]
fn a_file_of_another_user_is_not_read() {
    // Only root can give a file away.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (_directory, accounts) = file("[accounts.work]\nhost = \"a.example\"\n");
    std::os::unix::fs::chown(accounts.path(), Some(65_534), None).expect("it is given away");
    let error = accounts.all().expect_err("it is not ours");
    assert!(error.to_string().contains("uid 65534"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_at_the_name_of_a_temporary_file_is_not_followed() {
    use std::os::unix::fs::symlink;
    let (directory, accounts) = file("[accounts.work]\nhost = \"a.example\"\n");
    let account = accounts.get("work").expect("it is right");
    let victim = directory.path().join("victim");
    fs::write(&victim, "precious").expect("it can be written");
    let id = std::process::id();
    for name in [format!("accounts.toml.{id}"), "accounts.toml.tmp".to_owned()] {
        symlink(&victim, directory.path().join(name)).expect("a link can be made");
    }
    accounts.put(&account).expect("it is written");
    assert_eq!(fs::read_to_string(&victim).expect("it is there"), "precious");
}

#[test]
fn an_unknown_account_names_the_others() {
    let (_directory, accounts) = file("[accounts.work]\nhost = \"a.example\"\n");
    let error = accounts.get("wrok").expect_err("there is none");
    assert!(error.hint().is_some_and(|hint| hint.contains("work")));
    let none = AccountsFile::new("no/such/file.toml");
    let error = none.get("work").expect_err("there is none");
    assert!(error.hint().is_some_and(|hint| hint.contains("accounts add")));
}

#[test]
fn a_mistake_stops_only_its_own_account() {
    let (_directory, accounts) = file(
        "[accounts.\"my work\"]\nhost = \"a.example\"\n[accounts.b]\nhost = \"b.example\"\nsecurity = \"SSL\"\n\
         [accounts.x]\nhost = 7\n[acounts.c]\nhost = \"c.example\"\n[accounts]\nd = 1\n",
    );
    accounts.get("my work").expect("it is right");
    for (name, words, hint) in [
        ("b", "line 5: accounts.b.security: wrong value", "accounts add \"b\" --replace"),
        ("x", "line 7: accounts.x.host", "accounts add \"x\" --replace"),
        ("acounts", "line 8: acounts: there is no such key", "[accounts.acounts]"),
        ("d", "line 11: accounts.d: an account must be a table", "accounts add \"d\" --replace"),
    ] {
        let error = accounts.get(name).expect_err("it has a mistake");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.hint().is_some_and(|told| told.contains(hint)), "{:?}", error.hint());
    }
    assert_eq!(accounts.all().expect("it is TOML").len(), 5);
    // Both ways fix the file.
    accounts.remove("b").expect("it is there");
    let right = Account::builder("x", "x.example").build().expect("it is right");
    accounts.put(&right).expect("it is replaced");
    accounts.get("x").expect("it is fixed");
    assert!(
        accounts.get("b").is_err_and(|error| error.to_string().contains("there is no account"))
    );
}

#[test]
fn an_invalid_table_does_not_hide_the_other_accounts() {
    let (_directory, accounts) =
        file("[accounts.work]\nhost = \"a.example\"\n[work]\nhost = \"b.example\"\n");
    accounts.get("work").expect("it is right");
    let all = accounts.all().expect("it is TOML");
    assert!(all["[work]"].as_ref().is_err_and(|error| error.to_string().contains("line 3")));
}

#[test]
fn changes_at_the_same_time_lose_nothing() {
    let (_directory, accounts) = file("[accounts.other]\nhost = \"mail.example\"\n");
    let put = |number: usize| {
        let account = Account::builder(format!("a{number}"), "mail.example").build();
        accounts.put(&account.expect("it is right")).expect("it is written");
    };
    std::thread::scope(|scope| {
        for number in 0..16 {
            scope.spawn(move || put(number));
        }
    });
    assert_eq!(accounts.all().expect("it is right").len(), 17);
}

#[test]
fn a_lock_that_is_held_is_named_when_the_wait_ends() {
    let (_directory, accounts) = file("");
    let held = accounts.lock(std::time::Duration::ZERO).expect("it is free");
    let error = accounts.lock(std::time::Duration::from_secs(1)).expect_err("it is held");
    let words = error.to_string();
    assert!(words.contains("after 1 seconds") && words.contains(".accounts.toml.lock"), "{words}");
    assert!(error.hint().is_some_and(|hint| hint.starts_with("wait until it ends")));
    drop(held);
    accounts.lock(std::time::Duration::ZERO).expect("it is free again");
}

#[cfg(unix)]
#[test]
fn a_link_into_a_folder_of_others_is_not_written_through() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let (directory, _) = file("");
    let open = directory.path().join("open");
    fs::create_dir(&open).expect("it can be made");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).expect("it is ours");
    let link = directory.path().join("link.toml");
    symlink("open/accounts.toml", &link).expect("a link can be made");
    let account = Account::builder("work", "mail.example").build().expect("it is right");
    let error = AccountsFile::new(&link).put(&account).expect_err("others may write there");
    assert!(error.to_string().contains("others may write"), "{error}");
    assert_eq!(fs::read_dir(&open).expect("it is there").count(), 0);
}

#[test]
fn of_two_that_add_the_same_name_one_is_refused() {
    let (_directory, accounts) = file("");
    let account = Account::builder("work", "mail.example").build().expect("it is right");
    accounts.add(&account).expect("it is new");
    let error = accounts.add(&account).expect_err("it is there");
    assert!(error.to_string().contains("already") && error.hint().is_some(), "{error}");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_accepted() {
    let (_directory, accounts) =
        file("\u{feff}# mine\r\n[accounts.work]\r\nhost = \"a.example\"\r\n");
    let account = accounts.get("work").expect("it is right");
    let other = Account::builder("other", "b.example").build().expect("it is right");
    accounts.put(&other).expect("it is written");
    let text = fs::read_to_string(accounts.path()).expect("it is there");
    assert!(text.starts_with("# mine\r\n") && !text.replace("\r\n", "").contains('\n'), "{text:?}");
    assert_eq!(accounts.get("work").expect("it is right").host(), account.host());
}

#[test]
fn an_encoding_that_is_not_utf_8_is_called_what_it_is() {
    for (bytes, words) in [(&b"\xff\xfe["[..], "UTF-16"), (b"# \xe4\n", "not in UTF-8")] {
        let (_directory, accounts) = file("");
        fs::write(accounts.path(), bytes).expect("it can be written");
        let error = accounts.all().expect_err("it is not UTF-8");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("UTF8")));
    }
}

#[test]
fn a_folder_in_the_place_of_the_file_is_called_a_folder() {
    let (_directory, accounts) = file("");
    fs::remove_file(accounts.path()).expect("it is there");
    fs::create_dir(accounts.path()).expect("it can be made");
    let account = Account::builder("work", "mail.example").build().expect("it is right");
    for outcome in [accounts.all().map(|_| ()), accounts.put(&account)] {
        let error = outcome.expect_err("it is a folder");
        assert!(error.to_string().contains("it is a folder"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_stays_and_what_it_leads_to_is_changed() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let (directory, _) = file("");
    let dotfiles = directory.path().join("dotfiles");
    private_files::create_directory(&dotfiles).expect("it can be made");
    let (link, target) = (directory.path().join("link.toml"), dotfiles.join("mail.toml"));
    symlink("dotfiles/mail.toml", &link).expect("a link can be made");
    let accounts = AccountsFile::new(&link);
    let account = Account::builder("work", "mail.example").build().expect("it is right");
    let is_link = || fs::symlink_metadata(&link).is_ok_and(|found| found.is_symlink());
    // At first, the target of the link does not exist.
    accounts.put(&account).expect("it is written");
    assert!(is_link() && target.is_file());
    fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let mode = || fs::metadata(&target).expect("it is there").permissions().mode() & 0o777;
    accounts.put(&account).expect("it is written");
    assert!(is_link());
    assert_eq!(mode(), 0o644, "it is as its user made it");
    let login = Account::builder("login", "mail.example").credentials("u", Secret::new("s3cr3t"));
    accounts.put(&login.build().expect("it is right")).expect("it is written");
    assert!(is_link());
    assert_eq!(mode(), 0o600, "a password is for its owner alone");
    accounts.remove("work").expect("it is there");
    assert!(is_link());
    let text = fs::read_to_string(&target).expect("it is there");
    assert!(text.contains("accounts.login") && !text.contains("accounts.work"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_password_in_an_account_with_a_mistake_is_a_secret_too() {
    use std::os::unix::fs::PermissionsExt as _;
    for text in [
        "[accounts.work]\nhost = 7\npassword = \"s3cr3t\"\n",
        "[accounts.work.oauth2]\nrefreshToken = \"s3cr3t\"\n",
        "[work]\npassword = \"s3cr3t\"\n",
    ] {
        let (_directory, accounts) = file(text);
        let open = fs::Permissions::from_mode(0o644);
        fs::set_permissions(accounts.path(), open).expect("the mode is set");
        let error = accounts.all().expect_err(text);
        assert!(error.to_string().contains("holds a secret"), "{error}");
    }
}

#[test]
fn a_file_beneath_the_users_home_is_found() {
    let (_directory, accounts) = file(
        "[accounts.work]\nhost = \"a.example\"\nusername = \"u\"\npassword = { file = \"~/mail\" }\n",
    );
    let account = accounts.get("work").expect("it is right");
    let home = std::env::home_dir().expect("this user has a home");
    let expected = smtp_connector_smtp::secret::SecretSource::File(home.join("mail"));
    let found = account.credentials().map(|one| one.secret.clone());
    assert_eq!(found, Some(smtp_connector_smtp::settings::AuthSecret::Password(expected)));
}

#[test]
fn a_change_keeps_comments_and_the_order_of_keys() {
    let text = "# ours\n[accounts.work]\n# the relay\nfrom = \"a@example.com\" # old\nhost = \"mail.example\"\n\
                port = 2525 # not 25\n\n[accounts.work.tls] # strict\nminVersion = \"1.3\"\n\n[accounts.other]\n\
                host = \"other.example\"\n";
    let (_directory, accounts) = file(text);
    let work = accounts.get("work").expect("it is right");
    let changed = work.to_builder().sender("b@example.com").build().expect("it is right");
    accounts.put(&changed).expect("it is written");
    let written = fs::read_to_string(accounts.path()).expect("the file is there");
    assert_eq!(written, text.replace("a@example.com", "b@example.com"));
}

#[test]
fn an_account_is_renamed_in_its_place_and_stays_the_default() {
    let text = "[accounts.a]\nhost = \"a.example\" # one\n\n[accounts.b]\nhost = \"b.example\"\n";
    let (_directory, accounts) = file(text);
    accounts.set_default("a").expect("it is written");
    accounts.rename("a", "c").expect("it is renamed");
    let written = fs::read_to_string(accounts.path()).expect("the file is there");
    assert_eq!(written, format!("default = \"c\"\n{}", text.replace("accounts.a", "accounts.c")));
    assert_eq!(accounts.default_name().ok().flatten().as_deref(), Some("c"));
    assert_eq!(accounts.all().expect("all can be used").len(), 2);
    for (from, to) in [("none", "d"), ("b", "c"), ("b", "a/b")] {
        assert!(accounts.rename(from, to).is_err(), "{from} {to}");
    }
    assert!(accounts.set_default("none").is_err());
    accounts.remove("c").expect("it is removed");
    assert_eq!(accounts.default_name().ok(), Some(None));
}
