//! Web addresses. Only their form is checked here. The host decides whether one may be fetched.

use std::fmt;

/// An `http` or `https` URL in printable ASCII, with a host and without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress(String);

/// The reason why a text is not a valid web address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidWebAddress {
    /// A scheme other than http and https.
    Scheme,
    /// White space, a control character, or another character that must be percent-encoded.
    Character(char),
    /// An empty host.
    NoHost,
    /// A user name or a password, as in `https://user:password@host/`.
    Credentials,
    /// More than 8 KiB.
    TooLong,
}

/// The longest web address in bytes. Common servers refuse longer request lines.
const MAX_LENGTH: usize = 8 * 1024;

impl WebAddress {
    /// Reports whether a text begins like a web address.
    pub fn is_claimed_by(text: &str) -> bool {
        let text = text.trim_ascii_start().as_bytes();
        [&b"http:"[..], b"https:"].iter().any(|scheme| {
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
    }

    /// Parses a web address, without the white space around it.
    ///
    /// Characters inside it are never dropped, as some parsers do with line breaks. The address that is checked must be
    /// the one that is fetched.
    pub fn parse(text: &str) -> Result<Self, InvalidWebAddress> {
        let text = text.trim_ascii();
        if text.len() > MAX_LENGTH {
            return Err(InvalidWebAddress::TooLong);
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidWebAddress::Scheme)?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(InvalidWebAddress::Scheme);
        }
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // The embedding host converts a domain beyond ASCII and percent-encodes the path.
        let strange = |c: char| c.is_control() || c.is_whitespace() || "\"<>\\^`{|}".contains(c);
        if let Some(character) = rest.chars().find(|&c| strange(c)) {
            return Err(InvalidWebAddress::Character(character));
        }
        if host.contains('@') {
            return Err(InvalidWebAddress::Credentials);
        }
        if host.is_empty() || host.starts_with(':') {
            return Err(InvalidWebAddress::NoHost);
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last segment of the path, still percent-encoded, if there is one. It is often a file name.
    pub fn last_segment(&self) -> Option<&str> {
        let (_, rest) = self.0.split_once("://")?;
        let path = rest.split(['?', '#']).next()?;
        let (_, last) = path.rsplit_once('/')?;
        (!last.is_empty()).then_some(last)
    }
}

impl fmt::Display for InvalidWebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("a web address starts with https:// or http://"),
            Self::Character(c) => {
                write!(f, "{c:?} is not allowed in a web address; percent-encode it")
            }
            Self::NoHost => f.write_str("the web address has no host"),
            Self::Credentials => {
                f.write_str("a user name or a password is not allowed in a web address")
            }
            Self::TooLong => write!(f, "the web address is longer than {MAX_LENGTH} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_web_addresses() {
        for (text, last) in [
            ("https://example.com/a/b%20c.pdf?x=1#y", Some("b%20c.pdf")),
            ("HTTP://example.com", None),
            ("https://example.com/", None),
            ("https://example.com?x=/a.pdf", None),
            (" https://bücher.example/ü.pdf ", Some("ü.pdf")),
            ("http://[2001:db8::1]:8080/x", Some("x")),
        ] {
            assert!(WebAddress::is_claimed_by(text), "{text}");
            assert_eq!(WebAddress::parse(text).unwrap().last_segment(), last, "{text}");
        }
    }

    #[test]
    fn refuses_what_parsers_read_differently() {
        use InvalidWebAddress::*;
        for (text, reason) in [
            ("ftp://example.com/", Scheme),
            ("https:example.com", Scheme),
            ("https:///etc/passwd", NoHost),
            ("https://:80/", NoHost),
            ("https://a b/", Character(' ')),
            ("https://example.com/a\r\nHost: evil", Character('\r')),
            ("https://exa\tmple.com/", Character('\t')),
            ("https://evil.test\\@example.com/", Character('\\')),
            ("https://user:pass@example.com/", Credentials),
        ] {
            assert_eq!(WebAddress::parse(text), Err(reason), "{text}");
        }
        assert_eq!(WebAddress::parse(&format!("https://x/{}", "a".repeat(9000))), Err(TooLong));
    }
}
