//! What is left when a reply shows no cause: its class and its phase.

use crate::failure::Phase::{self, Ehlo, FinalReply, Greeting, MailFrom, RcptTo, Starttls};
use crate::replies::cause::{MESSAGE, OPENING};
use crate::replies::causes::{Cause, ROW};

pub(crate) const CAUSES: &[Cause] = &[
    Cause {
        name: "starttls-unavailable",
        phases: &[Starttls],
        codes: &[4],
        hint: "the server cannot encrypt at the moment: try again later; port 465 with security = \"tls\" may work now",
        samples: &[(Starttls, "454 4.7.0 TLS not available due to local problem")],
        ..ROW
    },
    Cause {
        name: "starttls-refused",
        phases: &[Starttls],
        codes: &[5],
        hint: "port 465 with security = \"tls\" may work",
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
        hint: "the server may refuse this machine's address: check host and port, and that it is meant for you",
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
        hint: "use a sender that this account may send as",
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
        hint: "the server's policy refuses this recipient: the server's words say why. Where the account has no login, \
               one may be needed",
        samples: &[(
            RcptTo,
            "554 5.7.1 <b@example.net>: Recipient address rejected: Access denied",
        )],
        ..ROW
    },
    Cause {
        name: "recipient-refused",
        phases: &[RcptTo],
        hint: "check the address, and what the server says of it",
        samples: &[
            (RcptTo, "550 Administrative prohibition"),
            (RcptTo, "551 User not local; please try"),
        ],
        ..ROW
    },
    Cause {
        name: "message-refused",
        phases: MESSAGE,
        hint: "the server's words say why: it may dislike the sender, a link or an attachment",
        samples: &[
            (FinalReply, "554 5.6.0 rejected"),
            (FinalReply, "550 5.7.1 Message rejected under suspicion of policy violation"),
            (Phase::Data, "554 5.5.1 Error: no valid recipients"),
        ],
        ..ROW
    },
];
