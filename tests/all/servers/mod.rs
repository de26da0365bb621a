//! Real servers, as Debian packages them. Each gets a mail through every connection type and login that it supports,
//! and the message that arrives must equal the assembled one.
//!
//! Ignored by default: these tests need root, and programs that `.ci/run` installs. To run them by hand after that:
//! `cargo test --workspace -- --ignored servers`.

mod aiosmtpd;
mod exim;
mod opensmtpd;
mod postfix;
mod proxies;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use smtp_connector_host::accounts::Security;
use smtp_connector_host::smtp::{Entry, SmtpTransport, Transcript};
use smtp_connector_host::transport::Transport as _;
use smtp_connector_host::{Account, Secret};
use smtp_connector_inbox::Inbox;

use crate::support::{Authority, CommandLine, envelope_of};

const USER: &str = "alice@example.com";
const PASSWORD: &str = "s3cr3t p\u{e4}ssword";

/// A server with its own folder, stopped when it is dropped.
struct Server {
    directory: tempfile::TempDir,
    processes: Vec<Child>,
    /// The port for STARTTLS.
    starttls: u16,
    /// The port for implicit TLS.
    implicit: u16,
}

/// A combination of connection type and login.
struct Way {
    name: String,
    port: u16,
    security: &'static str,
    auth: &'static str,
}

impl Way {
    /// Returns the account's table in `accounts.toml`.
    fn settings(&self, authority: &Authority) -> String {
        let Self { name, port, security, auth } = self;
        let ca = authority.file().display().to_string();
        let login = match *auth {
            "none" => String::new(),
            _ => format!("username = \"{USER}\"\npassword = {{ env = \"PASSWORD\" }}\n"),
        };
        format!(
            "[accounts.{name}]\nhost = \"localhost\"\nport = {port}\nsecurity = \"{security}\"\n\
             auth = \"{auth}\"\nfrom = \"{USER}\"\ntls = {{ ca = {ca:?} }}\n{login}"
        )
    }
}

impl Server {
    /// Creates a folder and two ports for a server.
    fn new() -> Self {
        let directory = tempfile::tempdir_in("/var/tmp").expect("a temporary folder can be made");
        // The servers run as other users, which must be able to read the folder.
        run("chmod", &["755", &directory.path().display().to_string()]);
        Self { directory, processes: Vec::new(), starttls: free_port(), implicit: free_port() }
    }

    fn root(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file in the folder.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder");
        fs::write(&path, text).expect("a file can be written");
        path
    }

    /// Starts a program of the server, with its output in the file `log`.
    fn spawn(&mut self, program: &str, words: &[&str]) {
        let log = self.root().join("log");
        let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("a file");
        let child = Command::new(program)
            .args(words)
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn();
        let child =
            child.unwrap_or_else(|reason| panic!("{program}, as .ci/run installs it: {reason}"));
        self.processes.push(child);
    }

    /// Waits until the server listens on both ports.
    fn wait(&self) {
        self.wait_for(self.starttls);
        self.wait_for(self.implicit);
    }

    /// Waits until the server listens on a port.
    fn wait_for(&self, port: u16) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let waited = started.elapsed();
            assert!(waited < Duration::from_secs(20), "the server does not listen: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.root().join("log")).unwrap_or_default()
    }

