//! The name of a server: a DNS name or an IP address. Names that resolvers read in different ways are rejected.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// The host name or IP address of a server, as the account gives it.
///
/// ```
/// use smtp_connector_smtp::address::HostName;
///
/// assert!("smtp.example.com".parse::<HostName>().is_ok());
/// assert!("[2001:db8::1]".parse::<HostName>().is_ok());
/// assert!("smtps://smtp.example.com".parse::<HostName>().is_err());
/// // A resolver may read this as an IP address.
/// assert!("127.1".parse::<HostName>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostName {
    /// A DNS name in ASCII. A name that ends with a dot is looked up unchanged before any search domain is tried.
    Name(String),
    /// An IP address.
    Ip(IpAddr),
}

/// The reason why a text is not a valid host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidHostName {
    /// The text is empty.
    Empty,
    /// A URL, or a name with a port or a path.
    NotBare,
    /// A character that is not allowed in host names.
    Character(char),
    /// A part is empty, has more than 63 characters, or starts or ends with a hyphen; or the name has more than 253
    /// characters.
    Labels,
    /// The name ends in a number, so some resolvers would read it as an IP address.
    Numeric,
}

impl HostName {
    /// Reports whether this is `localhost` or a loopback address. Other names may still resolve to this machine.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(_) => self.without_root().eq_ignore_ascii_case("localhost"),
            Self::Ip(address) => address.to_canonical().is_loopback(),
        }
    }

    /// Returns the name without a dot at its end, as in certificates, or the address.
    pub fn without_root(&self) -> Cow<'_, str> {
        match self {
            Self::Name(name) => Cow::Borrowed(name.strip_suffix('.').unwrap_or(name)),
            Self::Ip(address) => Cow::Owned(address.to_string()),
        }
    }
}

impl FromStr for HostName {
    type Err = InvalidHostName;

    fn from_str(text: &str) -> Result<Self, InvalidHostName> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidHostName::Empty);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address = inside.parse::<Ipv6Addr>().map_err(|_| InvalidHostName::NotBare)?;
            return Ok(Self::Ip(address.into()));
        }
        if text.contains(['/', ':', '@', '?', '#']) {
            return Err(InvalidHostName::NotBare);
        }
        let name = Uts46::new()
            .to_ascii(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore)
            .map_err(|_| InvalidHostName::Labels)?;
        // A name may end with the dot of the root (RFC 1034 section 3.1).
        check_labels(name.strip_suffix('.').unwrap_or(&name))?;
        Ok(Self::Name(name.into_owned()))
    }
}

/// Checks the parts of an ASCII name, given without the dot of the root.
pub(super) fn check_labels(name: &str) -> Result<(), InvalidHostName> {
    // Host names have no underscores, but container runtimes often give such names.
    let strange = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    if let Some(character) = name.chars().find(|&c| strange(c)) {
        return Err(InvalidHostName::Character(character));
    }
    let bad = |label: &str| {
        label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-')
    };
    if name.len() > 253 || name.split('.').any(bad) {
        return Err(InvalidHostName::Labels);
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if numeric { Err(InvalidHostName::Numeric) } else { Ok(()) }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for InvalidHostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a host is needed, such as smtp.example.com"),
            Self::NotBare => f.write_str(
                "a host is a bare name such as smtp.example.com, without a scheme, port or path",
            ),
            Self::Character(c) => write!(f, "a host name cannot contain {c:?}"),
            Self::Labels => f.write_str(
                "each part of a host name has 1 to 63 characters, and no hyphen at its start or end",
            ),
            Self::Numeric => f.write_str(
                "a host name cannot end in a number, and this is not a complete IP address",
            ),
        }
    }
}

impl std::error::Error for InvalidHostName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses() {
        for (text, shown) in [
            ("smtp.example.com", "smtp.example.com"),
            ("localhost", "localhost"),
            ("smtp.example.com.", "smtp.example.com."),
            (" mail_relay ", "mail_relay"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("[::1]", "::1"),
        ] {
            assert_eq!(text.parse::<HostName>().map(|host| host.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn names_that_resolvers_would_read_differently_are_refused() {
        use InvalidHostName::*;
        for (text, reason) in [
            ("", Empty),
            ("smtps://mail.example", NotBare),
            ("mail.example:587", NotBare),
            ("mail.example/x", NotBare),
            ("[mail.example]", NotBare),
            ("mail example", Character(' ')),
            ("mail.example\0", Character('\0')),
            ("mail..example", Labels),
            ("mail.example..", Labels),
            (".", Labels),
            ("127.0.0.1.", Numeric),
            ("127.1.", Numeric),
            ("-mail.example", Labels),
            ("127.1", Numeric),
            ("0", Numeric),
            ("2130706433", Numeric),
            ("0x7f000001", Numeric),
            ("0177.0.0.1", Numeric),
        ] {
            assert_eq!(text.parse::<HostName>(), Err(reason), "{text}");
        }
        assert_eq!(format!("{}.example", "a".repeat(64)).parse::<HostName>(), Err(Labels));
    }

    #[test]
    fn the_machine_itself() {
        for (text, own) in [
            ("localhost", true),
            ("localhost.", true),
            ("127.8.8.8", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("192.0.2.1", false),
            ("mail.example", false),
        ] {
            assert_eq!(text.parse::<HostName>().map(|host| host.is_loopback()), Ok(own), "{text}");
        }
    }
}
