//! Servers that refuse this machine: its name, its address, or all mail at the moment.

use crate::failure::Phase::{Ehlo, FinalReply, Greeting, MailFrom, RcptTo};
use crate::failure::Retry::{AfterConfigChange, Later};
use crate::replies::cause::MESSAGE;
use crate::replies::causes::{Cause, ROW};

/// Phrases of servers that name a block list of addresses or domains.
const BLOCK_LISTS: &[&str] = &[
    "spamhaus",
    "spamcop",
    "barracudacentral",
    "blocked using",
    "blocklist",
    "block list",
    "blacklist",
    "dnsbl",
];

/// The name of the row for servers that closed an idle connection.
pub(crate) const WAITED: &str = "server-waited-too-long";

pub(crate) const CAUSES: &[Cause] = &[
    Cause {
        name: "ehlo-name",
        words: &[
            "helo command rejected",
            "invalid helo name",
            "syntactically invalid helo",
            "syntactically invalid ehlo",
            "(ehlo)",
        ],
        retry: Some(AfterConfigChange),
        hint: "the server refused the name that this machine sends in EHLO: set the account's ehloName to a full name \
               in your domain, such as mail.example.com",
        samples: &[
            (
                Ehlo,
                "421-4.7.0 Try again later, closing connection. (EHLO)\n421 4.7.0 For more information, go to https://support.google.com/a/answer/3221692",
            ),
            (RcptTo, "504 5.5.2 <laptop>: Helo command rejected: need fully-qualified hostname"),
            (RcptTo, "450 4.7.1 <laptop>: Helo command rejected: Host not found"),
            (Ehlo, "501 Syntactically invalid HELO argument(s)"),
            (RcptTo, "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)"),
        ],
        ..ROW
    },
    Cause {
        name: "ehlo-syntax",
        phases: &[Ehlo],
        codes: &[501],
        hint: "the name that this machine sends in EHLO is not valid for the server: set the account's ehloName to a \
               full name in your domain",
        samples: &[(Ehlo, "501 5.5.4 Invalid domain name")],
        ..ROW
    },
    Cause {
        name: "ehlo-refused-by-provider",
        phases: &[Ehlo],
        codes: &[421, 550],
        providers: &["google-workspace-relay"],
        hint: "the relay refused the name that this machine sends in EHLO. {provider}",
        samples: &[(Ehlo, "421 4.7.0 Try again later, closing connection.")],
        ..ROW
    },
    Cause {
        name: "ehlo-refused-for-now",
        phases: &[Ehlo],
        codes: &[421],
        enhanced: &["4.7.0"],
        hint: "set the account's ehloName to a name in your domain, then try again: some relays refuse other names",
        samples: &[(Ehlo, "421 4.7.0 Try again later, closing connection.")],
        ..ROW
    },
    Cause {
        name: "listed-content",
        phases: MESSAGE,
        words: BLOCK_LISTS,
        hint: "a link or domain in the message, or this machine's address, is on the block list that the reply names. \
               Remove the link, or ask the list to remove the entry",
        samples: &[
            (FinalReply, "554 5.7.1 Blocked by SpamAssassin: URL in a blacklist"),
            (FinalReply, "550 5.7.1 Message contains a URL listed by Spamhaus DBL"),
        ],
        ..ROW
    },
    Cause {
        name: "listed-address",
        words: BLOCK_LISTS,
        retry: Some(AfterConfigChange),
        hint: "this machine's address, or the sender's domain, is on the block list that the reply names: send through \
               your provider's server, with a login on port 587 or 465, or ask the list to remove the entry",
        samples: &[
            (
                RcptTo,
                "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
            ),
            (
                MailFrom,
                "550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus.",
            ),
            (Greeting, "554 5.7.1 Your IP is listed in a DNSBL"),
            (
                MailFrom,
                "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
            ),
        ],
        ..ROW
    },
    Cause {
        name: "banned-address",
        words: &[
            "banned sending ip",
            "not authorized to send email directly",
            "dynamic ip",
            "mta's poor reputation",
        ],
        retry: Some(AfterConfigChange),
        hint: "the server does not accept mail from this machine's address: send through your provider's server, with \
               a login on port 587 or 465",
        samples: &[
            (
                RcptTo,
                "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list please visit https://sender.office.com/",
            ),
            (
                FinalReply,
                "550-5.7.1 [192.0.2.1] The IP you're using to send mail is not authorized to\n550 5.7.1 send email directly to our servers. Please use the SMTP relay at your service provider instead.",
            ),
            (
                Greeting,
                "554 Your access to this mail system has been rejected due to the sending MTA's poor reputation.",
            ),
        ],
        ..ROW
    },
    Cause {
        name: "no-reverse-name",
        enhanced: &["4.7.25", "5.7.25"],
        words: &[
            "reverse dns",
            "ptr record",
            "ptr resource record",
            "cannot find your hostname",
            "cannot find your reverse hostname",
        ],
        retry: Some(AfterConfigChange),
        hint: "this machine's address has no matching reverse DNS name (PTR): set one, or send through your provider's \
               server with a login",
        samples: &[
            (
                Greeting,
                "554-gmx.net (mxgmx115) Nemesis ESMTP Service not available\n554-No SMTP service\n554 Bad DNS PTR resource record.",
            ),
            (RcptTo, "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]"),
            (
                FinalReply,
                "550-5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record\n550 5.7.25 setup, or the corresponding forward DNS entry does not match",
            ),
        ],
        ..ROW
    },
    Cause {
        name: "relay-of-registered-addresses",
        enhanced: &["5.7.64"],
        words: &["tenantattribution", "invalid credentials for relay"],
        retry: Some(AfterConfigChange),
        hint: "this relay accepts only registered addresses or certificates: register this machine's public \
               address with the provider's relay or connector, and use a sender in your domain",
        samples: &[
            (RcptTo, "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"),
            (
                MailFrom,
                "550-5.7.1 Invalid credentials for relay [192.0.2.1]. The IP address you've\n550 5.7.1 registered in your G Suite SMTP Relay service doesn't match domain of the account",
            ),
        ],
        ..ROW
    },
    Cause {
        name: "ses-not-authorized",
        words: &["is not authorized to perform"],
        retry: Some(AfterConfigChange),
        hint: "the IAM policy of these SMTP credentials does not allow this: allow ses:SendRawEmail for this sender \
               and this machine's address",
        samples: &[(
            FinalReply,
            "554 Access denied: User `arn:aws:iam::123456789012:user/mail' is not authorized to perform `ses:SendRawEmail' on resource `arn:aws:ses:eu-west-1:123456789012:identity/example.com'",
        )],
        ..ROW
    },
    Cause {
        name: "microsoft-tenant-limited",
        enhanced: &["5.7.705", "5.7.708"],
        words: &["tenant has exceeded threshold", "traffic not accepted from this ip"],
        retry: Some(AfterConfigChange),
        hint: "Microsoft does not accept mail from this tenant at the moment. This happens to new and trial tenants, \
               and after spam: contact Microsoft support",
        samples: &[
            (
                FinalReply,
                "550 5.7.708 Access denied, traffic not accepted from this IP. For more information please go to http://go.microsoft.com/fwlink/?LinkId=526653",
            ),
            (FinalReply, "550 5.7.705 Access denied, tenant has exceeded threshold."),
        ],
        ..ROW
    },
    Cause {
        name: "too-many-errors",
        words: &["too many errors"],
        hint: "the server closed the connection after several refusals: check the recipients' addresses",
        samples: &[(RcptTo, "421 4.7.0 mx.test Error: too many errors")],
        ..ROW
    },
    Cause {
        name: WAITED,
        codes: &[421, 451, 554],
        enhanced: &["4.4.2"],
        words: &[
            "timeout exceeded",
            "command timeout",
            "timeout waiting for client input",
            "idle timeout",
        ],
        retry: Some(Later),
        hint: "the server stopped waiting for this machine: check the network and try again",
        samples: &[
            (FinalReply, "421 4.4.2 mx.test Error: timeout exceeded"),
            (MailFrom, "421 SMTP command timeout - closing connection"),
            (MailFrom, "451 4.7.0 Timeout waiting for client input"),
        ],
        ..ROW
    },
    Cause {
        name: "server-out-of-room",
        codes: &[4],
        enhanced: &["4.3.1"],
        words: &[
            "insufficient system storage",
            "insufficient system resources",
            "insufficient disk space",
        ],
        hint: "the server is short of disk space or memory: try again later, or tell its administrator if it continues",
        samples: &[
            (MailFrom, "452 4.3.1 Insufficient system storage"),
            (RcptTo, "452 4.3.1 Insufficient system resources"),
            (MailFrom, "452 4.4.5 Insufficient disk space; try again later"),
        ],
        ..ROW
    },
    Cause {
        name: "server-busy",
        codes: &[421],
        enhanced: &["4.3.2"],
        words: &["service not available", "service unavailable", "server busy", "shutting down"],
        hint: "the server is busy or shutting down: try again in a few minutes",
        samples: &[
            (Greeting, "421 4.3.2 Service not active"),
            (Greeting, "421 mx.test Service not available, closing transmission channel"),
            (MailFrom, "421 4.3.2 System going down"),
        ],
        ..ROW
    },
];
