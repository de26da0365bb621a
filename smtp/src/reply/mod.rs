//! Server replies: a code, an enhanced status code, and text.

mod code;
mod enhanced_status_code;

use crate::setters;

pub use code::{InvalidReplyCode, ReplyCode};
pub use enhanced_status_code::{EnhancedStatusCode, InvalidEnhancedStatusCode};

/// An SMTP reply (RFC 5321 section 4.2), without secrets.
///
/// ```
/// use smtp_connector_smtp::{Reply, ReplyCode};
///
/// let reply = Reply::new(ReplyCode::OK, "queued as 4F2A");
/// assert_eq!(reply.code, 250);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The three-digit code.
    pub code: ReplyCode,
    /// The enhanced status code, if the reply has one.
    pub enhanced: Option<EnhancedStatusCode>,
    /// The text after the codes, with lines joined by `\n`.
    pub text: String,
}

impl Reply {
    /// Creates a reply without an enhanced status code.
    pub fn new(code: ReplyCode, text: impl Into<String>) -> Self {
        Self { code, enhanced: None, text: text.into() }
    }
}

setters!(Reply {} optional { enhanced: EnhancedStatusCode });
