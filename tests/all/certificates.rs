//! Which certificates are trusted, and the error messages for the others.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use smtp_connector_host::accounts::{
    CertificatePin, ClientCertificate, Security, TlsSettings, TlsVersion,
};
use smtp_connector_host::{Error, FailureCode, Retry};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::security::{implicit, send, send_to};
use crate::support::{
    Act, Authority, CommandLine, FaultServer, ForgedKey, RSA_1024, Scenario, Stage, VERSION_1,
    VERSION_1_KEY, der, server_showing, signing_key, write_private,
};

/// Writes these certificates to a file, for `tls.ca`.
fn trusting(pem: impl AsRef<[u8]>) -> (tempfile::TempDir, TlsSettings) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("trusted.pem");
    write_private(&file, pem);
    (folder, TlsSettings::default().ca(file))
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).expect("a name that can be certified")
}

/// Returns the error of a send, and checks that no command was sent.
async fn fails(config: Arc<ServerConfig>, tls: TlsSettings) -> Error {
    let server = implicit(config).await;
    let error = send(&server, Security::Tls, tls).await.expect_err("it must not be sent");
    assert!(server.seen().commands.is_empty(), "{error}");
    error
}

#[track_caller]
fn says(error: &Error, message: &str, hint: &str) {
    let said = error.to_string();
    assert!(said.contains(message), "{message}: {said}");
    assert!(error.hint().is_some_and(|given| given.contains(hint)), "{hint}: {error:?}");
}

#[tokio::test]
async fn a_named_certificate_of_any_kind_is_trusted() {
    let mut authority = params("127.0.0.1");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut no_authority = params("127.0.0.1");
    no_authority.is_ca = IsCa::ExplicitNoCa;
    let mut for_clients = params("127.0.0.1");
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let mut common_name_alone = CertificateParams::default();
    common_name_alone.distinguished_name.push(DnType::CommonName, "127.0.0.1");
    let kinds = [params("127.0.0.1"), authority, no_authority, for_clients, common_name_alone];
    for version in [&TLS12, &TLS13] {
        for params in kinds.clone() {
            let (pem, config) = Authority::self_signed_with(&params, &[version]);
            let (_folder, tls) = trusting(pem);
            let sent = send(&implicit(config).await, Security::Tls, tls).await;
            sent.unwrap_or_else(|error| panic!("{params:?}: {error:?}"));
        }
        let config = server_showing(der(VERSION_1), signing_key(VERSION_1_KEY), version);
        let (_folder, tls) = trusting(VERSION_1);
        send(&implicit(config).await, Security::Tls, tls).await.expect("it is the one");
    }
}

#[tokio::test]
async fn a_named_certificate_is_still_checked_for_dates_name_and_key() {
    let mut expired = params("127.0.0.1");
    expired.not_before = date_time_ymd(2001, 1, 1);
    expired.not_after = date_time_ymd(2002, 1, 1);
    let mut future = params("127.0.0.1");
    future.not_before = date_time_ymd(2126, 1, 1);
    future.not_after = date_time_ymd(2127, 1, 1);
    let mut common_name = CertificateParams::default();
    common_name.distinguished_name.push(DnType::CommonName, "mail.example.com");
    // With a subject alternative name, the common name is ignored.
    let mut both = params("mail.example.com");
    both.distinguished_name.push(DnType::CommonName, "127.0.0.1");
    for (params, message) in [
        (expired, "it expired at 2002-01-01T00:00:00Z, and this machine's clock says 2"),
        (future, "it begins at 2126-01-01T00:00:00Z, and this machine's clock says 2"),
        (params("mail.example.com"), "for mail.example.com"),
        (common_name, "for mail.example.com"),
        (both, "for mail.example.com"),
    ] {
        let (pem, config) = Authority::self_signed_with(&params, rustls::ALL_VERSIONS);
        let (_folder, tls) = trusting(pem);
        says(&fails(config, tls).await, message, "");
    }
    let another = signing_key(&KeyPair::generate().expect("a key").serialize_pem());
    for version in [&TLS12, &TLS13] {
        let config = server_showing(der(VERSION_1), Arc::clone(&another), version);
        let (_folder, tls) = trusting(VERSION_1);
        says(&fails(config, tls).await, "does not prove that it has the certificate's key", "");
    }
}

