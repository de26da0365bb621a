//! A server that is not ours: Postfix, with logins checked by Dovecot, as Debian packages them.
//!
//! Ignored by default, since it needs both and root to start them: `apt-get install postfix dovecot-core`,
//! then `cargo test --workspace -- --ignored postfix`.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use smtp_connector_host::inbox::Inbox;

use crate::support::{Authority, CommandLine};

/// Postfix and Dovecot in a folder of their own, which hand every mail on to an inbox.
struct Postfix {
    directory: tempfile::TempDir,
    master: Child,
    dovecot: Child,
    port: u16,
}

const USER: &str = "alice@example.com";
const PASSWORD: &str = "s3cr3t p\u{e4}ssword";

impl Postfix {
    fn start(authority: &Authority, next: u16) -> Self {
        let directory = tempfile::tempdir_in("/var/tmp").expect("a temporary folder can be made");
        let root = directory.path();
        // Their users must be able to look in.
        run("chmod", &["755", &root.display().to_string()]);
        let port = free_port();
        let (certificate, key) = authority.write_pair("localhost", root);
        let dovecot = start_dovecot(root);
        write_postfix(root, port, next, &certificate, &key);
        let master = Command::new("postfix")
            .args(["-c", &path(root, "etc"), "start-fg"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postfix is installed (apt-get install postfix)");
        let postfix = Self { directory, master, dovecot, port };
        postfix.wait();
        postfix
    }

    fn wait(&self) {
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "Postfix does not listen: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let config = path(self.directory.path(), "etc");
        // Best effort: a test that has failed says why by itself.
        let _ =
            Command::new("postfix").args(["-c", &config, "stop"]).stderr(Stdio::null()).status();
        for child in [&mut self.master, &mut self.dovecot] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start_dovecot(root: &Path) -> Child {
    fs::create_dir_all(root.join("queue/private")).expect("a folder can be made");
    let config = format!(
        "base_dir = {root}/dovecot
state_dir = {root}/dovecot-state
log_path = {root}/dovecot.log
ssl = no
protocols =
auth_mechanisms = plain login
disable_plaintext_auth = no
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {root}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  unix_listener {root}/queue/private/auth {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
}}
",
        root = root.display()
    );
    fs::write(root.join("dovecot.conf"), config).expect("a file can be written");
    fs::write(root.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}::::::\n"))
        .expect("a file can be written");
    Command::new("dovecot")
        .args(["-F", "-c", &path(root, "dovecot.conf")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("dovecot is installed (apt-get install dovecot-core)")
}

fn write_postfix(root: &Path, port: u16, next: u16, certificate: &Path, key: &Path) {
    let etc = root.join("etc");
    fs::create_dir_all(&etc).expect("a folder can be made");
    for folder in ["queue", "data"] {
        fs::create_dir_all(root.join(folder)).expect("a folder can be made");
    }
    run("chown", &["postfix", &path(root, "data"), &path(root, "queue/private")]);
    let main = format!(
        "compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log
maillog_file_prefixes = {root}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydestination =
mynetworks =
alias_maps =
smtp_dns_support_level = disabled
relayhost = [127.0.0.1]:{next}
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject
",
        root = root.display(),
        certificate = certificate.display(),
        key = key.display(),
    );
    fs::write(etc.join("main.cf"), main).expect("a file can be written");
    let services = format!(
        "127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"
    );
    fs::write(etc.join("master.cf"), services).expect("a file can be written");
}

fn path(root: &Path, name: &str) -> String {
    root.join(name).display().to_string()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback is free");
    listener.local_addr().expect("it is bound").port()
}

fn run(program: &str, words: &[&str]) {
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    assert!(output.status.success(), "{program} {words:?}: {output:?}");
}

/// A message without the trace headers that servers put before it.
fn without_trace(message: &[u8]) -> String {
    let text = String::from_utf8(message.to_vec()).expect("ASCII");
    let from = text.find("From: ").expect("a header From");
    assert!(
        text[..from]
            .lines()
            .all(|line| line.starts_with("Received: ") || line.starts_with(['\t', ' ']))
    );
    text[from..].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root, postfix and dovecot-core; .ci/run installs them and runs it"]
async fn postfix_takes_mail_over_starttls_from_whoever_logs_in() {
    let authority = Authority::new();
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a port on loopback is free");
    let postfix = Postfix::start(&authority, inbox.address().port());
    let line = CommandLine::new();
    let port = postfix.port.to_string();
    let add = |name: &str, auth: &str| {
        let words = [
            "accounts",
            "add",
            name,
            "--host",
            "localhost",
            "--port",
            &port,
            "--username",
            USER,
            "--auth",
            auth,
            "--from",
            USER,
            "--password-env",
            "PASSWORD",
        ];
        line.run(&words).expect(0);
    };
    add("plain", "plain");
    add("login", "login");
    let file = line.home().join("accounts.toml");
    let settings = fs::read_to_string(&file).expect("the accounts are there");
    let ca = format!("tls = {{ ca = {:?} }}\nhost =", authority.file().display().to_string());
    fs::write(&file, settings.replace("host =", &ca)).expect("they can be written");

    for account in ["plain", "login"] {
        let right = [("PASSWORD", PASSWORD)];
        let ran = line.run_with(&["accounts", "test", account], "", &right);
        assert_eq!(ran.code, 0, "{ran:#?}\n{}", postfix.log());
        let wrong = [("PASSWORD", "wrong")];
        let ran = line.run_with(
            &["send", "--account", account, "--to", "b@example.net", "--json"],
            "",
            &wrong,
        );
        assert_eq!(ran.expect(77).json()["error"]["code"], "auth");

        let input = json!({
            "to": "Bob <bob@example.net>", "bcc": "carol@example.net", "subject": "Über Postfix",
            "text": ".\n..\nFrom here\n", "html": "<p>ü</p>", "idempotencyKey": format!("postfix-{account}"),
            "date": "2026-01-02T03:04:05Z",
            "attachments": [{ "base64": "AAEC/w==", "filename": "a.bin" }],
        })
        .to_string();
        let send = ["send", "--account", account, "--input", "-", "--json", "-v"];
        let ran = line.run_with(&send, &input, &right);
        let sent = ran.expect(0).json();
        assert_eq!(sent["status"], "sent");
        assert!(sent["queueId"].is_string(), "{sent}");

        let received = tokio::time::timeout(Duration::from_secs(30), inbox.next()).await;
        let received = received.unwrap_or_else(|_| panic!("nothing arrives: {}", postfix.log()));
        assert_eq!(received.sender, USER);
        let mut recipients = received.recipients.clone();
        recipients.sort_unstable();
        assert_eq!(recipients, ["bob@example.net", "carol@example.net"]);
        let preview = line
            .run_with(&["preview", "--account", account, "--input", "-"], &input, &right)
            .expect(0);
        assert_eq!(without_trace(&received.content), preview.out);
    }
    let refused = line.run_with(&["send", "--account", "plain", "--to", "b@example.net"], "", &[]);
    assert!(refused.expect(78).err.contains("PASSWORD"));
}
