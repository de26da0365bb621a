//! The paths of an envelope: the addresses of its sender and recipients.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::domain::Domain;
use super::host_name::InvalidHostName;

/// The address of a recipient, as in RCPT TO between `<` and `>` (RFC 5321 section 4.1.2).
///
/// The grammar is `Dot-string "@" Domain`, with UTF-8 in the local part (RFC 6531). Quoted local parts, source routes
/// and address literals are rejected. Servers read them in different ways, so mail could go to a different address than
/// the one that was checked.
///
/// Two paths are equal if their local parts are identical and their domains are equal in any case and spelling
/// (RFC 5321 section 2.4).
///
/// ```
/// use smtp_connector_smtp::ForwardPath;
///
/// let path: ForwardPath = "bob@Example.net".parse()?;
/// assert_eq!((path.local_part(), path.domain().as_str()), ("bob", "example.net"));
/// assert_eq!(path, "bob@example.NET".parse::<ForwardPath>()?);
/// assert!("bob@example.net> SIZE=1".parse::<ForwardPath>().is_err());
/// # Ok::<(), smtp_connector_smtp::address::InvalidPath>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ForwardPath {
    /// The address as it was written. It is sent in this form.
    text: String,
    domain: Domain,
}

/// The sender in the envelope, as in MAIL FROM (RFC 5321 section 4.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: no bounce is sent if delivery fails.
    Null,
    /// The sender's address.
    Path(ForwardPath),
}

/// The reason why a text is not a valid path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPath {
    /// There is no `@`, or more than one.
    At,
    /// The local part is empty, has more than 64 octets, starts or ends with a dot, or has two dots in a row.
    LocalPart,
    /// A character that is not allowed in an unquoted local part.
    Character(char),
    /// The address has more than 254 octets.
    TooLong,
    /// The part after the `@` is not a valid domain.
    Domain(InvalidHostName),
}

/// The longest local part, in octets (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;
/// The longest path without its brackets, in octets (RFC 5321 section 4.5.3.1.3).
const MAX_PATH: usize = 254;

impl ForwardPath {
    /// Returns the path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the part before the `@`.
    pub fn local_part(&self) -> &str {
        self.text.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// Returns the part after the `@`.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Reports whether the path can be sent without SMTPUTF8 (RFC 6531).
    pub fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }

    /// Reports whether a server may read the local part as a route to another host: `user%other`, `other!user`
    /// (RFC 5321 section 3.6.1 and appendix F.2). A server that relays for its clients forwards such mail to the other
    /// host. Postfix does so by default.
    pub fn is_routed(&self) -> bool {
        // The last two become an @ if a server maps them to ASCII.
        self.local_part().contains(['%', '!', '\u{ff20}', '\u{fe6b}'])
    }
}

impl ReversePath {
    /// Returns the path; empty for the null reverse-path.
    pub fn as_str(&self) -> &str {
        self.path().map_or("", ForwardPath::as_str)
    }

    /// Returns the address, or `None` for the null reverse-path.
    pub fn path(&self) -> Option<&ForwardPath> {
        match self {
            Self::Null => None,
            Self::Path(path) => Some(path),
        }
    }
}

impl FromStr for ForwardPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for ForwardPath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        if text.len() > MAX_PATH {
            return Err(InvalidPath::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(InvalidPath::At)?;
        if domain.contains('@') {
            return Err(InvalidPath::At);
        }
        check_local_part(local)?;
        let domain = domain.parse().map_err(InvalidPath::Domain)?;
        Ok(Self { text, domain })
    }
}

/// Checks a local part: RFC 5321's Dot-string, plus every non-ASCII character except whitespace and control characters.
fn check_local_part(local: &str) -> Result<(), InvalidPath> {
    let fits = (1..=MAX_LOCAL_PART).contains(&local.len());
    if !fits || local.split('.').any(str::is_empty) {
        return Err(InvalidPath::LocalPart);
    }
    let is_atext = |c: char| match c.is_ascii() {
        // RFC 5322 section 3.2.3.
        true => c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c),
        false => !c.is_whitespace() && !c.is_control(),
    };
    match local.chars().find(|&c| !is_atext(c)) {
        Some(other) => Err(InvalidPath::Character(other)),
        None => Ok(()),
    }
}

