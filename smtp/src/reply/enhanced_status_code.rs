//! Enhanced status codes, such as `5.1.1`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An enhanced status code (RFC 3463): `class.subject.detail`.
///
/// ```
/// use smtp_connector_smtp::EnhancedStatusCode;
///
/// let code: EnhancedStatusCode = "5.7.26".parse()?;
/// assert_eq!((code.class(), code.subject(), code.detail()), (5, 7, 26));
/// assert_eq!(code.to_string(), "5.7.26");
/// assert!("5.7".parse::<EnhancedStatusCode>().is_err());
/// # Ok::<(), smtp_connector_smtp::reply::InvalidEnhancedStatusCode>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnhancedStatusCode {
    class: u8,
    subject: u16,
    detail: u16,
}

/// The error for a text that is not an enhanced status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidEnhancedStatusCode;

impl EnhancedStatusCode {
    /// Returns the class: 2 for success, 4 for a transient failure, 5 for a permanent failure (RFC 3463 section 3.1).
    pub const fn class(self) -> u8 {
        self.class
    }

    /// Returns the subject, 0 to 999: for example, 1 for addresses and 7 for security (RFC 3463 section 3).
    pub const fn subject(self) -> u16 {
        self.subject
    }

    /// Returns the detail, 0 to 999.
    pub const fn detail(self) -> u16 {
        self.detail
    }
}

impl FromStr for EnhancedStatusCode {
    type Err = InvalidEnhancedStatusCode;

    fn from_str(text: &str) -> Result<Self, InvalidEnhancedStatusCode> {
        let mut parts = text.split('.');
        let class = match parts.next() {
            Some("2") => 2,
            Some("4") => 4,
            Some("5") => 5,
            _ => return Err(InvalidEnhancedStatusCode),
        };
        let mut number = || parts.next().and_then(number).ok_or(InvalidEnhancedStatusCode);
        let code = Self { class, subject: number()?, detail: number()? };
        match parts.next() {
            None => Ok(code),
            Some(_) => Err(InvalidEnhancedStatusCode),
        }
    }
}

/// Parses a number of one to three digits (RFC 3463 section 2).
fn number(text: &str) -> Option<u16> {
    let is_number = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

impl TryFrom<String> for EnhancedStatusCode {
    type Error = InvalidEnhancedStatusCode;

    fn try_from(text: String) -> Result<Self, InvalidEnhancedStatusCode> {
        text.parse()
    }
}

impl From<EnhancedStatusCode> for String {
    fn from(code: EnhancedStatusCode) -> Self {
        code.to_string()
    }
}

impl fmt::Display for EnhancedStatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl fmt::Display for InvalidEnhancedStatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an enhanced status code is three numbers, such as 5.1.1")
    }
}

impl std::error::Error for InvalidEnhancedStatusCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_are_a_code_and_nothing_else_is() {
        for text in ["2.0.0", "4.7.26", "5.999.1"] {
            assert_eq!(
                text.parse().map(|code: EnhancedStatusCode| code.to_string()),
                Ok(text.into())
            );
        }
        for text in
            ["", "5", "5.1", "5.1.1.1", "3.1.1", "5.1000.1", "5.+1.1", "5.1.", "5. 1.1", "a.b.c"]
        {
            assert_eq!(
                text.parse::<EnhancedStatusCode>(),
                Err(InvalidEnhancedStatusCode),
                "{text}"
            );
        }
    }
}
