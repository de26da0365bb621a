use super::*;

async fn resolve(source: SecretSource) -> Result<String, Failure> {
    source.resolve("password").await.map(|secret| secret.expose().to_owned())
}

#[tokio::test]
async fn a_secret_is_the_first_line_of_where_it_is_kept() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("password");
    std::fs::write(&path, "s3cr3t\r\nnot this\n").expect("the file is written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).expect("the mode is set");
        };
        for open in [0o644, 0o640, 0o604] {
            mode(open);
            let error =
                resolve(SecretSource::File(path.clone())).await.expect_err("others read it");
            let hint = error.hint.expect("it says what to do");
            assert!(hint.starts_with("chmod 600") && hint.contains("{ env = "), "{hint}");
        }
        mode(0o600);
    }
    assert_eq!(resolve(SecretSource::File(path)).await.ok().as_deref(), Some("s3cr3t"));
    let echo = ["echo", "s3cr3t"].map(str::to_owned).to_vec();
    assert_eq!(resolve(SecretSource::Command(echo)).await.ok().as_deref(), Some("s3cr3t"));
}

#[test]
fn what_editors_and_shells_add_around_a_secret_is_removed() {
    for text in [
        "s3cr3t",
        "s3cr3t\n",
        "s3cr3t\r\n",
        "s3cr3t\r",
        "\u{feff}s3cr3t\r\nnot this\r\n",
        "s3cr3t\n\nnot this",
    ] {
        let found = Secret::first_line_of(text).expect(text);
        assert_eq!(found.expose(), "s3cr3t", "{text:?}");
    }
    assert_eq!(Secret::first_line_of(" s3cr3t ").expect("blanks count").expose(), " s3cr3t ");
    for text in ["", "\n", "\r\ns3cr3t", "\u{feff}", "\u{feff}\r\n"] {
        assert!(Secret::first_line_of(text).is_none(), "{text:?}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_a_secret_is_called_what_it_is() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let utf16 = b"\xff\xfes\x003\x00c\x00\r\x00\n\x00";
    for (name, bytes, words, hint) in [
        ("utf-16", &utf16[..], "UTF-16, the default of Windows PowerShell 5", "-Encoding UTF8"),
        ("latin-1", b"s\xe4cret", "not in UTF-8", "UTF-8"),
        ("empty", b"", "is empty", "first line"),
    ] {
        let path = directory.path().join(name);
        private_files::write(&path, bytes).expect("it can be written");
        let error = resolve(SecretSource::File(path)).await.expect_err("it is no secret");
        assert!(error.to_string().contains(words), "{error}");
        let told = error.hint.unwrap_or_default();
        assert!(told.contains(hint), "{told}");
    }
    let folder = SecretSource::File(directory.path().to_owned());
    let error = resolve(folder).await.expect_err("it is a folder");
    assert!(error.to_string().contains("it is a folder"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_is_over_when_it_has_ended_and_not_when_its_children_have() {
    let command =
        |script: &str| SecretSource::Command(["sh", "-c", script].map(str::to_owned).to_vec());
    let began = std::time::Instant::now();
    for script in
        ["sleep 60 & echo s3cr3t", "sleep 60 & printf s3cr3t", "echo s3cr3t; cat /dev/null"]
    {
        assert_eq!(resolve(command(script)).await.ok().as_deref(), Some("s3cr3t"), "{script}");
    }
    // A pipe holds less than this.
    let long = "i=0; while [ $i -lt 900 ]; do printf %64s x; i=$((i + 1)); done; echo";
    assert_eq!(resolve(command(long)).await.expect("it is printed").len(), 900 * 64);
    for endless in ["yes", "while :; do echo s3cr3t; done", "head -c 70000 /dev/zero"] {
        let error = resolve(command(endless)).await.expect_err("it prints too much");
        assert!(error.to_string().contains("more than 65536 bytes"), "{endless}: {error}");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[cfg(unix)]
#[tokio::test]
async fn child_processes_of_a_command_end_with_it_even_if_it_is_dropped() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (rest, is_given_up) in [("sleep 300", true), ("echo s3cr3t", false)] {
        let path = directory.path().join(rest);
        let mut command = Command::new("sh");
        let script = format!("sleep 300 & echo $! > \"$0\"; {rest}");
        command.args(["-c", &script]).arg(&path);
        let ended = timeout(Duration::from_secs(2), end_of(command, true)).await;
        assert_eq!(ended.is_err(), is_given_up, "{rest}");
        let child = std::fs::read_to_string(&path).expect("the shell has written it");
        let child = child.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
        is_over(child.expect("a number")).await;
    }
}

/// Waits until a process has ended, or is a zombie.
#[cfg(unix)]
async fn is_over(process: rustix::process::Pid) {
    for _ in 0..200 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
        let is_gone = rustix::process::test_kill_process(process).is_err();
        if is_gone || stat.is_ok_and(|stat| stat.contains(") Z ")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it outlives the command");
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_an_account_error() {
    for source in [
        SecretSource::Env("SMTP_CONNECTOR_NO_SUCH_VARIABLE".into()),
        SecretSource::File("no-such-file".into()),
        SecretSource::Command(vec!["false".into()]),
        SecretSource::Command(vec!["true".into()]),
        SecretSource::Command(vec!["no-such-program".into()]),
        SecretSource::Command(Vec::new()),
    ] {
        let error = resolve(source.clone()).await.expect_err("there is none");
        assert_eq!(error.code.as_str(), "account", "{source}");
    }
}

#[cfg(not(feature = "keyring"))]
#[tokio::test]
async fn without_the_feature_a_keyring_entry_is_an_error_that_names_it() {
    let failure = resolve(SecretSource::Keyring("work".to_owned())).await.expect_err("not built");
    assert!(failure.message.contains("keyring entry work"), "{failure:?}");
    assert!(failure.hint.is_some_and(|hint| hint.contains("the feature \"keyring\"")));
    assert!(!crate::secret::KeyringEntry::is_available());
}
