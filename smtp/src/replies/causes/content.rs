//! Refused messages: their size, content and encoding.

use crate::failure::FailureCode::TooLarge;
use crate::failure::Phase::{Body, FinalReply, MailFrom, RcptTo};
use crate::failure::Retry::Never;
use crate::replies::cause::{MESSAGE, SENDING, SIZED};
use crate::replies::causes::{Cause, ROW};

/// Rows that must match before the rows for a mailbox that refuses the message.
pub(crate) const SIZE: &[Cause] = &[Cause {
    name: "too-large",
    phases: SIZED,
    enhanced: &["4.3.4", "5.3.4", "5.2.3"],
    words: &[
        "message size exceeds",
        "message too large",
        "message too big",
        "message file too big",
        "message exceeds",
        "exceeded your message size limits",
        "larger than the maximum",
    ],
    code: Some(TooLarge),
    retry: Some(Never),
    hint: "send fewer or smaller attachments, or a link instead",
    samples: &[
        (MailFrom, "552 5.3.4 Message size exceeds fixed limit"),
        (
            Body,
            "552-5.3.4 Your message exceeded Google's message size limits. Please visit\n552 5.3.4 https://support.google.com/mail/?p=MaxSizeError to view our size guidelines. - gsmtp",
        ),
        (FinalReply, "552 Message size exceeds maximum permitted"),
        (FinalReply, "554 sorry, that is beyond my databytes limit (#5.3.4)"),
        (FinalReply, "554 5.2.3 Message too large for this recipient"),
    ],
    ..ROW
}];

pub(crate) const CAUSES: &[Cause] = &[
    Cause {
        name: "blocked-attachment",
        phases: MESSAGE,
        codes: &[5],
        words: &[
            "presents a potential security issue",
            "its content presents a potential",
            "banned file",
            "attachment type",
            "executable attachment",
            "dangerous file type",
        ],
        retry: Some(Never),
        hint: "the server refuses this type of attachment, even inside an archive: send a link to the file instead",
        samples: &[(
            FinalReply,
            "552-5.7.0 This message was blocked because its content presents a potential\n552 5.7.0 security issue. To review our message content and attachment content guidelines, go to",
        )],
        ..ROW
    },
    Cause {
        name: "virus",
        phases: MESSAGE,
        codes: &[5],
        words: &["virus", "malware", "infected"],
        retry: Some(Never),
        hint: "the server found a virus in the message: check its attachments",
        samples: &[
            (
                FinalReply,
                "554 5.7.1 virus Eicar-Test-Signature detected by ClamAV - http://www.clamav.net",
            ),
            (FinalReply, "550 This message contains malware (Eicar-Test-Signature)"),
        ],
        ..ROW
    },
    Cause {
        name: "spam",
        phases: MESSAGE,
        codes: &[5],
        words: &[
            "spam",
            "unsolicited",
            "junk mail",
            "content rejected",
            "high probability of spam",
        ],
        hint: "the server classified the message as spam: change its text and links, and send it to fewer recipients",
        samples: &[
            (FinalReply, "554 5.7.1 Spam message rejected"),
            (
                FinalReply,
                "550-5.7.1 Our system has detected that this message is likely unsolicited\n550 5.7.1 mail. To reduce the amount of spam sent to Gmail, this message has been blocked.",
            ),
            (FinalReply, "550 High probability of spam"),
            (FinalReply, "550 5.7.1 Message content rejected"),
        ],
        ..ROW
    },
    Cause {
        name: "international-address",
        phases: SENDING,
        enhanced: &["5.6.7"],
        words: &["smtputf8"],
        retry: Some(Never),
        hint: "a mail server on the way does not support this address: use an address with only ASCII before the @",
        samples: &[
            (RcptTo, "553 5.6.7 Non-ASCII addresses not permitted for that recipient"),
            (RcptTo, "550 5.6.7 SMTPUTF8 is required, but was not offered by host mx.example.net"),
        ],
        ..ROW
    },
    Cause {
        name: "eight-bit-message",
        phases: SENDING,
        enhanced: &["5.6.3"],
        words: &["8bitmime", "8-bit"],
        retry: Some(Never),
        hint: "a mail server on the way does not accept 8-bit mail: use only ASCII in addresses and attached emails",
        samples: &[(FinalReply, "554 5.6.3 8BITMIME is required, but was not offered")],
        ..ROW
    },
    Cause {
        name: "size-refused",
        phases: SIZED,
        codes: &[523, 552],
        code: Some(TooLarge),
        retry: Some(Never),
        hint: "the message is probably too large: send fewer or smaller attachments, or a link instead",
        samples: &[(MailFrom, "552 Requested mail action aborted"), (FinalReply, "523 refused")],
        ..ROW
    },
];
