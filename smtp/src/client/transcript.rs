//! The transcript of a conversation, without credentials and message bodies.

use std::fmt;
use std::time::Duration;

/// An event in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// The connection to this address is open.
    Connected(String),
    /// A connection to this address is reused.
    Reused(String),
    /// The connection is now encrypted with this version of TLS.
    Encrypted(String),
    /// A command, without credentials.
    Command(String),
    /// A line of a reply, without secrets.
    Reply(String),
    /// The number of message bytes sent.
    Content(u64),
    /// The connection is closed.
    Closed,
}

/// An observer of conversations.
///
/// ```
/// use smtp_connector_smtp::{Entry, Transcript};
/// use std::time::Duration;
///
/// struct Log;
///
/// impl Transcript for Log {
///     fn note(&self, at: Duration, entry: &Entry) {
///         eprintln!("{:>7.3} {entry}", at.as_secs_f64());
///     }
/// }
/// ```
pub trait Transcript: Send + Sync + 'static {
    /// Receives an event. `at` is the time since the connection was requested.
    fn note(&self, at: Duration, entry: &Entry);
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected(address) => write!(f, "** connected to {address}"),
            Self::Reused(address) => write!(f, "** reusing the connection to {address}"),
            Self::Encrypted(version) => write!(f, "** encrypted with {version}"),
            Self::Command(command) => write!(f, "-> {command}"),
            Self::Reply(line) => write!(f, "<- {line}"),
            Self::Content(bytes) => write!(f, "-> ({bytes} bytes of message)"),
            Self::Closed => f.write_str("** closed"),
        }
    }
}
