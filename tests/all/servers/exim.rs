//! Exim, which checks logins itself.

use smtp_connector_inbox::Inbox;

use super::{PASSWORD, Server, USER, hands_on, path, run, shares_a_connection, unpacked};
use crate::support::Authority;

/// Starts Exim, which forwards every mail to the port `next`.
fn start(authority: &Authority, next: u16) -> Server {
    let mut server = Server::new();
    let (certificate, key) = authority.write_pair("localhost", server.root());
    let (starttls, implicit) = (server.starttls, server.implicit);
    let config = format!(
        "exim_path = {program}
spool_directory = {root}/spool
log_file_path = {root}/spool/log/%slog
pid_file_path = {root}/spool/pid
primary_hostname = localhost
daemon_smtp_ports = {starttls} : {implicit}
tls_on_connect_ports = {implicit}
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
auth_advertise_hosts = ${{if def:tls_in_cipher {{*}}{{}}}}
acl_smtp_rcpt = rcpt
smtputf8_advertise_hosts = *
keep_environment =
begin acl
rcpt:
  accept authenticated = *
  deny message = log in first
begin routers
all:
  driver = manualroute
  transport = next
  route_list = * 127.0.0.1::{next}
  self = send
begin transports
next:
  driver = smtp
  allow_localhost
begin retry
* * F,1m,1s
begin authenticators
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{{USER}}}{{{PASSWORD}}}fail}}
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{USER}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{USER}}}}}{{eq{{$auth2}}{{{PASSWORD}}}}}}}}}
",
        program = unpacked("usr/sbin/exim4"),
        root = server.root().display(),
        certificate = certificate.display(),
        key = key.display(),
    );
    let config = server.write("exim.conf", &config).display().to_string();
    let spool = path(server.root(), "spool");
    run("install", &["-d", "-o", "Debian-exim", "-g", "Debian-exim", &spool]);
    run("chgrp", &["Debian-exim", &key.display().to_string()]);
    run("chmod", &["640", &key.display().to_string()]);
    server.spawn(&unpacked("usr/sbin/exim4"), &["-C", &config, "-bdf", "-q1m"]);
    server.wait();
    server
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root and exim4-daemon-light; .ci/run unpacks it and runs it"]
async fn exim_accepts_mail_after_login() {
    let authority = Authority::new();
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a port on loopback is free");
    let exim = start(&authority, inbox.address().port());
    let ways = exim.ways(&["plain", "login", "cram-md5", "auto"]);
    hands_on(&authority, &exim, &inbox, &ways).await;
    shares_a_connection(&authority, &exim, &inbox).await;
}