#[tokio::test]
async fn another_certificate_with_the_same_name_is_not_trusted() {
    let (pem, _) = Authority::self_signed_with(&params("127.0.0.1"), rustls::ALL_VERSIONS);
    let (_, config) = Authority::self_signed_with(&params("127.0.0.1"), rustls::ALL_VERSIONS);
    let (_folder, tls) = trusting(pem);
    says(&fails(config, tls).await, "it is self-signed", "tls.ca");
}

/// Settings that pin a certificate, and settings that trust any.
fn pins(pem: &str) -> [TlsSettings; 2] {
    let whole = ring::digest::digest(&ring::digest::SHA256, &der(pem));
    let whole = CertificatePin::Certificate(whole.as_ref().try_into().expect("32 octets"));
    [Some(whole), None].map(|pin| {
        TlsSettings::default().pin(pin).danger_accept_invalid_certificates(pin.is_none())
    })
}

#[tokio::test]
async fn a_pinned_certificate_may_have_any_version() {
    for version in [&TLS12, &TLS13] {
        for tls in pins(VERSION_1) {
            let config = server_showing(der(VERSION_1), signing_key(VERSION_1_KEY), version);
            send(&implicit(config).await, Security::Tls, tls).await.expect("it is the one");
        }
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_verified_is_reported_and_connects_only_if_all_are_allowed() {
    let config = || server_showing(der(RSA_1024), Arc::new(ForgedKey), &TLS13);
    let [pinned, any] = pins(RSA_1024);
    let (_folder, named) = trusting(RSA_1024);
    for tls in [pinned, named] {
        says(&fails(config(), tls).await, "RSA, 1024 bits", "allowInvalidCert");
    }
    let (_folder, others) = trusting(VERSION_1);
    says(&fails(config(), others).await, "RSA, 1024 bits", "allowInvalidCert");
    send(&implicit(config()).await, Security::Tls, any).await.expect("it is not verified");
}

#[tokio::test]
async fn each_reason_not_to_trust_a_certificate_is_reported() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = |params: CertificateParams| authority.server_with(&params);
    let dated = |from: i32, to: i32| {
        let mut params = params("127.0.0.1");
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        server(params)
    };
    let mut for_clients = params("127.0.0.1");
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let mut an_authority = params("127.0.0.1");
    an_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let names = (1..=9).map(|n| format!("mx{n}.example.com")).collect::<Vec<_>>();
    let many_names = CertificateParams::new(names).expect("names");
    let mut no_name = CertificateParams::default();
    no_name.distinguished_name.push(DnType::CommonName, "127.0.0.1");
    let version_1 = || server_showing(der(VERSION_1), signing_key(VERSION_1_KEY), &TLS13);
    for (config, message, hint) in [
        (dated(2001, 2002), "it expired at 2002-01-01T00:00:00Z", "renew"),
        (dated(2126, 2127), "not valid yet: it begins at 2126-01-01T00:00:00Z", "clock"),
        (authority.server("mail.example.com"), "for mail.example.com", "tls.serverName"),
        (server(many_names), "mx5.example.com and 4 more", "tls.serverName"),
        (server(no_name), "no alternative names", "subjectAltName"),
        (stranger.server("127.0.0.1"), "has its issuer's name, but a different key", "tls.ca"),
        (Authority::self_signed("127.0.0.1"), "self-signed", "tls.ca"),
        (server(for_clients), "extended key usage", "operator"),
        (server(an_authority), "CA:TRUE", "tls.ca"),
        (version_1(), "self-signed", "tls.pinSha256"),
    ] {
        let error = fails(config, authority.trusted()).await;
        assert_eq!((error.code(), error.retry()), (FailureCode::Tls, Retry::AfterConfigChange));
        says(&error, message, hint);
    }
}

#[tokio::test]
async fn each_way_a_server_ends_a_handshake_is_reported() {
    for (alert, message, hint) in [
        ("\x28", "no cipher suite", "ECDHE"),
        ("\x47", "no cipher suite", "ECDHE"),
        ("\x46", "no version of TLS", "TLS 1.2 or 1.3"),
        ("\x70", "alert unrecognized_name", "tls.serverName"),
        ("\x74", "requires a client certificate", "tls.clientCert"),
        // The server has not asked for one.
        ("\x2a", "alert bad_certificate", "operator"),
        ("\x50", "alert internal_error", "later"),
        ("\x63", "alert 99", "operator"),
    ] {
        // A TLS 1.2 record with a fatal alert.
        let answer: &'static str = format!("\x15\x03\x03\0\x02\x02{alert}").leak();
        let server = FaultServer::start(Scenario::when(Stage::Greeting, Act::Reply(answer))).await;
        let error = send(&server, Security::Tls, TlsSettings::default()).await;
        let error = error.expect_err("there is no encryption");
        says(&error, message, hint);
        let hint = error.hint().unwrap_or_default();
        assert_eq!(hint.contains("before 1.2"), alert == "\x46", "{hint}");
        let retry = if alert == "\x50" { Retry::Later } else { Retry::AfterConfigChange };
        assert_eq!((error.code(), error.retry()), (FailureCode::Tls, retry));
    }
}

#[tokio::test]
async fn a_client_certificate_may_have_any_version_and_must_match_its_key() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [certificate, key] = ["client.pem", "client.key"].map(|name| folder.path().join(name));
    write_private(&certificate, VERSION_1);
    let another = KeyPair::generate().expect("a key can be made").serialize_pem();
    for (text, fits) in [(VERSION_1_KEY, true), (&another, false)] {
        write_private(&key, text);
        let own = ClientCertificate { certificate: certificate.clone(), key: key.clone() };
        let tls = authority.trusted().client_certificate(own);
        match send(&implicit(authority.server("127.0.0.1")).await, Security::Tls, tls).await {
            Ok(()) => assert!(fits),
            Err(error) => {
                assert!(!fits, "{error}");
                says(&error, "the key does not belong to the certificate", "tls.clientKey");
            }
        }
    }
}

