//! Temporary limits: daily quotas, rates, and simultaneous connections.

use std::time::Duration;

use crate::failure::Phase::{Auth, FinalReply, Greeting, MailFrom, RcptTo};
use crate::failure::Retry::Later;
use crate::replies::causes::{Cause, ROW};

/// A daily limit ends within a day, but not at a known time. One attempt each hour finds it.
const A_DAILY_LIMIT: Option<Duration> = Some(Duration::from_secs(3600));
/// A provider that blocks logins does so for minutes, and each attempt may make it longer.
const A_BLOCKED_LOGIN: Option<Duration> = Some(Duration::from_secs(15 * 60));
/// Most servers count messages and connections per minute.
const A_RATE_PER_MINUTE: Option<Duration> = Some(Duration::from_secs(60));
/// Amazon SES counts messages per second.
const A_RATE_PER_SECOND: Option<Duration> = Some(Duration::from_secs(2));

pub(crate) const CAUSES: &[Cause] = &[
    Cause {
        name: "daily-limit",
        enhanced: &["5.4.5"],
        words: &[
            "daily user sending limit",
            "daily user sending quota",
            "daily sending quota",
            "reached your daily limit for message recipients",
        ],
        retry: Some(Later),
        account_wait: A_DAILY_LIMIT,
        hint: "the account has reached the provider's daily limit: it can send again within 24 hours",
        samples: &[
            (
                MailFrom,
                "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\n550 5.4.5 sending limits go to https://support.google.com/a/answer/166852 - gsmtp",
            ),
            (RcptTo, "550 5.4.5 Daily sending quota exceeded"),
            (MailFrom, "550-Sorry\n550 5.4.5 Limit reached"),
            (FinalReply, "550 5.4.5 Daily user sending limit exceeded"),
        ],
        ..ROW
    },
    Cause {
        name: "microsoft-daily-limit",
        words: &["submissionquotaexceeded"],
        retry: Some(Later),
        account_wait: A_DAILY_LIMIT,
        hint: "the mailbox has reached Microsoft's daily limit of recipients: it can send again within 24 hours",
        samples: &[(
            FinalReply,
            "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message",
        )],
        ..ROW
    },
    Cause {
        name: "ses-daily-quota",
        words: &["daily message quota exceeded"],
        retry: Some(Later),
        account_wait: A_DAILY_LIMIT,
        hint: "the AWS account has used up its 24-hour quota: wait, or ask AWS for a higher quota",
        samples: &[(FinalReply, "454 Throttling failure: Daily message quota exceeded.")],
        ..ROW
    },
    Cause {
        name: "ses-rate",
        words: &["maximum sending rate exceeded"],
        retry: Some(Later),
        account_wait: A_RATE_PER_SECOND,
        hint: "the AWS account sends more messages per second than its quota allows: send more slowly",
        samples: &[(FinalReply, "454 Throttling failure: Maximum sending rate exceeded.")],
        ..ROW
    },
    Cause {
        name: "sendgrid-credits",
        words: &["maximum credits exceeded"],
        retry: Some(Later),
        account_wait: A_DAILY_LIMIT,
        hint: "the plan's credits are used up: wait until they are renewed, or change the plan",
        samples: &[(Auth, "451 Authentication failed: Maximum credits exceeded")],
        ..ROW
    },
    Cause {
        name: "too-many-logins",
        words: &["too many login attempts", "too many bad auth attempts", "too many failed login"],
        account_wait: A_BLOCKED_LOGIN,
        hint: "too many logins failed: check the username and the password, which may need to be an app password, then \
               wait before you try again",
        samples: &[
            (Auth, "454 4.7.0 Too many login attempts, please try again later."),
            (Auth, "535 5.7.0 (#AUTH005) Too many bad auth attempts."),
        ],
        ..ROW
    },
    Cause {
        name: "too-many-connections",
        codes: &[421, 432, 450, 451, 452, 454, 550, 554],
        words: &[
            "too many connections",
            "too many concurrent",
            "concurrent connections",
            "connection rate limit",
            "too many sessions",
        ],
        retry: Some(Later),
        account_wait: A_RATE_PER_MINUTE,
        hint: "the server has too many connections from this machine: lower the account's limits.connections, and try \
               again in a few minutes",
        samples: &[
            (Greeting, "421 4.7.0 mx.test Error: too many connections from 192.0.2.1"),
            (Greeting, "421 Too many concurrent SMTP connections; please try again later."),
            (
                FinalReply,
                "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded; Concurrent connections limit exceeded",
            ),
            (
                Greeting,
                "421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission channel",
            ),
        ],
        ..ROW
    },
    Cause {
        name: "connections-limited",
        codes: &[432],
        account_wait: A_RATE_PER_MINUTE,
        hint: "use fewer connections at once: lower the account's limits.connections, and try again in a few minutes",
        samples: &[(FinalReply, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded")],
        ..ROW
    },
    Cause {
        name: "too-many-recipients",
        codes: &[4, 5],
        enhanced: &["4.5.3", "5.5.3"],
        words: &["too many recipients"],
        hint: "send the message to fewer recipients at once",
        samples: &[
            (RcptTo, "452 4.5.3 Error: too many recipients"),
            (RcptTo, "552 too many recipients"),
            (RcptTo, "550 5.5.3 Too many recipients"),
        ],
        ..ROW
    },
    Cause {
        name: "recipient-busy",
        words: &["is receiving mail at a rate", "receiving mail too quickly"],
        retry: Some(Later),
        hint: "the recipient receives too much mail at the moment: try again in 1 hour",
        samples: &[(
            RcptTo,
            "450-4.2.1 The user you are trying to contact is receiving mail at a rate that\n450 4.2.1 prevents additional messages from being delivered.",
        )],
        ..ROW
    },
    Cause {
        name: "rate-limit",
        enhanced: &["4.7.28"],
        words: &[
            "rate limit",
            "ratelimit",
            "too many messages in this",
            "too much mail from",
            "unusual sending activity",
            "too many emails per second",
            "max emails per hour",
            "unusual rate of unsolicited mail",
        ],
        retry: Some(Later),
        account_wait: A_RATE_PER_MINUTE,
        hint: "this account or machine exceeded the server's rate limit: send more slowly, and retry in a few minutes",
        samples: &[
            (
                FinalReply,
                "421-4.7.28 Our system has detected an unusual rate of unsolicited mail\n421 4.7.28 originating from your IP address. To protect our users from spam, mail has been temporarily rate limited.",
            ),
            (MailFrom, "450 4.7.1 Error: too much mail from 192.0.2.1"),
            (FinalReply, "550 5.4.6 Unusual sending activity detected. Please try after sometime"),
            (MailFrom, "550 5.7.0 Requested action not taken: too many emails per second"),
            (MailFrom, "451 4.7.1 Ratelimit \"hostinger_out_ratelimit\" exceeded"),
            (
                RcptTo,
                "550 Domain example.com has exceeded the max emails per hour (150/150 (100%)) allowed. Message discarded.",
            ),
        ],
        ..ROW
    },
];
