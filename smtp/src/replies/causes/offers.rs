//! Servers that do not offer a feature that the account needs.

use crate::failure::Mend;
use crate::failure::Phase::Ehlo;
use crate::replies::causes::{Cause, ROW};
use crate::replies::{Given, Lack};

pub(crate) const CAUSES: &[Cause] = &[
    Cause {
        name: "starttls-stripped",
        lack: Some(Lack::Starttls),
        given: &[Given::Provider],
        mend: Some(Mend::TLS_PORT),
        hint: "this provider offers STARTTLS, so something on the network may be removing it: try port 465 with \
               security = \"tls\"",
        samples: &[(Ehlo, "250 SIZE 35882577")],
        ..ROW
    },
    Cause {
        name: "no-starttls-without-login",
        lack: Some(Lack::Starttls),
        given: &[Given::NoLogin],
        mend: Some(Mend::TLS_PORT),
        hint: "for a relay on your own network, set security = \"none\": mail is then sent unencrypted. For any other \
               server, try port 465 with security = \"tls\": something on the network may be removing STARTTLS",
        samples: &[(Ehlo, "250 SIZE 1000000")],
        ..ROW
    },
    Cause {
        name: "no-starttls",
        lack: Some(Lack::Starttls),
        given: &[Given::Login],
        mend: Some(Mend::TLS_PORT),
        hint: "try port 465 with security = \"tls\": something on the network may be removing STARTTLS. If the server \
               is a relay on your own network without login or encryption, remove the username and set \
               security = \"none\"",
        samples: &[(Ehlo, "250 AUTH PLAIN LOGIN")],
        ..ROW
    },
    Cause {
        name: "no-login-before-starttls",
        lack: Some(Lack::Login),
        given: &[Given::Cleartext, Given::StarttlsOffered],
        mend: Some(Mend::security("starttls")),
        hint: "the server may offer a login only over an encrypted connection: set security = \"starttls\"",
        samples: &[(Ehlo, "250 STARTTLS")],
        ..ROW
    },
    Cause {
        name: "no-login-in-the-clear",
        lack: Some(Lack::Login),
        given: &[Given::Cleartext],
        mend: Some(Mend::STARTTLS_PORT),
        hint: "if the server does not need a login, remove the account's username and password. Otherwise use port 587 \
               with security = \"starttls\", or port 465 with security = \"tls\": port 25 is for mail between servers, \
               and most servers do not offer a login without encryption",
        samples: &[(Ehlo, "250 SIZE 1000000")],
        ..ROW
    },
    Cause {
        name: "no-login",
        lack: Some(Lack::Login),
        hint: "if the server does not need a login, remove the account's username and password. Otherwise check the \
               port: the account uses {host} port {port}, and servers offer a login on port 587 or 465",
        samples: &[(Ehlo, "250 8BITMIME")],
        given: &[Given::Encrypted],
        ..ROW
    },
    Cause {
        name: "token-not-offered",
        lack: Some(Lack::Mechanism),
        given: &[Given::AutoAuth, Given::Token],
        hint: "the server does not accept access tokens: log in with a password",
        samples: &[(Ehlo, "250 AUTH PLAIN LOGIN")],
        ..ROW
    },
    Cause {
        name: "tokens-alone-offered",
        lack: Some(Lack::Mechanism),
        given: &[Given::AutoAuth, Given::TokensOffered],
        hint: "the server accepts only access tokens: set the account's oauth2",
        samples: &[(Ehlo, "250 AUTH XOAUTH2")],
        ..ROW
    },
    Cause {
        name: "unknown-mechanisms-offered",
        lack: Some(Lack::Mechanism),
        given: &[Given::AutoAuth],
        hint: "ask the server's administrator for another way to log in",
        samples: &[(Ehlo, "250 AUTH GSSAPI NTLM")],
        ..ROW
    },
    Cause {
        name: "chosen-mechanism-not-offered",
        lack: Some(Lack::Mechanism),
        given: &[Given::ChosenAuth],
        mend: Some(Mend::AutoAuth),
        hint: "set the account's auth to auto, which uses the best mechanism that the server offers",
        samples: &[(Ehlo, "250 AUTH GSSAPI PLAIN")],
        ..ROW
    },
];