/// Forwards a connection to a server, but replaces the alert `certificate_required`, which TLS 1.2 does not have, with
/// what a TLS 1.2 server sends: `handshake_failure`, or only the end of the connection.
async fn without_its_alert(port: u16, alert: Option<u8>) -> u16 {
    const REQUIRED: &[u8] = b"\x15\x03\x03\0\x02\x02\x74";
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("it listens");
    let own = listener.local_addr().expect("it has an address").port();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.expect("it is connected to");
        let server = TcpStream::connect(("127.0.0.1", port)).await.expect("it connects");
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
        let mut records = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from_server.read(&mut records).await {
            match (records[..length].strip_suffix(REQUIRED), alert) {
                (None, _) => to_client.write_all(&records[..length]).await.expect("it is open"),
                (Some(_), None) => return,
                (Some(before), Some(alert)) => {
                    let changed = [before, &REQUIRED[..6], &[alert]].concat();
                    to_client.write_all(&changed).await.expect("it is open");
                }
            }
        }
    });
    own
}

#[tokio::test]
async fn a_tls_1_2_server_that_requires_a_client_certificate_is_recognised() {
    let authority = Authority::new();
    for (alert, message) in [
        (Some(40), "requires a client certificate"),
        (Some(42), "requires a client certificate"),
        (None, "closed"),
    ] {
        let server = implicit(authority.server_for_known("127.0.0.1", &[&TLS12])).await;
        let port = without_its_alert(server.port(), alert).await;
        let error = send_to(port, Security::Tls, authority.trusted()).await;
        says(&error.expect_err("there is no certificate"), message, "tls.clientCert");
    }
}

