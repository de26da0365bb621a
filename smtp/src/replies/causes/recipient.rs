//! Refused recipients.

use crate::failure::Phase::{self, FinalReply, RcptTo};
use crate::failure::Retry::{AfterConfigChange, Later, Never};
use crate::replies::Given;
use crate::replies::causes::{Cause, ROW};

const RECIPIENT: &[Phase] = &[RcptTo, Phase::Data, FinalReply];

/// Rows that must match before the rows with phrases about logins.
pub(crate) const CHOSEN_SENDERS: &[Cause] = &[Cause {
    name: "recipient-takes-chosen-senders",
    phases: RECIPIENT,
    enhanced: &["5.7.124", "5.7.129", "5.7.133", "5.7.134"],
    words: &[
        "not in allowed-senders list",
        "notauthorizedforgroup",
        "senderauthenticated",
        "sendernotauthenticated",
    ],
    retry: Some(AfterConfigChange),
    hint: "the group or mailbox accepts mail only from chosen senders: ask its owner to allow this sender",
    samples: &[
        (RcptTo, "550 5.7.124 Sender not in allowed-senders list"),
        (
            RcptTo,
            "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed",
        ),
    ],
    ..ROW
}];

pub(crate) const CAUSES: &[Cause] = &[
    Cause {
        name: "greylisted",
        phases: RECIPIENT,
        codes: &[4],
        words: &["greylist", "graylist", "grey-list", "grey list"],
        hint: "the server refuses the first attempt of an unknown sender (greylisting): try again in 10 minutes",
        samples: &[
            (
                RcptTo,
                "450 4.2.0 <b@example.net>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.net.html",
            ),
            (RcptTo, "451 4.7.1 Greylisting in action, please come back in 00:05:00"),
        ],
        ..ROW
    },
    Cause {
        name: "mailbox-full",
        phases: RECIPIENT,
        enhanced: &["4.2.2", "5.2.2"],
        words: &[
            "mailbox full",
            "mailbox is full",
            "over quota",
            "quota exceeded",
            "exceeded storage allocation",
            "out of storage space",
        ],
        retry: Some(Later),
        hint: "the recipient's mailbox is full: try again later, or contact the recipient in another way",
        samples: &[
            (
                RcptTo,
                "552 5.2.2 <b@example.net>: Recipient address rejected: Quota exceeded (mailbox for user is full)",
            ),
            (
                RcptTo,
                "452-4.2.2 The recipient's inbox is out of storage space. Please direct the\n452 4.2.2 recipient to https://support.google.com/mail/?p=OverQuotaTemp - gsmtp",
            ),
            (RcptTo, "552 Requested mail action aborted: exceeded storage allocation"),
            (FinalReply, "552 5.2.2 mailbox full"),
        ],
        ..ROW
    },
    Cause {
        name: "recipient-domain-not-found",
        phases: RECIPIENT,
        enhanced: &["4.1.2", "5.1.2"],
        words: &["recipient address rejected: domain", "host or domain name not found"],
        retry: Some(Never),
        hint: "the recipient's domain does not exist or does not accept mail: check the address after the @",
        samples: &[
            (RcptTo, "450 4.1.2 <b@example.test>: Recipient address rejected: Domain not found"),
            (
                RcptTo,
                "556 5.1.10 <b@example.test>: Recipient address rejected: Domain example.test does not accept mail (nullMX)",
            ),
            (RcptTo, "550 5.1.2 <b@example.test>... Host unknown"),
        ],
        ..ROW
    },
    Cause {
        name: "recipient-unrouteable",
        phases: RECIPIENT,
        words: &["unrouteable address"],
        retry: Some(Never),
        hint: "the server cannot find a route to this recipient: check the address on both sides of the @",
        samples: &[(RcptTo, "550 Unrouteable address")],
        ..ROW
    },
    Cause {
        name: "recipient-unknown-or-relay",
        phases: RECIPIENT,
        codes: &[5],
        words: &["invalid recipient"],
        given: &[Given::NoLogin],
        retry: Some(Never),
        hint: "the mailbox does not exist, or the server accepts mail for other domains only after a login: check the \
               address, or set the account's username and password",
        samples: &[(RcptTo, "550 Invalid recipient: <b@example.net>")],
        ..ROW
    },
    Cause {
        name: "recipient-unknown",
        phases: RECIPIENT,
        codes: &[5],
        enhanced: &["5.1.1", "5.1.10"],
        words: &[
            "user unknown",
            "unknown user",
            "no such user",
            "no such recipient",
            "no such mailbox",
            "no mailbox here by that name",
            "unknown recipient",
            "invalid recipient",
            "recipient not found",
            "recipientnotfound",
            "mailbox not found",
            "user not found",
            "user doesn't have a",
            "mailbox unavailable",
        ],
        retry: Some(Never),
        hint: "the server does not know a mailbox with this name: check the address before the @",
        samples: &[
            (
                RcptTo,
                "550 5.1.1 <b@example.net>: Recipient address rejected: User unknown in virtual mailbox table",
            ),
            (
                RcptTo,
                "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550 5.1.1 double-checking the recipient's email address for typos or unnecessary spaces. - gsmtp",
            ),
            (
                RcptTo,
                "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
            ),
            (RcptTo, "550 No Such User Here"),
            (RcptTo, "511 sorry, no mailbox here by that name (#5.1.1)"),
            (RcptTo, "550 Requested action not taken: mailbox unavailable"),
            (RcptTo, "554 delivery error: dd This user doesn't have a yahoo.com account"),
        ],
        ..ROW
    },
    Cause {
        name: "recipient-disabled",
        phases: RECIPIENT,
        codes: &[5],
        enhanced: &["5.2.1"],
        words: &[
            "mailbox disabled",
            "account is inactive",
            "account has been disabled",
            "mailbox is disabled",
        ],
        retry: Some(Never),
        hint: "the recipient's mailbox is disabled: ask the recipient for another address",
        samples: &[
            (
                RcptTo,
                "550-5.2.1 The email account that you tried to reach is inactive. For more\n550 5.2.1 information, go to https://support.google.com/mail/?p=DisabledUser",
            ),
            (RcptTo, "554 5.2.1 mailbox disabled"),
        ],
        ..ROW
    },
    Cause {
        name: "recipient-syntax",
        phases: RECIPIENT,
        codes: &[5],
        enhanced: &["5.1.3"],
        words: &[
            "bad recipient address syntax",
            "recipient address has null",
            "syntax error in parameters",
        ],
        retry: Some(Never),
        hint: "the recipient's address is not valid for the server: check its spelling",
        samples: &[
            (RcptTo, "501 5.1.3 Bad recipient address syntax"),
            (RcptTo, "555 5.5.2 Syntax error in parameters"),
        ],
        ..ROW
    },
    Cause {
        name: "mailbox-refuses",
        phases: RECIPIENT,
        codes: &[5],
        enhanced: &["5.2."],
        hint: "the recipient's mailbox refused the message: see the reason in the server's reply",
        samples: &[(RcptTo, "550 5.2.0 Mailbox does not accept mail")],
        ..ROW
    },
];
