//! A PostgreSQL server for tests. It ends with the test process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use tokio_postgres::{Client, NoTls};

/// A private server.
pub(super) struct Cluster {
    folder: PathBuf,
    port: u16,
    script: Mutex<Script>,
    _process: Child,
}

struct Script {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Cluster {
    /// Returns the server that tests share: each has its database.
    pub(super) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Starts a server for one test. Returns `None` if PostgreSQL is not installed.
    pub(super) fn start() -> Option<Self> {
        let Some(bin) = bin() else {
            skip();
            return None;
        };
        let folder =
            tempfile::Builder::new().prefix("outbox-pg-").tempdir().expect("a folder").keep();
        // The server's user can make its files here. The script removes the folder.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).expect("a mode");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut command = Command::new("sh");
        command.args(["-c", include_str!("cluster.sh"), "cluster"]).arg(bin).arg(&folder);
        command.arg(port.to_string()).args(as_postgres()).current_dir("/");
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = started.expect("the script starts");
        let mut script = Script {
            input: process.stdin.take().expect("a pipe"),
            output: BufReader::new(process.stdout.take().expect("a pipe")),
        };
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert_eq!(script.line(), "started", "{}", log());
        Some(Self { folder, port, script: Mutex::new(script), _process: process })
    }

    pub(super) fn stop(&self) {
        self.order("stop");
    }

    pub(super) fn start_again(&self) {
        self.order("start");
    }

    /// Switches on TLS, and returns the certificate authority.
    pub(super) fn use_tls(&self) -> PathBuf {
        self.order("tls");
        self.folder.join("authority.pem")
    }

    fn order(&self, command: &str) {
        let mut script = self.script.lock().expect("no order panicked");
        writeln!(script.input, "{command}").expect("the script reads");
        assert_eq!(script.line(), "0", "{command}");
    }

    /// Makes a database, and returns its URL.
    pub(super) async fn database(&self, name: &str) -> String {
        let server = self.client("postgres").await;
        let make = format!("CREATE DATABASE \"{name}\" TEMPLATE template0");
        server.batch_execute(&make).await.expect("it is made");
        self.url(name)
    }

    /// The superuser's URL of a database.
    pub(super) fn url(&self, database: &str) -> String {
        self.url_of("postgres", database)
    }

    pub(super) fn url_of(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// Connects as the superuser.
    pub(super) async fn client(&self, database: &str) -> Client {
        client(&self.url(database)).await
    }
}

/// Connects to a URL, without the library.
pub(super) async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("it connects");
    tokio::spawn(connection);
    client
}

impl Script {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the script answers");
        line.trim_end().to_owned()
    }
}

/// Returns the folder with the programs of the newest version that is installed.
fn bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let mut bins: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    bins.sort();
    bins.into_iter().rfind(|bin| bin.join("initdb").exists())
}

/// Returns the command that runs another one as a user that PostgreSQL accepts: not as root.
fn as_postgres() -> &'static [&'static str] {
    let own = std::fs::metadata("/proc/self");
    match own.is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        true => &["runuser", "-u", "postgres", "--"],
        false => &[],
    }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skip() {
    let required = std::env::var_os("SMTP_CONNECTOR_TEST_POSTGRES").is_some();
    assert!(!required, "PostgreSQL is not installed: apt-get install postgresql");
    eprintln!("skipped: PostgreSQL is not installed");
}