#[tokio::test]
async fn a_connection_closed_during_the_handshake_is_reported() {
    let server = FaultServer::start(Scenario::when(Stage::Greeting, Act::Drop)).await;
    let error = send(&server, Security::Tls, TlsSettings::default()).await;
    let error = error.expect_err("there is no encryption");
    assert_eq!((error.code(), error.retry()), (FailureCode::Connect, Retry::Later));
}

#[tokio::test]
async fn a_tls_version_that_the_account_excludes_is_reported() {
    let authority = Authority::new();
    let tls = authority.trusted().min_version(TlsVersion::Tls13);
    let error = fails(authority.server_of_tls12("127.0.0.1"), tls).await;
    says(&error, "no version of TLS in common", "tls.minVersion to 1.2");
}

#[tokio::test]
async fn a_file_without_certificates_is_reported_with_what_it_contains() {
    let whole = VERSION_1.as_bytes();
    let marked = ["\u{feff}".as_bytes(), &VERSION_1.replace('\n', "\r\n").into_bytes()].concat();
    for (text, message) in [
        (b"".to_vec(), "it contains no certificate"),
        (VERSION_1_KEY.into(), "a private key but no certificate"),
        (der(RSA_1024).to_vec(), "not PEM"),
        (whole[..200].to_vec(), "-----END ...----- is missing"),
        (VERSION_1.replacen("MII", "M!I", 1).into(), "not base64"),
        (
            VERSION_1
                .lines()
                .take(2)
                .chain(VERSION_1.lines().last())
                .collect::<Vec<_>>()
                .join("\n")
                .into(),
            "malformed",
        ),
        (marked, ""),
        ([VERSION_1_KEY, VERSION_1].concat().into(), ""),
    ] {
        let (_folder, tls) = trusting(&text);
        let config = server_showing(der(VERSION_1), signing_key(VERSION_1_KEY), &TLS13);
        let sent = send(&implicit(config).await, Security::Tls, tls).await;
        match sent {
            Ok(()) => assert_eq!(message, "", "{}", String::from_utf8_lossy(&text)),
            Err(error) => {
                assert_eq!(error.code(), FailureCode::Account);
                assert_ne!(message, "", "{error}");
                says(&error, message, "tls.ca");
                assert!(!error.to_string().contains('['), "{error}");
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_machine_without_certificate_authorities_is_reported() {
    let line = CommandLine::new();
    // The connection is opened before the authorities are loaded.
    let endpoint = std::net::TcpListener::bind("127.0.0.1:0").expect("it listens");
    let port = endpoint.local_addr().expect("it has an address").port();
    line.write_accounts(&format!(
        "[accounts.mail]\nhost = \"127.0.0.1\"\nport = 9\nfrom = \"a@example.com\"\n\
         [accounts.token]\nhost = \"127.0.0.1\"\nport = 9\nfrom = \"a@example.com\"\nusername = \"a\"\n\
         [accounts.token.oauth2]\ngrant = \"refresh-token\"\nclientId = \"c\"\nrefreshToken = \"r\"\n\
         tokenUrl = \"https://127.0.0.1:{port}/\"\n"
    ));
    let home = line.home().to_str().expect("it is text");
    let variables = [("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", home)];
    for account in ["mail", "token"] {
        let words = ["send", "--account", account, "--to", "b@example.com", "--text", "t"];
        let ran = line.run_with(&words, "", &variables);
        assert!(ran.err.contains("no certificate authorities"), "{}", ran.err);
        assert!(ran.err.contains("ca-certificates"), "{}", ran.err);
    }
}