    /// Returns every combination: each login on both ports.
    fn ways(&self, logins: &[&'static str]) -> Vec<Way> {
        let at = |security, port, auth: &&'static str| Way {
            name: format!("{security}-{auth}"),
            port,
            security,
            auth,
        };
        let starttls = logins.iter().map(|auth| at("starttls", self.starttls, auth));
        starttls.chain(logins.iter().map(|auth| at("tls", self.implicit, auth))).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in &mut self.processes {
            // Best effort: a failed test reports its own reason.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The path of a server program whose package conflicts with other servers' packages. `.ci/run` unpacks it here.
fn unpacked(program: &str) -> String {
    format!("{}/../target/servers/{program}", env!("CARGO_MANIFEST_DIR"))
}

/// A command with an account for each combination.
fn accounts(authority: &Authority, ways: &[Way]) -> CommandLine {
    let line = CommandLine::new();
    let settings: String = ways.iter().map(|way| way.settings(authority)).collect();
    line.write_accounts(&settings);
    line
}

/// A mail with content that is often damaged on the way: dots, non-ASCII words, an attachment, a hidden recipient.
fn mail(way: &Way) -> String {
    json!({
        "to": "Bob <bob@example.net>", "bcc": "carol@example.net", "subject": "Über alle Server",
        "text": ".\n..\nFrom here\n", "html": "<p>ü</p>", "idempotencyKey": format!("servers-{}", way.name),
        "date": "2026-01-02T03:04:05Z",
        "attachments": [{ "base64": "AAEC/w==", "filename": "a.bin" }],
    })
    .to_string()
}

/// Logs in with a wrong password, which must fail, and then with the right one. Sends a mail, and returns the result
/// and the assembled message.
fn send(line: &CommandLine, server: &Server, way: &Way, mail: &str) -> (Value, String) {
    let account = ["--account", &way.name];
    let send = [&["send", "--input", "-", "--json", "-v"][..], &account].concat();
    if way.auth != "none" {
        let refused = line.run_with(&send, mail, &[("PASSWORD", "wrong")]);
        assert_eq!(refused.code, 77, "{}: {refused:#?}\n{}", way.name, server.log());
        assert_eq!(refused.json()["error"]["code"], "auth", "{}", way.name);
    }

    let right = [("PASSWORD", PASSWORD)];
    let ran = line.run_with(&send, mail, &right);
    assert_eq!(ran.code, 0, "{}: {ran:#?}\n{}", way.name, server.log());
    let named = format!("AUTH {}", way.auth.to_uppercase());
    assert!(matches!(way.auth, "auto" | "none") || ran.err.contains(&named), "{ran:#?}");
    for text in [&ran.out, &ran.err] {
        assert!(!text.contains(PASSWORD), "{}: {text}", way.name);
    }
    let preview = [&["preview", "--input", "-"][..], &account].concat();
    (ran.json(), line.run_with(&preview, mail, &right).expect(0).out)
}

/// Does the same for a server that forwards every mail to an inbox, and compares the messages byte for byte.
async fn hands_on(authority: &Authority, server: &Server, inbox: &Inbox, ways: &[Way]) {
    let line = accounts(authority, ways);
    for way in ways {
        let (result, assembled) = send(&line, server, way, &mail(way));
        assert_eq!(result["status"], "sent", "{}", way.name);
        assert!(result["queueId"].is_string(), "{}: {result}", way.name);
        let mut recipients = Vec::new();
        // Some servers forward to one recipient at a time.
        while recipients.len() < 2 {
            let received = tokio::time::timeout(Duration::from_secs(30), inbox.next()).await;
            let received = received
                .unwrap_or_else(|_| panic!("{}: nothing arrives: {}", way.name, server.log()));
            assert_eq!(received.sender, USER);
            recipients.extend(received.recipients.clone());
            assert_eq!(without_trace(&received.content), assembled, "{}", way.name);
        }
        recipients.sort_unstable();
        assert_eq!(recipients, ["bob@example.net", "carol@example.net"], "{}", way.name);
    }
}

/// Sends several mails over one connection, whatever messages the server's TLS library sends in between.
async fn shares_a_connection(authority: &Authority, server: &Server, inbox: &Inbox) {
    for (port, security) in
        [(server.starttls, Security::Starttls), (server.implicit, Security::Tls)]
    {
        let account = Account::builder("work", "localhost")
            .port(port)
            .security(security)
            .tls(authority.trusted())
            .credentials(USER, Secret::new(PASSWORD))
            .build();
        let account = Arc::new(account.expect("the settings are right"));
        let reused = Reused::default();
        let transport = SmtpTransport::new().danger_allow_private_hosts();
        let transport = transport.transcript(Arc::new(reused.clone()));
        for _ in 0..3 {
            let message = transport
                .begin(&account, envelope_of(USER, &["bob@example.net"]))
                .await
                .expect("it begins");
            let content = "From: alice@example.com\r\nSubject: x\r\n\r\nx\r\n";
            let message = message.write(content.into()).await.expect("it is written");
            message.finish().await.expect("it is sent");
            let received = tokio::time::timeout(Duration::from_secs(30), inbox.next()).await;
            received.unwrap_or_else(|_| panic!("nothing arrives: {}", server.log()));
        }
        assert_eq!(reused.0.load(Ordering::SeqCst), 2, "{security}");
        transport.close().await;
    }
}

/// Counts how often a connection was reused.
#[derive(Clone, Default)]
struct Reused(Arc<AtomicUsize>);

impl Transcript for Reused {
    fn note(&self, _: Duration, entry: &Entry) {
        if let Entry::Reused(_) = entry {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Returns a message without the trace headers that servers add.
fn without_trace(message: &[u8]) -> String {
    let text = String::from_utf8(message.to_vec()).expect("text");
    let from = text.find("From: ").expect("a header From");
    let trace = |line: &str| line.starts_with("Received: ") || line.starts_with(['\t', ' ']);
    assert!(text[..from].lines().all(trace), "{}", &text[..from]);
    text[from..].to_owned()
}

fn path(root: &Path, name: &str) -> String {
    root.join(name).display().to_string()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback is free");
    listener.local_addr().expect("it is bound").port()
}

fn run(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    assert!(output.status.success(), "{program} {words:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
