//! `accounts.toml` and secret files: linked, mounted, malformed or missing.

use smtp_connector_inbox::Inbox;

use crate::support::{CommandLine, write_private};

const LOGIN: [&str; 9] =
    ["accounts", "add", "work", "--host", "127.0.0.1", "--security", "none", "--username", "user"];

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_one_account_is_listed_and_the_others_work() {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a free port");
    let line = CommandLine::with_account(&inbox);
    let file = line.home().join("accounts.toml");
    let text = std::fs::read_to_string(&file).expect("it is there");
    line.write_accounts(&format!("[accounts.b]\nhost = \"b.example\"\nsecurity = \"SSL\"\n{text}"));
    let mail = ["send", "--to", "bob@example.net", "--subject", "x", "--text", "y", "--account"];
    line.run(&[&mail[..], &["work"]].concat()).expect(0);
    let listed = line.run(&["accounts", "list"]).expect(0).out;
    assert!(listed.contains("work") && listed.contains("line 3: accounts.b.security"), "{listed}");
    assert!(listed.contains("\"ssl\" is called \"tls\" here"), "{listed}");
    let json = line.run(&["accounts", "list", "--json"]).expect(0).json();
    assert_eq!(json["accounts"][0]["name"], "b");
    assert_eq!(json["accounts"][0]["error"]["code"], "account");
    assert_eq!(json["accounts"][1]["host"], "127.0.0.1");
    for words in [&[&mail[..], &["b"]].concat()[..], &["accounts", "test", "b"]] {
        let ran = line.run(words).expect(78);
        assert!(ran.err.contains("line 3: accounts.b.security"), "{}", ran.err);
        assert!(ran.err.contains("accounts add \"b\" --replace"), "{}", ran.err);
    }
    // The command does not guess which account is meant.
    line.run(&mail[..mail.len() - 1]).expect(64);
    line.run(&["accounts", "add", "b", "--host", "b.example", "--replace"]).expect(0);
    let listed = line.run(&["accounts", "list"]).expect(0).out;
    assert!(!listed.contains("cannot be used"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_file_from_any_system_logs_in() {
    let inbox =
        Inbox::builder().login("user", "s3cr3t").start("127.0.0.1:0").await.expect("a free port");
    let port = inbox.address().port().to_string();
    for bytes in
        [&b"s3cr3t\r\n"[..], b"\xef\xbb\xbfs3cr3t\r\n", b"s3cr3t\r", b"s3cr3t\n\nnot this\n"]
    {
        let line = CommandLine::new();
        let file = line.home().join("password");
        write_private(&file, bytes);
        let file = file.display().to_string();
        let add = [&LOGIN[..], &["--port", &port, "--password-file", &file]].concat();
        let added = line.run(&add).expect(0);
        assert!(!added.err.contains("warning"), "{}", added.err);
        line.run(&["accounts", "test", "work"]).expect(0);
        // The same password from standard input.
        let add = [&LOGIN[..], &["--port", &port, "--password-stdin", "--replace"]].concat();
        line.run_with(&add, bytes, &[]).expect(0);
        line.run(&["accounts", "test", "work"]).expect(0);
    }
}

#[test]
fn an_unusable_password_file_is_a_warning() {
    let line = CommandLine::new();
    write_private(&line.home().join("utf-16"), b"\xff\xfes\x00\r\x00\n\x00");
    for (file, words) in [("utf-16", "UTF-16"), ("missing", "it does not exist"), (".", "a folder")]
    {
        let add = [&LOGIN[..], &["--password-file", file, "--replace", "--json"]].concat();
        let added = line.run(&add).expect(0);
        assert!(
            added.err.contains("warning: password: ") && added.err.contains(words),
            "{added:?}"
        );
        assert_eq!(added.json()["warnings"][0]["path"], "password");
    }
}

#[test]
fn a_home_is_created_or_reported_as_not_a_folder() {
    let line = CommandLine::new();
    let add = ["accounts", "add", "work", "--host", "mail.example"];
    line.run(&[&["--home", "new/folder"], &add[..]].concat()).expect(0);
    write_private(&line.home().join("file"), "");
    let ran = line.run(&[&["--home", "file"], &add[..]].concat()).expect(78);
    assert!(ran.err.contains("its folder is a file"), "{}", ran.err);
    std::fs::create_dir(line.home().join("accounts.toml")).expect("it can be made");
    for words in [&add[..], &["accounts", "list"]] {
        let ran = line.run(words).expect(78);
        assert!(ran.err.contains("accounts.toml cannot be read: it is a folder"), "{}", ran.err);
    }
}

/// Runs a shell script that needs its own mounts, in a namespace where this user is root. Returns `None` if the machine
/// has no such namespaces, or does not allow them to this user.
#[cfg(target_os = "linux")]
fn with_mounts(line: &CommandLine, script: &str) -> Option<String> {
    let unshare = |script: &str| {
        std::process::Command::new("unshare")
            .args(["--mount", "--map-root-user", "sh", "-euc", script])
            .env("SMTP_CONNECTOR_HOME", line.home())
            .env("COMMAND", env!("CARGO_BIN_EXE_smtp-connector-under-test"))
            .current_dir(line.home())
            .output()
    };
    let possible = unshare("mount -t tmpfs none /mnt").is_ok_and(|ran| ran.status.success());
    possible.then(|| {
        let ran = unshare(&format!("exec 2>&1\n{script}")).expect("the shell starts");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success(), "{said}");
        said
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_secret_that_all_can_read_is_used_only_if_it_is_mounted_into_a_container() {
    let line = CommandLine::new();
    let Some(said) = with_mounts(
        &line,
        r#"
        add() {
            echo "$1:"
            "$COMMAND" accounts add "$1" --host 127.0.0.1 --security none --username u --password-file "$2"
        }
        mkdir memory own shared
        touch file
        echo s3cr3t > own/password
        chmod 444 own/password
        mount -t tmpfs none memory
        cp own/password memory
        mount -o remount,ro memory
        mount --bind own/password file
        mount -o remount,bind,ro file
        mount --bind own shared
        mount -o remount,bind,ro shared
        add kubernetes memory/password
        add compose file
        add read-only shared/password
        add plain own/password
        "#,
    ) else {
        return;
    };
    let parts: Vec<_> =
        ["kubernetes:", "compose:", "read-only:", "plain:"].map(|name| said.find(name)).into();
    let [Some(_), Some(_), Some(read_only), Some(plain)] = parts[..] else { panic!("{said}") };
    assert!(!said[..read_only].contains("warning"), "{said}");
    let (read_only, plain) = said[read_only..].split_at(plain - read_only);
    assert!(read_only.contains("on a read-only mount") && !read_only.contains("chmod"), "{said}");
    assert!(plain.contains("chmod 600"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_or_read_only_disk_leaves_the_file_as_it_was() {
    let line = CommandLine::new();
    let Some(said) = with_mounts(
        &line,
        r#"
        mkdir disk
        mount -t tmpfs -o size=64k,mode=0700 none disk
        "$COMMAND" --home disk accounts add first --host mail.example
        cp disk/accounts.toml before
        dd if=/dev/zero of=disk/filler bs=1k || true
        "$COMMAND" --home disk accounts add full --host mail.example || echo "ended with $?"
        cmp disk/accounts.toml before
        mount -o remount,ro disk
        "$COMMAND" --home disk accounts add read-only --host mail.example || echo "ended with $?"
        "$COMMAND" --home disk accounts list
        ls -A disk
        "#,
    ) else {
        return;
    };
    assert!(said.contains("accounts.toml cannot be written: the disk is full"), "{said}");
    assert!(said.contains("its file system is read-only"), "{said}");
    assert_eq!(said.matches("ended with 78").count(), 2, "{said}");
    assert!(said.ends_with(".accounts.toml.lock\naccounts.toml\nfiller\n"), "{said}");
}
