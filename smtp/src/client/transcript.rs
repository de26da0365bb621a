//! The conversation as people may see it: credentials left out, bodies counted.

use std::fmt;
use std::time::Duration;

/// Something that happened in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// The connection is open, to this address.
    Connected(String),
    /// A connection to this address, open since an earlier message, is used again.
    Reused(String),
    /// The connection is encrypted now, with this version of TLS.
    Encrypted(String),
    /// A command, without credentials.
    Command(String),
    /// A line of a reply, secrets taken out.
    Reply(String),
    /// So many bytes of a message.
    Content(u64),
    /// The connection is closed.
    Closed,
}

/// Who watches conversations.
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
    /// Something happened, so long after the connection was asked for.
    fn note(&self, at: Duration, entry: &Entry);
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected(address) => write!(f, "** connected to {address}"),
            Self::Reused(address) => write!(f, "** again on the connection to {address}"),
            Self::Encrypted(version) => write!(f, "** encrypted with {version}"),
            Self::Command(command) => write!(f, "-> {command}"),
            Self::Reply(line) => write!(f, "<- {line}"),
            Self::Content(bytes) => write!(f, "-> ({bytes} bytes of message)"),
            Self::Closed => f.write_str("** closed"),
        }
    }
}
