//! OpenSMTPD, unencrypted and without a login. Debian 12's version cannot speak TLS, because it predates the OpenSSL
//! that it is linked with (OpenSMTPD#1171), and it offers no login without TLS.

use smtp_connector_inbox::Inbox;

use super::{Server, Way, hands_on, unpacked};
use crate::support::Authority;

/// Starts OpenSMTPD, which forwards every mail to the port `next`.
fn start(next: u16) -> Server {
    let mut server = Server::new();
    let (one, other) = (server.starttls, server.implicit);
    let config = format!(
        "listen on 127.0.0.1 port {one}
listen on 127.0.0.1 port {other}
action \"next\" relay host \"smtp://127.0.0.1:{next}\"
match from any for any action \"next\"
"
    );
    let config = server.write("smtpd.conf", &config).display().to_string();
    server.spawn(&unpacked("usr/sbin/smtpd"), &["-d", "-f", &config]);
    server.wait();
    server
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root and opensmtpd; .ci/run unpacks it and runs it"]
async fn opensmtpd_accepts_mail() {
    let authority = Authority::new();
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a port on loopback is free");
    let opensmtpd = start(inbox.address().port());
    let way =
        Way { name: "clear".into(), port: opensmtpd.starttls, security: "none", auth: "none" };
    hands_on(&authority, &opensmtpd, &inbox, &[way]).await;
}
