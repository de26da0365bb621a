//! Reply codes: the three digits at the start of a reply.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The code of an SMTP reply: 200 to 599 (RFC 5321 section 4.2.1).
///
/// ```
/// use smtp_connector_smtp::ReplyCode;
///
/// let code = ReplyCode::new(450).expect("it is between 200 and 599");
/// assert!(code.is_transient());
/// assert!(ReplyCode::new(42).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct ReplyCode(u16);

/// The error for a number that is not a reply code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidReplyCode(u16);

impl ReplyCode {
    /// 250: the command succeeded.
    pub const OK: Self = Self(250);

    /// Creates a code. Returns `None` if the number is not between 200 and 599.
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            200..=599 => Some(Self(code)),
            _ => None,
        }
    }

    /// Returns the number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Returns the first digit.
    pub const fn class(self) -> u16 {
        self.0 / 100
    }

    /// Reports whether the command succeeded (2yz).
    pub const fn is_positive(self) -> bool {
        self.class() == 2
    }

    /// Reports whether the same command may succeed later (4yz).
    pub const fn is_transient(self) -> bool {
        self.class() == 4
    }

    /// Reports whether the same command would fail again (5yz).
    pub const fn is_permanent(self) -> bool {
        self.class() == 5
    }
}

impl PartialEq<u16> for ReplyCode {
    fn eq(&self, other: &u16) -> bool {
        self.0 == *other
    }
}

impl TryFrom<u16> for ReplyCode {
    type Error = InvalidReplyCode;

    fn try_from(code: u16) -> Result<Self, InvalidReplyCode> {
        Self::new(code).ok_or(InvalidReplyCode(code))
    }
}

impl From<ReplyCode> for u16 {
    fn from(code: ReplyCode) -> Self {
        code.0
    }
}

impl fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for InvalidReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a reply code, which is 200 to 599", self.0)
    }
}

impl std::error::Error for InvalidReplyCode {}
