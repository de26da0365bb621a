//! Servers that refuse to relay mail to other domains.

use crate::failure::Phase::{FinalReply, MailFrom, RcptTo};
use crate::failure::Retry::AfterConfigChange;
use crate::replies::Given;
use crate::replies::cause::SENDING;
use crate::replies::causes::{Cause, ROW};

/// Phrases of Postfix and Microsoft 365, Sendmail, Exim, Exchange, hMailServer, cPanel and qmail.
const DENIED: &[&str] = &[
    "relay access denied",
    "relaying denied",
    "relay denied",
    "relay not permitted",
    "relaying is not permitted",
    "relaying not allowed",
    "unable to relay",
    "we do not relay",
    "not permitted to relay",
    "rcpthosts",
];

pub(crate) const CAUSES: &[Cause] = &[
    Cause {
        name: "relay-denied-without-login",
        phases: SENDING,
        words: DENIED,
        given: &[Given::NoLogin],
        retry: Some(AfterConfigChange),
        hint: "the server does not relay mail to other domains without a login: set the account's username and \
               password, or use your own provider's server",
        samples: &[
            (RcptTo, "554 5.7.1 <b@example.net>: Relay access denied"),
            (RcptTo, "454 4.7.1 <b@example.net>: Relay access denied"),
            (
                RcptTo,
                "550 5.7.1 <b@example.net>... Relaying denied. Proper authentication required.",
            ),
            (RcptTo, "550 relay not permitted"),
            (RcptTo, "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"),
            (RcptTo, "550 5.7.1 Unable to relay"),
            (RcptTo, "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),
            (RcptTo, "513 Relaying denied."),
            (MailFrom, "550-5.7.1 Mail relay denied [192.0.2.1].\n550 5.7.1 - gsmtp"),
        ],
        ..ROW
    },
    Cause {
        name: "relay-denied-after-login",
        phases: SENDING,
        words: DENIED,
        given: &[Given::Login],
        retry: Some(AfterConfigChange),
        hint: "the server does not relay for this account, although the login succeeded: use a sender in the account's \
               domain, and the server and port that the provider documents for sending",
        samples: &[
            (RcptTo, "550 5.7.1 Relaying denied"),
            (FinalReply, "550 5.7.0 Mail relay denied - gsmtp"),
        ],
        ..ROW
    },
];
