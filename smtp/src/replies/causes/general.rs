//! Fallback rows, for replies without a specific cause: they match the class and the phase.

use crate::failure::Phase::{self, Ehlo, FinalReply, Greeting, MailFrom, RcptTo, Starttls};
use crate::replies::cause::{MESSAGE, OPENING};
use crate::replies::causes::{Cause, ROW};

pub(crate) const CAUSES: &[Cause] = &[
    Cause {
        name: "starttls-unavailable",
        phases: &[Starttls],
        codes: &[4],
        hint: "the server cannot start TLS at the moment: try again later, or try port 465 with security = \"tls\" now",
        samples: &[(Starttls, "454 4.7.0 TLS not available due to local problem")],
        ..ROW
    },
    Cause {
        name: "starttls-refused",
        phases: &[Starttls],
        codes: &[5],
        hint: "try port 465 with security = \"tls\"",
        samples: &[(Starttls, "502 5.5.1 Error: command not implemented")],
        ..ROW
    },
    Cause {
        name: "for-now",
        codes: &[4],
        hint: "try again later",
        samples: &[
            (MailFrom, "451 4.3.0 Temporary failure"),
            (RcptTo, "450 4.7.1 <b@example.net>: Recipient address rejected: Try again"),
            (FinalReply, "451 4.3.0 Error: queue file write error"),
        ],
        ..ROW
    },
    Cause {
        name: "machine-refused",
        phases: OPENING,
        hint: "the server may block this machine's address: check host and port, and that you may use this server",
        samples: &[
            (Greeting, "554 5.7.1 No SMTP service here"),
            (Greeting, "554 mx.test ESMTP not accepting connections"),
            (Ehlo, "550 5.7.1 Access denied"),
        ],
        ..ROW
    },
    Cause {
        name: "sender-not-taken",
        phases: &[MailFrom],
        hint: "use a sender address that belongs to this account",
        samples: &[
            (MailFrom, "550 5.7.1 not yours"),
            (MailFrom, "501 5.1.7 Bad sender address syntax"),
        ],
        ..ROW
    },
    Cause {
        name: "recipient-policy",
        phases: &[RcptTo],
        enhanced: &["5.7."],
        hint: "the server's policy refuses this recipient: see the reason in the server's reply. If the account does \
               not log in, the server may require a login",
        samples: &[(
            RcptTo,
            "554 5.7.1 <b@example.net>: Recipient address rejected: Access denied",
        )],
        ..ROW
    },
    Cause {
        name: "recipient-refused",
        phases: &[RcptTo],
        hint: "check the address, and the server's reply to it",
        samples: &[
            (RcptTo, "550 Administrative prohibition"),
            (RcptTo, "551 User not local; please try"),
        ],
        ..ROW
    },
    Cause {
        name: "message-refused",
        phases: MESSAGE,
        hint: "see the reason in the server's reply: the cause may be the sender, a link or an attachment",
        samples: &[
            (FinalReply, "554 5.6.0 rejected"),
            (FinalReply, "550 5.7.1 Message rejected under suspicion of policy violation"),
            (Phase::Data, "554 5.5.1 Error: no valid recipients"),
        ],
        ..ROW
    },
];
