//! Failures, as in the contract: where they happened, whether to retry, and whether the message may be delivered.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::address::ForwardPath;
use crate::reply::Reply;

/// The reason why a message was not sent, or may not have been sent.
///
/// Transports and attachment sources return it. The guest sees it unchanged, so it never contains a secret.
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
    /// The kind of failure.
    pub code: FailureCode,
    /// The description, in one sentence.
    pub message: String,
    /// The advice on how to fix it.
    pub hint: Option<String>,
    /// The phase in which it happened.
    pub phase: Phase,
    /// Whether the same request can be retried.
    pub retry: Retry,
    /// Whether the message may have been delivered.
    pub delivered: Delivered,
    /// The server's reply.
    pub reply: Option<Reply>,
    /// The recipients that the server refused, if that is the reason.
    pub refusals: Vec<Refusal>,
    /// The Message-ID of the message.
    pub message_id: Option<String>,
    /// The change of the account's settings that mends it, if a program can make it.
    pub mend: Option<Mend>,
    /// How long the whole account should wait, if the server limits the account and not this message. The limit may
    /// last longer: then the first message after the wait meets it again.
    pub account_wait: Option<Duration>,
    /// The underlying error, if another program or library caused the failure.
    pub cause: Option<Cause>,
}

/// A change of an account's settings that mends a failure. A program can offer it as a button or a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mend {
    /// Set `auth` to `auto`.
    AutoAuth,
    /// Set `security`, and `port` if one is given.
    Security {
        /// The value of `security`.
        security: &'static str,
        /// The value of `port`, if it changes.
        port: Option<u16>,
    },
}

impl Mend {
    /// Sets `security`, and keeps the port.
    pub(crate) const fn security(security: &'static str) -> Self {
        Self::Security { security, port: None }
    }

    /// Sets `security` to `tls` and `port` to 465, the port for submission with TLS from the start (RFC 8314).
    pub(crate) const TLS_PORT: Self = Self::Security { security: "tls", port: Some(465) };

    /// Sets `security` to `starttls` and `port` to 587, the port for submission (RFC 6409).
    pub(crate) const STARTTLS_PORT: Self = Self::Security { security: "starttls", port: Some(587) };
}

/// The error that caused a failure.
#[derive(Clone, Debug)]
pub struct Cause(Arc<dyn std::error::Error + Send + Sync>);

impl PartialEq for Cause {
    /// Reports whether both are the same error value.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Cause {}

/// Declares an enum of the contract, with the contract's names.
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

            /// Returns the name in the contract.
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
    /// The kind of failure, as a stable code for programs.
    #[non_exhaustive]
    FailureCode {
        /// The input is wrong.
        Validation => "validation",
        /// An attachment is not available.
        Attachment => "attachment",
        /// The account does not exist, or its settings are wrong.
        Account => "account",
        /// The account's or the host's policy forbids it.
        Policy => "policy",
        /// The server's name cannot be resolved.
        Dns => "dns",
        /// The connection to the server failed or broke.
        Connect => "connect",
        /// The server did not answer in time.
        Timeout => "timeout",
        /// The connection cannot be encrypted as the account requires.
        Tls => "tls",
        /// The server does not accept the credentials.
        Auth => "auth",
        /// The server does not accept the sender.
        Sender => "sender",
        /// The server refuses some or all of the recipients.
        Recipients => "recipients",
        /// The message is larger than the account or the server allows.
        TooLarge => "too-large",
        /// The server does not accept the message.
        Data => "data",
        /// The server violates the SMTP protocol.
        Protocol => "protocol",
        /// The run was cancelled from outside, for example by Ctrl-C.
        Cancelled => "cancelled",
        /// The component exceeded a limit of the sandbox.
        Limit => "limit",
        /// There is a bug in the host or in the component.
        Internal => "internal",
    }
}

names! {
    /// The phase of a run, in order.
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
        /// Opening the connection, and encrypting it if the port speaks TLS from the start.
        Connect => "connect",
        /// Waiting for the server's greeting.
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
        /// DATA, up to the server's reply 354.
        Data => "data",
        /// Sending the message itself.
        Body => "body",
        /// Waiting for the server's reply to the end of the message.
        FinalReply => "final-reply",
    }
}

names! {
    /// Whether the same request can be retried.
    Retry {
        /// Do not retry: it will fail in the same way.
        Never => "never",
        /// Retry after a pause.
        Later => "later",
        /// Retry after a change of the account's settings.
        AfterConfigChange => "after-config-change",
    }
}

names! {
    /// Whether a failed message may have been delivered.
    Delivered {
        /// The message was not delivered.
        No => "no",
        /// The end of the message was sent, but the server did not answer: it may have been delivered.
        Unknown => "unknown",
    }
}

/// A recipient that the server refused, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The address, as in the envelope.
    pub recipient: ForwardPath,
    /// The input field with this recipient. The component sets it.
    pub field: Option<String>,
    /// The server's reply.
    pub reply: Reply,
    /// Whether the recipient can be retried.
    pub retry: Retry,
}

impl Refusal {
    /// Creates a refusal.
    pub fn new(recipient: ForwardPath, reply: Reply, retry: Retry) -> Self {
        Self { recipient, field: None, reply, retry }
    }

    /// Sets the input field with this recipient.
    #[must_use]
    pub fn field(self, field: Option<String>) -> Self {
        Self { field, ..self }
    }
}

impl Failure {
    /// Creates a failure that must not be retried, of a message that was not delivered.
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
            mend: None,
            account_wait: None,
            cause: None,
        }
    }

    /// Creates a failure of an account's settings, or of a file or command that they refer to.
    pub fn of_settings(message: impl Into<String>) -> Self {
        Self::new(FailureCode::Account, Phase::Policy, message).after_config_change()
    }

    /// Adds the underlying error.
    #[must_use]
    pub fn caused_by(self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { cause: Some(Cause(Arc::new(cause))), ..self }
    }

    /// Adds advice on how to fix it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Adds the change of the settings that mends it.
    #[must_use]
    pub fn mended_by(self, mend: impl Into<Option<Mend>>) -> Self {
        Self { mend: mend.into(), ..self }
    }

    /// Marks the failure as one to retry after a pause.
    #[must_use]
    pub fn later(self) -> Self {
        Self { retry: Retry::Later, ..self }
    }

    /// Marks the failure as one to retry after a change of the settings.
    #[must_use]
    pub fn after_config_change(self) -> Self {
        Self { retry: Retry::AfterConfigChange, ..self }
    }

    /// Reports whether a retry after a pause may succeed, and the message was not delivered.
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
