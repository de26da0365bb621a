//! Encryption and login: what is required, what is refused, and what is never sent.

use std::sync::Arc;

use serde_json::json;
use smtp_connector_host::accounts::{
    Auth, CertificatePin, ClientCertificate, Security, TlsSettings, TlsVersion,
};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::{
    Account, Connector, Error, FailureCode, Invocation, Phase, Retry, Secret,
};
use smtp_connector_inbox::{Encryption, Inbox};

use crate::support::{
    Act, Authority, FaultServer, Offers, Scenario, Stage, TestEnv, connector_in, host_builder,
};

fn mail() -> serde_json::Value {
    json!({ "to": "bob@example.net", "subject": "x", "body": "y" })
}

#[tokio::test]
async fn each_way_of_encrypting_and_logging_in_works() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1");
    for (encryption, security) in [
        (Some(Encryption::Implicit(Arc::clone(&server))), Security::Tls),
        (Some(Encryption::Starttls(Arc::clone(&server))), Security::Starttls),
        (Some(Encryption::Starttls(server)), Security::StarttlsOptional),
        (None, Security::StarttlsOptional),
        (None, Security::None),
    ] {
        for auth in [Auth::Auto, Auth::Plain, Auth::Login] {
            let encrypted = encryption.is_some();
            let inbox = Inbox::builder().login("user", "pässword");
            let inbox = match &encryption {
                Some(encryption) => inbox.encryption(encryption.clone()),
                None => inbox,
            };
            let tls = TlsSettings::default().ca(authority.file());
            let env = TestEnv::with(inbox, |account| {
                let account = account.security(security).tls(tls).auth(auth);
                account.credentials("user", Secret::new("pässword"))
            })
            .await;
            env.send(&mail()).await.unwrap_or_else(|error| panic!("{security} {auth}: {error:?}"));
            let received = env.received().await;
            assert_eq!(received.user.as_deref(), Some("user"), "{security} {auth}");
            assert_eq!(received.encrypted, encrypted, "{security} {auth}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_reported_once() {
    let inbox = Inbox::builder().login("user", "right");
    let env =
        TestEnv::with(inbox, |account| account.credentials("user", Secret::new("wrong"))).await;
    let error = env.send(&mail()).await.expect_err("the password is wrong");
    assert_eq!((error.code(), error.phase()), (FailureCode::Auth, Phase::Auth));
    assert_eq!(error.retry(), Retry::AfterConfigChange);
    assert_eq!(error.reply().map(|reply| reply.code.get()), Some(535));
    assert!(error.hint().is_some_and(|hint| hint.contains("password")));
}

/// Returns the error of a send with a login through a fault server, with this security and this trusted authority.
async fn fails(server: &FaultServer, security: Security, authority: Option<&Authority>) -> Error {
    let tls = TlsSettings::default().ca(authority.map(Authority::file));
    let error = send(server, security, tls).await.expect_err("it must not be sent");
    let commands = server.seen().commands;
    let spoken = |verb: &str| commands.iter().any(|line| line.starts_with(verb));
    assert!(!spoken("AUTH") && !spoken("MAIL"), "{commands:?}");
    error
}

pub(crate) async fn send(
    server: &FaultServer,
    security: Security,
    tls: TlsSettings,
) -> Result<(), Error> {
    send_to(server.port(), security, tls).await
}

pub(crate) async fn send_to(port: u16, security: Security, tls: TlsSettings) -> Result<(), Error> {
    let account = Account::builder("work", "127.0.0.1")
        .port(port)
        .security(security)
        .tls(tls)
        .sender("alice@example.com")
        .credentials("user", Secret::new("s3cr3t"))
        .build()
        .expect("the settings are right");
    let connector = connector_in(host_builder([account]));
    let mail = Invocation::send_mail(mail().to_string()).account("work");
    connector.invoke(mail).await.map(|_| ())
}

#[tokio::test]
async fn without_starttls_no_credentials_or_mail_are_sent() {
    let server = FaultServer::start(Scenario::default()).await;
    let error = fails(&server, Security::Starttls, None).await;
    assert_eq!((error.code(), error.phase()), (FailureCode::Tls, Phase::Starttls));
    assert_eq!(error.retry(), Retry::AfterConfigChange);
}

#[tokio::test]
async fn plain_text_after_the_starttls_reply_ends_the_connection() {
    let authority = Authority::new();
    for injected in [
        "220 go\r\n250 forged\r\n",
        "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 forged queued\r\n",
        "220 go\r\n25",
    ] {
        let offers = Offers { starttls: Some(authority.server("127.0.0.1")), ..Offers::default() };
        let scenario = Scenario::when(Stage::Starttls, Act::Reply(injected)).offering(offers);
        let server = FaultServer::start(scenario).await;
        let error = fails(&server, Security::Starttls, Some(&authority)).await;
        assert_eq!(
            (error.code(), error.phase()),
            (FailureCode::Tls, Phase::Starttls),
            "{injected}"
        );
    }
}

#[tokio::test]
async fn a_server_with_an_untrusted_certificate_gets_no_commands() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let expired = || {
        let mut params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        authority.server_with(&params)
    };
    let in_common_name_alone = || {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "127.0.0.1");
        authority.server_with(&params)
    };
    for (config, words) in [
        (authority.server("mail.example.com"), "it is not for 127.0.0.1"),
        (in_common_name_alone(), "it is not for 127.0.0.1"),
        (stranger.server("127.0.0.1"), "no trusted authority"),
        (Authority::self_signed("127.0.0.1"), "self-signed"),
        (expired(), "expired"),
    ] {
        for (security, implicit) in [
            (Security::Tls, true),
            (Security::Starttls, false),
            (Security::StarttlsOptional, false),
        ] {
            let config = Some(Arc::clone(&config));
            let offers = match implicit {
                true => Offers { implicit: config, ..Offers::default() },
                false => Offers { starttls: config, ..Offers::default() },
            };
            let server = FaultServer::start(Scenario::default().offering(offers)).await;
            let error = fails(&server, security, Some(&authority)).await;
            assert_eq!(error.code(), FailureCode::Tls, "{error}");
            assert_eq!(error.retry(), Retry::AfterConfigChange);
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

#[tokio::test]
async fn tls_on_a_starttls_port_is_explained() {
    let server = FaultServer::start(Scenario::default()).await;
    let error = fails(&server, Security::Tls, None).await;
    assert_eq!((error.code(), error.phase()), (FailureCode::Tls, Phase::Connect));
    assert!(error.hint().is_some_and(|hint| hint.contains("starttls")), "{error:?}");
}

#[tokio::test]
async fn versions_before_tls_1_2_are_refused() {
    // An alert and a ServerHello of TLS 1.1.
    const ALERT: &str = "\x15\x03\x02\x00\x02\x02\x46";
    const HELLO: &str = concat!(
        "\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02",
        "0123456789abcdef0123456789abcdef",
        "\x00\x00\x2f\x00",
    );
    for answer in [ALERT, HELLO] {
        let server = FaultServer::start(Scenario::when(Stage::Greeting, Act::Reply(answer))).await;
        let error = fails(&server, Security::Tls, Some(&Authority::new())).await;
        assert_eq!((error.code(), error.phase()), (FailureCode::Tls, Phase::Connect), "{error}");
        assert_eq!(error.retry(), Retry::AfterConfigChange);
        assert!(error.hint().is_some_and(|hint| hint.contains("1.2")), "{error:?}");
    }
}

pub(crate) async fn implicit(config: Arc<rustls::ServerConfig>) -> FaultServer {
    let offers = Offers { implicit: Some(config), ..Offers::default() };
    FaultServer::start(Scenario::default().offering(offers)).await
}

#[tokio::test]
async fn the_minimum_tls_version_is_enforced() {
    let authority = Authority::new();
    for (min_version, sent) in [(TlsVersion::Tls12, true), (TlsVersion::Tls13, false)] {
        let server = implicit(authority.server_of_tls12("127.0.0.1")).await;
        let tls = TlsSettings::default().ca(authority.file()).min_version(min_version);
        match send(&server, Security::Tls, tls).await {
            Ok(()) => assert!(sent, "{min_version:?}"),
            Err(error) => {
                assert!(!sent, "{error:?}");
                assert_eq!(error.code(), FailureCode::Tls);
                assert!(error.hint().is_some_and(|hint| hint.contains("minVersion")), "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn only_the_pinned_certificate_is_trusted() {
    let (stranger, other) = (Authority::new(), Authority::new());
    let sha256 = |octets: &[u8]| -> [u8; 32] {
        ring::digest::digest(&ring::digest::SHA256, octets).as_ref().try_into().expect("32 octets")
    };
    for whole in [true, false] {
        // With a pin, not even the name is checked.
        let (config, certificate, key) = stranger.server_and_hashes("mail.example.com");
        let pin = match whole {
            true => CertificatePin::Certificate(sha256(&certificate)),
            false => CertificatePin::PublicKey(sha256(&key)),
        };
        let tls = || TlsSettings::default().pin(pin);
        send(&implicit(config).await, Security::Tls, tls()).await.expect("it is the one");
        for config in [stranger.server("mail.example.com"), other.server("127.0.0.1")] {
            let server = implicit(config).await;
            let error = send(&server, Security::Tls, tls()).await.expect_err("it is another");
            assert_eq!(error.code(), FailureCode::Tls);
            assert!(error.to_string().contains("pinned"), "{error}");
            assert!(server.seen().commands.is_empty());
        }
    }
}

#[tokio::test]
async fn any_certificate_is_accepted_with_the_danger_setting() {
    let server = implicit(Authority::new().server("mail.example.com")).await;
    let tls = TlsSettings::default().danger_accept_invalid_certificates(true);
    send(&server, Security::Tls, tls).await.expect("nothing is checked");
}

#[tokio::test]
async fn a_server_that_asks_gets_the_accounts_client_certificate() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (certificate, key) = authority.write_pair("client.example.com", folder.path());
    let other_folder = tempfile::tempdir().expect("a temporary folder can be made");
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let ca = Some(authority.file());
        let own = ClientCertificate { certificate: certificate.clone(), key: key.clone() };
        let known = TlsSettings::default().ca(ca.clone()).client_certificate(own);
        let server = implicit(authority.server_for_known("127.0.0.1", versions)).await;
        send(&server, Security::Tls, known).await.expect("the client is known");

        let nobody = TlsSettings::default().ca(ca);
        let error = send(&server, Security::Tls, nobody).await.expect_err("no client certificate");
        assert_eq!((error.code(), error.retry()), (FailureCode::Tls, Retry::AfterConfigChange));
        assert!(error.to_string().contains("requires a client certificate"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("tls.clientCert")), "{error:?}");

        let other = Authority::new();
        let (certificate, key) = other.write_pair("client.example.com", other_folder.path());
        let own = ClientCertificate { certificate, key };
        let unknown = authority.trusted().client_certificate(own);
        let error = send(&server, Security::Tls, unknown).await.expect_err("it is unknown");
        assert_eq!((error.code(), error.retry()), (FailureCode::Tls, Retry::AfterConfigChange));
        assert!(error.to_string().contains("does not accept the account's client"), "{error}");
    }
    #[cfg(unix)]
    for (file, mode, words) in
        [(&key, 0o644, "others may read"), (&authority.file(), 0o666, "others may write")]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let own = ClientCertificate { certificate: certificate.clone(), key: key.clone() };
        let tls = TlsSettings::default().ca(authority.file()).client_certificate(own);
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).expect("it is ours");
        let server = implicit(authority.server("127.0.0.1")).await;
        let error = send(&server, Security::Tls, tls).await.expect_err("it is exposed");
        assert_eq!(error.code(), FailureCode::Account);
        assert!(error.to_string().contains(words), "{error}");
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    }
    let missing = ClientCertificate { certificate: "no.pem".into(), key: "no.key".into() };
    let tls = TlsSettings::default().client_certificate(missing);
    let server = implicit(authority.server("127.0.0.1")).await;
    let error = send(&server, Security::Tls, tls).await.expect_err("there is no such file");
    assert_eq!(error.code(), FailureCode::Account);
    assert!(error.to_string().contains("no.pem"), "{error}");
}

#[tokio::test]
async fn an_encrypted_client_key_is_reported_as_encrypted() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (certificate, key) = authority.write_pair("client.example.com", folder.path());
    for pem in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMAA=\n\
         -----END RSA PRIVATE KEY-----\n",
    ] {
        std::fs::write(&key, pem).expect("it can be written");
        let own = ClientCertificate { certificate: certificate.clone(), key: key.clone() };
        let tls = authority.trusted().client_certificate(own);
        let server = implicit(authority.server("127.0.0.1")).await;
        let error = send(&server, Security::Tls, tls).await.expect_err("it cannot be read");
        assert_eq!(error.code(), FailureCode::Account);
        assert!(error.to_string().contains("is encrypted with a passphrase"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("openssl pkey -in")), "{error:?}");
        assert!(server.seen().commands.is_empty());
    }
}

#[tokio::test]
async fn a_host_with_a_trailing_dot_uses_the_certificate_of_the_name() {
    let authority = Authority::new();
    let pooled = SmtpTransport::new().danger_allow_private_hosts();
    for transport in [pooled.clone(), pooled.without_pool()] {
        let server = implicit(authority.server("localhost")).await;
        let account = Account::builder("work", "localhost.")
            .port(server.port())
            .security(Security::Tls)
            .tls(authority.trusted())
            .sender("alice@example.com")
            .credentials("user", Secret::new("s3cr3t"));
        let account = account.build().expect("the settings are right");
        let host = host_builder([account]).transport(transport).build().expect("the sandbox runs");
        let connector = Connector::builtin(&host).expect("a component");
        for _ in 0..2 {
            let mail = Invocation::send_mail(mail().to_string()).account("work");
            connector.invoke(mail).await.expect("it is the server's name");
        }
        let (login, sent) = ("AUTH", server.seen().complete);
        assert!(server.seen().commands.iter().any(|line| line.starts_with(login)));
        assert_eq!(sent, 2);
    }
}

#[tokio::test]
async fn with_require_tls_the_mail_is_sent_only_if_the_server_offers_it() {
    let authority = Authority::new();
    for offered in [true, false] {
        let keyword = if offered { "REQUIRETLS" } else { "8BITMIME" };
        let offers = Offers {
            extensions: Some(vec!["PIPELINING", "AUTH PLAIN", keyword]),
            implicit: Some(authority.server("127.0.0.1")),
            ..Offers::default()
        };
        let server = FaultServer::start(Scenario::default().offering(offers)).await;
        let tls = TlsSettings::default().ca(authority.file()).require_tls(true);
        let outcome = send(&server, Security::Tls, tls).await;
        let commands = server.seen().commands;
        let asked = commands.iter().any(|line| line == "MAIL FROM:<alice@example.com> REQUIRETLS");
        assert_eq!((outcome.is_ok(), asked), (offered, offered), "{commands:?}");
        if let Err(error) = outcome {
            assert_eq!((error.code(), error.retry()), (FailureCode::Tls, Retry::AfterConfigChange));
        }
    }
}