impl FromStr for ReversePath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for ReversePath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        match text.is_empty() {
            true => Ok(Self::Null),
            false => text.try_into().map(Self::Path),
        }
    }
}

impl From<ForwardPath> for ReversePath {
    fn from(path: ForwardPath) -> Self {
        Self::Path(path)
    }
}

impl PartialEq for ForwardPath {
    fn eq(&self, other: &Self) -> bool {
        self.domain == other.domain && self.local_part() == other.local_part()
    }
}

impl Eq for ForwardPath {}

impl PartialEq<str> for ForwardPath {
    /// Compares the path as it was written.
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

impl PartialEq<&str> for ForwardPath {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

impl Hash for ForwardPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.local_part().hash(state);
        self.domain.hash(state);
    }
}

impl From<ForwardPath> for String {
    fn from(path: ForwardPath) -> Self {
        path.text
    }
}

impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for InvalidPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At => f.write_str("an address has one @"),
            Self::LocalPart => write!(
                f,
                "the part before the @ has 1 to {MAX_LOCAL_PART} octets, no dot at its ends and no two dots in a row"
            ),
            Self::Character(c) => write!(f, "{c:?} is not allowed before the @"),
            Self::TooLong => write!(f, "an address has at most {MAX_PATH} octets"),
            Self::Domain(reason) => reason.fmt(f),
        }
    }
}

impl std::error::Error for InvalidPath {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_escape_from_a_path() {
        for text in
            ["a@x.test", "bob%evil.test@x.test", "jörg@x.test", "{{a}}@x.test", "dev@localhost"]
        {
            assert_eq!(text.parse::<ForwardPath>().map(String::from), Ok(text.to_owned()));
        }
        for text in [
            "",
            "a",
            "@x.test",
            "a@",
            "a@x.test> SIZE=1",
            "a@x.test\r\nRCPT TO:<b@x.test>",
            "a@x.test\0",
            "\"a b\"@x.test",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a,b@x.test",
            "a..b@x.test",
            ".a@x.test",
            "a\u{a0}b@x.test",
            "@relay:a@x.test",
            "eve@evil.test@x.test",
        ] {
            assert!(text.parse::<ForwardPath>().is_err(), "{text}");
        }
        let long = format!("a@{}x.test", "b.".repeat(123));
        assert_eq!(long.parse::<ForwardPath>().map(|path| path.as_str().len()), Ok(254));
        assert_eq!(format!("a{long}").parse::<ForwardPath>(), Err(InvalidPath::TooLong));
        assert_eq!(
            format!("{}@x.test", "a".repeat(65)).parse::<ForwardPath>(),
            Err(InvalidPath::LocalPart)
        );
    }

    #[test]
    fn spellings_of_one_address_are_equal() {
        let path = |text: &str| text.parse::<ForwardPath>().expect(text);
        assert_eq!(path("bob@B\u{fc}cher.example"), path("bob@XN--BCHER-KVA.Example"));
        assert_ne!(path("Bob@x.test"), path("bob@x.test"));
        assert_eq!(path("bob@X.test").as_str(), "bob@X.test");
    }

    #[test]
    fn an_empty_reverse_path_is_the_null_reverse_path() {
        assert_eq!("".parse(), Ok(ReversePath::Null));
        assert_eq!(
            "a@x.test".parse::<ReversePath>().map(|path| path.to_string()),
            Ok("a@x.test".into())
        );
    }

    #[test]
    fn a_way_to_another_host_is_seen_in_a_local_part() {
        let is_routed = |text: &str| text.parse::<ForwardPath>().expect(text).is_routed();
        for text in ["eve%evil.test@x.test", "evil.test!eve@x.test", "eve＠evil.test@x.test"] {
            assert!(is_routed(text), "{text}");
        }
        for text in ["a@x.test", "bounce+eve=evil.test@x.test", "o'neil#1@x.test"] {
            assert!(!is_routed(text), "{text}");
        }
    }
}
