//! Refused senders, in any phase.

use crate::failure::FailureCode::Sender;
use crate::failure::Phase::{FinalReply, MailFrom, RcptTo};
use crate::failure::Retry::{AfterConfigChange, Never};
use crate::replies::cause::SENDING;
use crate::replies::causes::{Cause, ROW};

pub(crate) const CAUSES: &[Cause] = &[
    Cause {
        name: "microsoft-send-as",
        phases: SENDING,
        enhanced: &["5.7.60", "5.2.252"],
        words: &["sendasdenied", "does not have permissions to send as this sender"],
        code: Some(Sender),
        retry: Some(AfterConfigChange),
        hint: "send from the mailbox's own address, or ask the administrator to grant the user Send As for this sender",
        samples: &[
            (
                FinalReply,
                "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
            ),
            (
                FinalReply,
                "554 5.2.252 SendAsDenied; user@example.com not allowed to send as other@example.com; STOREDRV.Submission.Exception:SendAsDeniedException",
            ),
        ],
        ..ROW
    },
    Cause {
        name: "microsoft-blocked-sender",
        phases: SENDING,
        enhanced: &["5.7.501", "5.7.502", "5.7.503"],
        words: &["bad outbound sender", "banned sender"],
        code: Some(Sender),
        retry: Some(AfterConfigChange),
        hint: "Microsoft has blocked this mailbox for spam: change its password, then ask the administrator to remove \
               it from the restricted entities",
        samples: &[
            (FinalReply, "550 5.1.8 Access denied, bad outbound sender"),
            (FinalReply, "550 5.7.501 Access denied, spam abuse detected from 192.0.2.1"),
        ],
        ..ROW
    },
    Cause {
        name: "ses-not-verified",
        phases: SENDING,
        words: &["email address is not verified"],
        retry: Some(AfterConfigChange),
        hint: "verify the address in the reply, or its domain, in the Amazon SES console of the host's region; \
               while the account is in the sandbox, verify the recipients too",
        samples: &[(
            FinalReply,
            "554 Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: a@example.com",
        )],
        ..ROW
    },
    Cause {
        name: "ses-paused",
        phases: SENDING,
        words: &["sending paused for this account", "sending suspended for this account"],
        retry: Some(AfterConfigChange),
        hint: "AWS has paused sending for this account: follow the steps in the email that AWS sent to its owner",
        samples: &[(
            FinalReply,
            "554 Message rejected: Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account.",
        )],
        ..ROW
    },
    Cause {
        name: "sendgrid-sender-identity",
        phases: SENDING,
        words: &["verified sender identity"],
        code: Some(Sender),
        retry: Some(AfterConfigChange),
        hint: "verify the sender, or its domain, under Sender Authentication in SendGrid",
        samples: &[(
            FinalReply,
            "550 The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ to see the Sender Identity requirements",
        )],
        ..ROW
    },
    Cause {
        name: "mailgun-sandbox",
        phases: SENDING,
        words: &[
            "sandbox subdomains are for test purposes only",
            "free accounts are for test purposes only",
        ],
        retry: Some(AfterConfigChange),
        hint: "Mailgun's sandbox domain sends only to authorised recipients: authorise the recipient, or send from \
               your own domain",
        samples: &[(
            FinalReply,
            "421 Domain sandbox.mailgun.org is not allowed to send: Sandbox subdomains are for test purposes only. Please add your own domain or add the address to authorized recipients in ServerSettings Settings.",
        )],
        ..ROW
    },
    Cause {
        name: "sender-domain-not-verified",
        phases: SENDING,
        words: &[
            "domain is not verified",
            "domain must be verified",
            "unconfigured sending domain",
        ],
        code: Some(Sender),
        retry: Some(AfterConfigChange),
        hint: "add the sender's domain in the provider's settings and verify it there",
        samples: &[
            (
                FinalReply,
                "550 The example.com domain is not verified. Please, add and verify your domain",
            ),
            (FinalReply, "550 5.7.1 Unconfigured Sending Domain <example.com>"),
        ],
        ..ROW
    },
    Cause {
        name: "zoho-sender",
        phases: SENDING,
        words: &["relaying disallowed as", "sender is not allowed to relay"],
        code: Some(Sender),
        retry: Some(AfterConfigChange),
        hint: "send from the login's own address, or from one of its aliases at the provider",
        samples: &[
            (MailFrom, "553 Relaying disallowed as alice@example.com"),
            (RcptTo, "553 Sender is not allowed to relay emails"),
        ],
        ..ROW
    },
    Cause {
        name: "sender-of-another",
        phases: SENDING,
        words: &[
            "not owned by user",
            "not owned by auth user",
            "not authorised to send from",
            "from address is not one of your addresses",
            "mail from must equal authorized user",
            "mail from address must be same as authorization user",
            "not local sender over smtp",
            "sender address is not allowed",
            "not allowed to send as",
            "you are not allowed to use this sender",
        ],
        code: Some(Sender),
        retry: Some(AfterConfigChange),
        hint: "this login may not send as this sender: use the user's own address, or an alias that is set up at the \
               provider",
        samples: &[
            (
                RcptTo,
                "553 5.7.1 <alice@example.com>: Sender address rejected: not owned by user bob@example.com",
            ),
            (MailFrom, "553 5.7.1 Sender address rejected: not owned by auth user."),
            (FinalReply, "551 5.7.1 Not authorised to send from this header address"),
            (FinalReply, "550 5.7.0 From address is not one of your addresses."),
            (MailFrom, "553 Mail from must equal authorized user"),
            (MailFrom, "501 mail from address must be same as authorization user"),
            (FinalReply, "550 not local sender over smtp"),
            (MailFrom, "550 Sender address is not allowed."),
        ],
        ..ROW
    },
    Cause {
        name: "sender-domain-not-found",
        phases: SENDING,
        enhanced: &["4.1.8", "5.1.8"],
        words: &[
            "sender address rejected: domain",
            "domain of sender address",
            "sender verify failed",
        ],
        code: Some(Sender),
        retry: Some(Never),
        hint: "the sender's domain does not exist in DNS or does not accept mail: check the sender's spelling",
        samples: &[
            (RcptTo, "450 4.1.8 <alice@example.test>: Sender address rejected: Domain not found"),
            (
                MailFrom,
                "553 5.1.8 <alice@example.test>... Domain of sender address alice@example.test does not exist",
            ),
            (
                RcptTo,
                "550 5.7.27 <alice@example.test>: Sender address rejected: Domain example.test does not accept mail (nullMX)",
            ),
            (RcptTo, "550 Sender verify failed"),
        ],
        ..ROW
    },
    Cause {
        name: "sender-authentication",
        phases: SENDING,
        enhanced: &[
            "4.7.26", "5.7.26", "5.7.23", "4.7.23", "5.7.509", "5.7.515", "4.7.27", "5.7.27",
        ],
        words: &["dmarc", "dkim", "spf "],
        retry: Some(AfterConfigChange),
        hint: "the sender's domain does not allow this server to send for it (SPF, DKIM, DMARC): use a sender in a \
               domain that the server sends for, or add the server to the domain's DNS records",
        samples: &[
            (
                FinalReply,
                "550-5.7.26 Unauthenticated email from example.com is not accepted due to domain's\n550 5.7.26 DMARC policy. Please contact the administrator of example.com domain",
            ),
            (FinalReply, "550 5.7.1 Email rejected per DMARC policy for example.com"),
            (
                RcptTo,
                "550 5.7.23 <b@example.net>: Recipient address rejected: Message rejected due to: SPF fail - not authorized.",
            ),
            (
                FinalReply,
                "550 5.7.515 Access denied, sending domain EXAMPLE.COM doesn't meet the required authentication level.",
            ),
        ],
        ..ROW
    },
];

/// Rows with phrases that also occur in other refusals.
pub(crate) const GENERAL: &[Cause] = &[Cause {
    name: "sender-refused",
    phases: SENDING,
    words: &[
        "sender address rejected",
        "sender rejected",
        "sender not allowed",
        "sender denied",
        "invalid sender",
    ],
    code: Some(Sender),
    hint: "the server refused this sender: use a sender address that this account may send from",
    samples: &[
        (RcptTo, "554 5.7.1 <alice@example.com>: Sender address rejected: Access denied"),
        (MailFrom, "550 5.7.1 Sender not allowed"),
        (MailFrom, "553 Invalid sender"),
    ],
    ..ROW
}];
