//! A desktop session for tests: a D-Bus session bus, and GNOME Keyring on it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A session with its own folders, stopped when it is dropped.
pub(crate) struct Desktop {
    folder: tempfile::TempDir,
    bus: Child,
    keyring: Option<Child>,
}

/// How long a program of the session may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The password of the keyring itself.
const MASTER: &str = "mast3r";

impl Desktop {
    /// Starts a session without a keyring. The bus starts no programs, so there is no window that asks for a password.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(folder.path(), private).expect("it is ours");
        let socket = folder.path().join("bus");
        let settings = folder.path().join("bus.conf");
        let text = format!(
            "<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
             <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            socket.display()
        );
        fs::write(&settings, text).expect("it is written");
        let bus = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", settings.display()))
            .args(["--nofork", "--nopidfile"])
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon, as .ci/run installs it");
        wait_until("dbus-daemon listens", || socket.exists());
        Self { folder, bus, keyring: None }
    }

    /// Starts a session with an unlocked keyring.
    pub(crate) fn unlocked() -> Self {
        let mut desktop = Self::start();
        desktop.unlock();
        desktop
    }

    /// Starts the keyring again, unlocked. Its entries stay.
    pub(crate) fn unlock(&mut self) {
        self.start_keyring(Some(MASTER));
        let store = ["store", "--label=test", "test", "is-ready"];
        wait_until("the keyring stores entries", || self.secret_tool(&store, "yes").is_some());
        self.secret_tool(&["clear", "test", "is-ready"], "");
    }

    /// Starts the keyring again, locked. Its entries stay.
    pub(crate) fn lock(&mut self) {
        self.start_keyring(None);
        let question = [
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.secrets",
            "/org/freedesktop/secrets",
            "org.freedesktop.DBus.Peer.Ping",
        ];
        wait_until("the keyring answers", || {
            let mut asking = self.command("dbus-send");
            asking.args(question).output().is_ok_and(|output| output.status.success())
        });
    }

    fn start_keyring(&mut self, password: Option<&str>) {
        self.stop_keyring();
        let mut command = self.command("gnome-keyring-daemon");
        command.args(["--components=secrets", "--foreground"]);
        if password.is_some() {
            command.arg("--unlock");
        }
        let started = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut keyring = started.expect("gnome-keyring-daemon, as .ci/run installs it");
        let mut input = keyring.stdin.take().expect("it was piped");
        input.write_all(password.unwrap_or_default().as_bytes()).expect("it is read");
        self.keyring = Some(keyring);
    }

    fn stop_keyring(&mut self) {
        if let Some(mut keyring) = self.keyring.take() {
            // Best effort: a failed test reports its own reason.
            let _ = keyring.kill();
            let _ = keyring.wait();
        }
    }

    /// Runs `secret-tool`, which is independent of the command under test. Returns its output if it succeeds.
    pub(crate) fn secret_tool(&self, words: &[&str], input: &str) -> Option<String> {
        let mut command = self.command("secret-tool");
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut tool = command.spawn().expect("secret-tool, as .ci/run installs it");
        let mut stdin = tool.stdin.take().expect("it was piped");
        // Most of its commands do not read their input.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = tool.wait_with_output().expect("it ends");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Returns an entry of the command, if there is one.
    pub(crate) fn entry(&self, name: &str) -> Option<String> {
        let found =
            self.secret_tool(&["lookup", "service", "smtp-connector", "username", name], "");
        found.filter(|secret| !secret.is_empty())
    }

    /// Stores an entry as a user does who follows the command's hint.
    pub(crate) fn store(&self, name: &str, secret: &str, more: &[&str]) {
        let store = ["store", "--label=mine", "service", "smtp-connector", "username", name];
        self.secret_tool(&[&store, more].concat(), secret).expect("the keyring is unlocked");
    }

    /// Returns the address of the bus.
    pub(crate) fn bus(&self) -> String {
        format!("unix:path={}", self.folder.path().join("bus").display())
    }

    fn command(&self, program: &str) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(program);
        command
            .env("DBUS_SESSION_BUS_ADDRESS", self.bus())
            .env("HOME", folder)
            .env("XDG_DATA_HOME", folder.join("data"))
            .env("XDG_RUNTIME_DIR", folder)
            .env_remove("DISPLAY");
        command
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.stop_keyring();
        let _ = self.bus.kill();
        let _ = self.bus.wait();
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
