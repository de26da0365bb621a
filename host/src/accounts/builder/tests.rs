use super::*;
use smtp_connector_smtp::secret::Secret;

#[test]
fn security_follows_the_port_unless_it_is_given() {
    let security = |builder: AccountBuilder| builder.build().map(|account| account.security());
    let builder = || Account::builder("work", "smtp.example.com");
    assert_eq!(security(builder()).ok(), Some(Security::Starttls));
    assert_eq!(security(builder().port(465)).ok(), Some(Security::Tls));
    assert_eq!(security(builder().port(2465)).ok(), Some(Security::Tls));
    let none = builder().port(465).security(Security::None);
    assert_eq!(security(none).ok(), Some(Security::None));
    for (host, port, expected) in [
        ("localhost", 1025, Security::None),
        ("127.0.0.1", 1025, Security::None),
        ("localhost", 587, Security::Starttls),
        ("mailpit", 1025, Security::Starttls),
        ("192.168.1.2", 1025, Security::Starttls),
    ] {
        let found = security(Account::builder("work", host).port(port));
        assert_eq!(found.ok(), Some(expected), "{host}:{port}");
    }
    let login = Account::builder("work", "localhost").port(1025);
    let login = login.credentials("user", Secret::new("s3cr3t"));
    assert_eq!(security(login).ok(), Some(Security::Starttls), "Proton Mail Bridge");
    let provider = Account::with_provider("work", Preset::find("sendgrid").expect("known"));
    let provider = provider.credentials("apikey", Secret::new("SG.x"));
    assert_eq!(security(provider.clone().port(465)).ok(), Some(Security::Tls));
    assert_eq!(security(provider.port(2525)).ok(), Some(Security::Starttls));
}

#[test]
fn credentials_do_not_go_elsewhere_in_the_clear() {
    let login = |host| {
        Account::builder("work", host)
            .security(Security::None)
            .credentials("user", Secret::new("s3cr3t"))
            .build()
    };
    assert!(login("127.0.0.1").is_ok());
    assert!(login("localhost").is_ok());
    assert!(login("::1").is_ok());
    let error = login("192.0.2.1").expect_err("another machine");
    assert!(error.hint().is_some());
    assert!(Account::builder("work", "192.0.2.1").security(Security::None).build().is_ok());
}

#[test]
fn credentials_that_would_end_early_are_refused_and_not_shown() {
    let builder = || Account::builder("work", "mail.example");
    for control in ["\0", "\x01", "\t", "\r", "\n", "\x1b", "\x7f", "\u{85}"] {
        let username = format!("al{control}ice");
        for builder in [
            builder().credentials(&username, Secret::new("s3cr3t")),
            builder().credentials(&username, Secret::new("t0k3n")).auth(Auth::XOAuth2),
            builder().oauth2(&username, OAuth2::token(Secret::new("t0k3n"))),
        ] {
            let error = builder.build().expect_err("a username with a control character");
            assert!(error.to_string().starts_with("username: "), "{error}");
            assert!(error.hint().is_some() && !error.to_string().contains("ice"), "{error}");
        }
    }
    for (auth, by_token, secret, is_right) in [
        (Auth::Auto, false, "s3c\0r3t", false),
        (Auth::Plain, false, "\0", false),
        (Auth::Login, false, "s3c\0r3t", false),
        (Auth::CramMd5, false, "s3cr3t\0", false),
        (Auth::ScramSha256, false, "s3c\0r3t", false),
        (Auth::Auto, false, "s3cr3t\r\n", false),
        (Auth::Login, false, "s3c\nr3t", false),
        (Auth::Auto, false, "s3c r3t\t\u{e4}", true),
        (Auth::XOAuth2, false, "t0k\x013n", false),
        (Auth::OAuthBearer, false, "t0k 3n", false),
        (Auth::Auto, true, "t0k\x01auth=x", false),
        (Auth::Auto, true, "t0k\u{e4}n", false),
        (Auth::Auto, true, "t0k\0n", false),
        (Auth::Auto, true, "ya29.t0k-3n_/+~==", true),
    ] {
        let builder = match by_token {
            false => builder().credentials("alice", Secret::new(secret)),
            true => builder().oauth2("alice", OAuth2::token(Secret::new(secret))),
        };
        let built = builder.auth(auth).build();
        assert_eq!(built.is_ok(), is_right, "{auth} {secret:?}");
        if let Err(error) = built {
            let shown = format!("{error} {error:?}");
            assert!(error.hint().is_some(), "{shown}");
            assert!(!shown.contains("s3c") && !shown.contains("t0k"), "{shown}");
        }
    }
}

#[test]
fn settings_that_cannot_be_used_are_refused() {
    for builder in [
        Account::builder("../other", "mail.example"),
        Account::builder("", "mail.example"),
        Account::builder("work", ""),
        Account::builder("work", "smtps://mail.example"),
        Account::builder("work", "mail.example").port(0),
        Account::builder("work", "mail.example").ehlo_name("a b"),
        Account::builder("work", "mail.example").ehlo_name("x\r\nMAIL FROM:<a@x.test>"),
        Account::builder("work", "mail.example").auth(Auth::Plain),
        Account::builder("work", "mail.example").auth(Auth::XOAuth2),
        Account::builder("work", "mail.example")
            .oauth2("user", OAuth2::token(Secret::new("t0k3n")))
            .auth(Auth::ScramSha256),
        Account::builder("work", "mail.example").tls(
            TlsSettings::default()
                .ca(Some("ca.pem".into()))
                .danger_accept_invalid_certificates(true),
        ),
        Account::builder("work", "mail.example")
            .security(Security::None)
            .tls(TlsSettings::default().require_tls(true)),
        Account::builder("work", "mail.example").sender("alice"),
        Account::builder("work", "mail.example").sender("alice@example.com\r\nBcc: x@x.test"),
    ] {
        let shown = format!("{builder:?}");
        assert!(builder.build().is_err(), "{shown}");
    }
}
