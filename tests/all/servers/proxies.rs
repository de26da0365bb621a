//! Real proxies, microsocks and tinyproxy: mail through each, with STARTTLS and TLS, with a right and a wrong login.

use super::Server;
use crate::support::{Authority, CommandLine, FaultServer, Offers, Scenario};

const LOGIN: [&str; 2] = ["alice", "pr0xy-s3cret"];

/// Sends mail through a proxy with each of these schemes, over STARTTLS and TLS.
async fn carries_mail(port: u16, schemes: &[&str], proxy: &Server) {
    let authority = Authority::new();
    let tls = authority.server("localhost");
    let starttls = Offers { starttls: Some(tls.clone()), ..Offers::default() };
    let implicit = Offers { implicit: Some(tls), ..Offers::default() };
    for (security, offers) in [("starttls", starttls), ("tls", implicit)] {
        for scheme in schemes {
            let server = FaultServer::start(Scenario::default().offering(offers.clone())).await;
            let line = CommandLine::new();
            let (ca, smtp) = (authority.file(), server.port());
            line.write_accounts(&format!(
                "[accounts.work]\nhost = \"localhost\"\nport = {smtp}\nsecurity = \"{security}\"\n\
                 from = \"a@example.com\"\nusername = \"user\"\npassword = {{ env = \"PASSWORD\" }}\n\
                 tls = {{ ca = {:?} }}\nproxy = {{ url = \"{scheme}://{}@127.0.0.1:{port}\", password = {{ env = \
                 \"PROXY_PASSWORD\" }} }}\n",
                ca.display().to_string(),
                LOGIN[0],
            ));
            let send = ["send", "--to", "b@example.net", "--text", "Hi!", "--json", "-v"];
            let with = |password| [("PASSWORD", "s3cr3t"), ("PROXY_PASSWORD", password)];
            let refused = line.run_with(&send, "", &with("wr0ng-s3cret"));
            assert_ne!(refused.code, 0, "{refused:#?}");
            let error = &refused.json()["error"];
            assert_eq!(error["code"], "connect", "{refused:#?}\n{}", proxy.log());
            let message = error["message"].as_str().expect("a message");
            assert!(message.ends_with("refuses the username or the password"), "{message}");

            let ran = line.run_with(&send, "", &with(LOGIN[1])).expect(0);
            let seen = server.seen();
            assert_eq!(
                (seen.connections, seen.complete),
                (1, 1),
                "{scheme} {security}: {}",
                proxy.log()
            );
            for text in [&ran.out, &ran.err, &refused.err] {
                assert!(!text.contains(LOGIN[1]) && !text.contains("wr0ng"), "{text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs microsocks; .ci/run installs it and runs it"]
async fn microsocks_carries_mail() {
    let mut proxy = Server::new();
    let port = proxy.starttls;
    let text = port.to_string();
    proxy.spawn("microsocks", &["-i", "127.0.0.1", "-p", &text, "-u", LOGIN[0], "-P", LOGIN[1]]);
    proxy.wait_for(port);
    carries_mail(port, &["socks5", "socks5h"], &proxy).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs tinyproxy; .ci/run installs it and runs it"]
async fn tinyproxy_carries_mail() {
    let mut proxy = Server::new();
    let port = proxy.starttls;
    // Without ConnectPort, every port is allowed.
    let settings = format!(
        "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nBasicAuth {} {}\n",
        LOGIN[0], LOGIN[1]
    );
    let settings = proxy.write("tinyproxy.conf", &settings).display().to_string();
    proxy.spawn("tinyproxy", &["-d", "-c", &settings]);
    proxy.wait_for(port);
    carries_mail(port, &["http"], &proxy).await;
}
