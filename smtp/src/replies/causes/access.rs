//! Servers that require encryption or a login first.

use crate::failure::Phase::{Auth, FinalReply, MailFrom, RcptTo};
use crate::failure::Retry::AfterConfigChange;
use crate::failure::{FailureCode, Mend};
use crate::replies::Given;
use crate::replies::cause::{ENVELOPE, SENDING};
use crate::replies::causes::{Cause, ROW};

pub(crate) const ENCRYPTION: &[Cause] = &[
    Cause {
        name: "requiretls-refused",
        phases: SENDING,
        enhanced: &["5.7.30"],
        words: &["requiretls support required"],
        retry: Some(AfterConfigChange),
        hint: "a mail server on the way does not support REQUIRETLS: remove the account's tls.requireTls, or contact \
               the recipient in another way",
        samples: &[(FinalReply, "550 5.7.30 REQUIRETLS support required")],
        ..ROW
    },
    Cause {
        name: "encryption-required",
        words: &[
            "must issue a starttls",
            "must issue starttls",
            "starttls command first",
            "session encryption is required",
            "encryption required for requested authentication",
            "only with ssl or tls",
        ],
        enhanced: &["5.7.10", "5.7.11"],
        code: Some(FailureCode::Auth),
        retry: Some(AfterConfigChange),
        mend: Some(Mend::STARTTLS_PORT),
        hint: "the server requires an encrypted connection: set security = \"starttls\" with port 587, or \
               security = \"tls\" with port 465",
        samples: &[
            (MailFrom, "530 5.7.0 Must issue a STARTTLS command first"),
            (MailFrom, "530 5.7.0 Must issue a STARTTLS command first. 5b1f17b1804b1-43d - gsmtp"),
            (Auth, "538 5.7.11 Encryption required for requested authentication mechanism"),
            (RcptTo, "450 4.7.1 Session encryption is required"),
            (MailFrom, "550 SMTP is available only with SSL or TLS connection enabled."),
        ],
        ..ROW
    },
];

/// Phrases of servers that require a login.
const LOGIN_FIRST: &[&str] = &[
    "authentication required",
    "authentication is required",
    "must authenticate",
    "please authenticate",
    "send auth command first",
    "unauthenticated senders not allowed",
    "client was not authenticated",
    "client not authenticated",
    "not logged in",
];

pub(crate) const LOGIN: &[Cause] = &[
    Cause {
        name: "login-required",
        phases: ENVELOPE,
        words: LOGIN_FIRST,
        enhanced: &["5.7.57"],
        given: &[Given::NoLogin],
        code: Some(FailureCode::Auth),
        retry: Some(AfterConfigChange),
        hint: "the server requires a login: set the account's username and password",
        samples: &[
            (MailFrom, "530 5.7.0 Authentication Required. For more information, go to"),
            (MailFrom, "530 5.7.57 Client not authenticated to send mail."),
            (MailFrom, "530 Authentication required"),
            (MailFrom, "503 5.5.4 Error: send AUTH command first."),
            (MailFrom, "550 Unauthenticated senders not allowed"),
            (RcptTo, "550 Please authenticate"),
            (RcptTo, "553 5.7.1 <a@example.com>: Sender address rejected: not logged in"),
        ],
        ..ROW
    },
    Cause {
        name: "login-not-enough",
        phases: ENVELOPE,
        words: LOGIN_FIRST,
        enhanced: &["5.7.57"],
        code: Some(FailureCode::Auth),
        retry: Some(AfterConfigChange),
        hint: "the server ignores the account's login on this port: use the server and the port that the provider \
               documents for sending, usually 587 or 465",
        given: &[Given::Login],
        samples: &[(RcptTo, "530 5.7.1 Authentication required")],
        ..ROW
    },
    Cause {
        name: "access-refused",
        phases: ENVELOPE,
        codes: &[530, 538],
        hint: "the server requires an encrypted connection or a login: set security, username and password",
        samples: &[(MailFrom, "530 5.7.1 Access denied")],
        code: Some(FailureCode::Auth),
        ..ROW
    },
];
