//! Postfix, with logins checked by Dovecot.

use std::fs;
use std::process::Command;

use smtp_connector_inbox::Inbox;

use super::{PASSWORD, Server, USER, hands_on, path, run, shares_a_connection};
use crate::support::{Authority, CommandLine, answer_on_terminal};

/// Starts both. Postfix forwards every mail to the port `next`.
fn start(authority: &Authority, next: u16) -> Postfix {
    let mut server = Server::new();
    start_dovecot(&mut server);
    write_postfix(&server, authority, next);
    let etc = path(server.root(), "etc");
    server.spawn("postfix", &["-c", &etc, "start-fg"]);
    server.wait();
    Postfix(server)
}

/// Postfix, which has many processes and stops them itself.
struct Postfix(Server);

impl Drop for Postfix {
    fn drop(&mut self) {
        let etc = path(self.0.root(), "etc");
        // Best effort: a failed test reports its own reason.
        let _ = Command::new("postfix").args(["-c", &etc, "stop"]).output();
    }
}

fn start_dovecot(server: &mut Server) {
    let root = server.root();
    fs::create_dir_all(root.join("queue/private")).expect("a folder can be made");
    let config = format!(
        "base_dir = {root}/dovecot
state_dir = {root}/dovecot-state
log_path = {root}/dovecot.log
ssl = no
protocols =
auth_mechanisms = plain login cram-md5 scram-sha-256
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
    let config = server.write("dovecot.conf", &config).display().to_string();
    server.write("users", &format!("{USER}:{{PLAIN}}{PASSWORD}::::::\n"));
    server.spawn("dovecot", &["-F", "-c", &config]);
}

fn write_postfix(server: &Server, authority: &Authority, next: u16) {
    let root = server.root();
    let (certificate, key) = authority.write_pair("localhost", root);
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
    server.write("etc/main.cf", &main);
    let Server { starttls, implicit, .. } = server;
    let services = format!(
        "127.0.0.1:{starttls} inet n - n - - smtpd
127.0.0.1:{implicit} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
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
    server.write("etc/master.cf", &services);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root, postfix and dovecot-core; .ci/run installs them and runs it"]
async fn postfix_accepts_mail_after_login() {
    let authority = Authority::new();
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a port on loopback is free");
    let postfix = start(&authority, inbox.address().port());
    let ways = postfix.0.ways(&["plain", "login", "cram-md5", "scram-sha-256", "auto"]);
    hands_on(&authority, &postfix.0, &inbox, &ways).await;
    shares_a_connection(&authority, &postfix.0, &inbox).await;
}

/// From an empty home to a message in Postfix, as a new user does it. docs/accounts.md shows it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root, postfix and dovecot-core; .ci/run installs them and runs it"]
async fn a_new_user_sends_through_postfix_by_prompts_alone() {
    let authority = Authority::new();
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a port on loopback is free");
    let postfix = start(&authority, inbox.address().port());
    let line = CommandLine::new();
    let home = line.home().display().to_string();
    let run = |words: &[&str], answers: &[(&str, &str)]| {
        let mut command = line.command(words);
        // This machine trusts the authority, and the user has chosen no folder.
        command.env("SSL_CERT_FILE", authority.file());
        command.env_remove("SMTP_CONNECTOR_HOME").env("HOME", &home);
        answer_on_terminal(command, answers)
    };
    let [port, user, password] =
        [postfix.0.starttls.to_string(), USER.to_owned(), PASSWORD.to_owned()]
            .map(|text| format!("{text}\r"));
    let enter = "\r";
    let answers = [
        ("Your email address", "alice@example.com\r"),
        ("Provider", enter),
        ("Host name", "localhost\r"),
        ("Port", &port),
        ("❯ STARTTLS", enter),
        ("Username", &user),
        ("Place of the password", enter),
        ("Password", "wrong\r"),
        ("Sender", enter),
        ("Name of the account", "work\r"),
        ("The test failed", enter),
        ("Your email address (alice@example.com)", enter),
        ("Provider", enter),
        ("Host name", enter),
        ("Port", enter),
        ("❯ STARTTLS", enter),
        ("Username", enter),
        ("Keep the password given", "\x1b[B"),
        ("❯ in accounts.toml", enter),
        ("Password", &password),
        ("Sender", enter),
        ("Name of the account (work)", enter),
    ];
    let ran = run(&["accounts", "add"], &answers).expect(0);
    assert!(ran.out.contains("535 5.7.8") && !ran.out.contains(PASSWORD), "{}", ran.out);
    assert!(!ran.out.contains("Mailpit or MailHog: "), "{}", ran.out);
    let test = ["accounts", "test", "work", "--send-to", "bob@example.com"];
    let ran = run(&test, &[]).expect(0);
    assert!(ran.out.contains("the account \"work\" works with STARTTLS"), "{}", ran.out);
    assert_eq!(inbox.next().await.recipients, ["bob@example.com"]);
    let send = ["send", "--to", "bob@example.com", "--subject", "The report", "--text", "See it."];
    run(&send, &[]).expect(0);
    assert_eq!(inbox.next().await.sender, "alice@example.com");
    let listed = run(&["accounts", "list"], &[]).expect(0);
    assert!(!listed.out.contains("never"), "{}", listed.out);
}
