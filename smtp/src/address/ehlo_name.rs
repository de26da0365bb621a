//! The name that a client gives itself.

use crate::InvalidSetting;

/// What the connector calls itself in EHLO: letters, digits, dots and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EhloName(String);

impl EhloName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for EhloName {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if (1..=253).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidSetting::new(format!(
            "ehloName: {text:?} is no host name; it has letters, digits, dots and hyphens"
        )))
    }
}
