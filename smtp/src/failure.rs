//! What goes wrong, in the contract's words: where, whether a retry makes sense, and whether anyone may
//! have the message.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::address::ForwardPath;
use crate::reply::Reply;

/// Why nothing was sent, or why nobody can tell.
///
/// Transports and attachment sources return it; a guest sees it as it is, so it never holds a secret.
///
/// ```
/// use smtp_connector_smtp::{Failure, FailureCode, Phase};
///
/// let failure = Failure::new(FailureCode::Timeout, Phase::Connect, "no answer from the server")
///     .hint("check host and port")
///     .later();
/// assert!(failure.is_transient());
/// assert_eq!(failure.to_string(), "no answer from the server");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub code: FailureCode,
    /// One sentence for a person.
    pub message: String,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// Where in the work it happened.
    pub phase: Phase,
    /// Whether the same request may be tried again.
    pub retry: Retry,
    /// Whether anyone may have the message.
    pub delivered: Delivered,
    /// What the server said.
    pub reply: Option<Reply>,
    /// Recipients that the server refused, where that is why.
    pub refusals: Vec<Refusal>,
    /// Message-ID of the message that was to be sent.
    pub message_id: Option<String>,
    /// The error that caused it, where another program or library is the cause.
    pub cause: Option<Cause>,
}

/// The error that caused a failure.
#[derive(Clone, Debug)]
pub struct Cause(Arc<dyn std::error::Error + Send + Sync>);

impl PartialEq for Cause {
    /// Whether both are the same error.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Cause {}

/// Declares an enumeration of the contract with its names there.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$inner])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name that the contract gives it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
    };
}

names! {
    /// What kind of failure it is: stable, for programs.
    #[non_exhaustive]
    FailureCode {
        /// The input is wrong.
        Validation => "validation",
        /// An attachment cannot be had.
        Attachment => "attachment",
        /// There is no such account, or its settings are wrong.
        Account => "account",
        /// The account's or the host's policy forbids it.
        Policy => "policy",
        /// The server's name cannot be resolved.
        Dns => "dns",
        /// The server cannot be connected to, or the connection broke.
        Connect => "connect",
        /// The server did not answer in time.
        Timeout => "timeout",
        /// The connection cannot be encrypted as the account asks for.
        Tls => "tls",
        /// The server does not accept the credentials.
        Auth => "auth",
        /// The server does not accept the sender.
        Sender => "sender",
        /// The server accepts none, or not all, of the recipients.
        Recipients => "recipients",
        /// The message is larger than the account or the server takes.
        TooLarge => "too-large",
        /// The server does not accept the message.
        Data => "data",
        /// The server does not speak SMTP as it should.
        Protocol => "protocol",
        /// The run was stopped from outside, by Ctrl-C for example.
        Cancelled => "cancelled",
        /// The component took more than the sandbox allows.
        Limit => "limit",
        /// A bug, in the host or in the component.
        Internal => "internal",
    }
}

names! {
    /// Where in the work something happened, in the order of the work.
    Phase {
        /// Checking the input.
        Input => "input",
        /// Opening or reading attachments.
        Attachments => "attachments",
        /// Assembling the message.
        Build => "build",
        /// Applying policy and limits.
        Policy => "policy",
        /// Looking up the server's name.
        Resolve => "resolve",
        /// Opening the connection, and encrypting it where the port speaks TLS from the start.
        Connect => "connect",
        /// Awaiting the server's greeting.
        Greeting => "greeting",
        /// EHLO or HELO.
        Ehlo => "ehlo",
        /// STARTTLS and the handshake after it.
        Starttls => "starttls",
        /// AUTH.
        Auth => "auth",
        /// MAIL FROM.
        MailFrom => "mail-from",
        /// RCPT TO.
        RcptTo => "rcpt-to",
        /// DATA, up to the server's go-ahead.
        Data => "data",
        /// Sending the message itself.
        Body => "body",
        /// Awaiting the server's answer to the message's end.
        FinalReply => "final-reply",
    }
}

names! {
    /// Whether the same request may be tried again.
    Retry {
        /// It will fail the same way.
        Never => "never",
        /// After a pause.
        Later => "later",
        /// Once somebody has changed the account's settings.
        AfterConfigChange => "after-config-change",
    }
}

names! {
    /// Whether anyone may have a message that failed.
    Delivered {
        /// Nobody has it.
        No => "no",
        /// The end of the message was sent and no answer came: some may have it.
        Unknown => "unknown",
    }
}

/// A recipient that gets no message, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The address, as in the envelope.
    pub recipient: ForwardPath,
    /// The field of the input that named it; filled in by the component.
    pub field: Option<String>,
    /// What the server said.
    pub reply: Reply,
    /// Whether the recipient may be tried again.
    pub retry: Retry,
}

impl Refusal {
    /// A refusal by a server.
    pub fn new(recipient: ForwardPath, reply: Reply, retry: Retry) -> Self {
        Self { recipient, field: None, reply, retry }
    }

    /// Says which field of the input named the recipient.
    #[must_use]
    pub fn field(self, field: Option<String>) -> Self {
        Self { field, ..self }
    }
}

impl Failure {
    /// A failure that will happen again, and of which nobody has the message.
    pub fn new(code: FailureCode, phase: Phase, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            phase,
            retry: Retry::Never,
            delivered: Delivered::No,
            reply: None,
            refusals: Vec::new(),
            message_id: None,
            cause: None,
        }
    }

    /// A failure to use an account's settings, or what they refer to.
    pub fn of_settings(message: impl Into<String>) -> Self {
        Self::new(FailureCode::Account, Phase::Policy, message).after_config_change()
    }

    /// Adds the error that caused it.
    #[must_use]
    pub fn caused_by(self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { cause: Some(Cause(Arc::new(cause))), ..self }
    }

    /// Says what a person can do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same may work after a pause.
    #[must_use]
    pub fn later(self) -> Self {
        Self { retry: Retry::Later, ..self }
    }

    /// The same may work with other settings.
    #[must_use]
    pub fn after_config_change(self) -> Self {
        Self { retry: Retry::AfterConfigChange, ..self }
    }

    /// Whether the same may work after a pause.
    pub fn is_transient(&self) -> bool {
        self.retry == Retry::Later && self.delivered == Delivered::No
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|Cause(cause)| &**cause as _)
    }
}
