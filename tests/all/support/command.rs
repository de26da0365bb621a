//! Runs the command in tests.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Once;

use serde_json::Value;
use smtp_connector_host::Connector;
use smtp_connector_inbox::Inbox;

use super::{USER_CACHE, host_builder, write_private};

/// The command, with its own home.
pub(crate) struct CommandLine {
    home: tempfile::TempDir,
}

/// The output of a run of the command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl CommandLine {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        // Compiled once for all tests, so that no run prints that it compiles.
        static COMPILED: Once = Once::new();
        COMPILED.call_once(|| {
            let host = host_builder([]).build().expect("the sandbox runs");
            Connector::builtin(&host).expect("it is compiled");
        });
        Self { home }
    }

    /// Creates a command with an account `work` that sends to an inbox.
    pub(crate) fn with_account(inbox: &Inbox) -> Self {
        let line = Self::new();
        let port = inbox.address().port().to_string();
        line.run(&[
            "accounts",
            "add",
            "work",
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--security",
            "none",
            "--from",
            "Alice <alice@example.com>",
        ])
        .expect(0);
        line
    }

    /// Creates a command with an account `work` that sends to a server on this machine.
    pub(crate) fn with_server(port: u16) -> Self {
        let line = Self::new();
        line.write_accounts(&format!(
            "[accounts.work]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nfrom = \"a@example.com\"\n"
        ));
        line
    }

    /// The command's home.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes the accounts file.
    pub(crate) fn write_accounts(&self, text: &str) {
        write_private(&self.home().join("accounts.toml"), text);
    }

    /// Runs the command.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, "", &[])
    }

    /// Returns the command without starting it, for a test that needs its process.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smtp-connector-under-test"));
        command
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SMTP_CONNECTOR_HOME", self.home())
            .env("XDG_CACHE_HOME", USER_CACHE)
            .current_dir(self.home())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the command with this standard input and these environment variables.
    pub(crate) fn run_with(
        &self,
        words: &[&str],
        stdin: impl AsRef<[u8]>,
        variables: &[(&str, &str)],
    ) -> Ran {
        let mut child = self
            .command(words)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut input = child.stdin.take().expect("it was piped");
        // The command may exit without reading its input.
        let _ = input.write_all(stdin.as_ref());
        drop(input);
        Ran::of(&child.wait_with_output().expect("the command ends"))
    }
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Panics unless the command exited with `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        assert!(!self.err.contains("panicked at"), "{self:#?}");
        self
    }

    /// Parses standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}
