//! The client's name in EHLO.

use crate::InvalidSetting;

/// The connector's name in EHLO: letters, digits, dots and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EhloName(String);

impl EhloName {
    /// Returns the name as text.
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
            "ehloName: {text:?} is not a host name: use only letters, digits, dots and hyphens"
        )))
    }
}
