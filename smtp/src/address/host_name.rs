//! The name of a server: a DNS name or an IP address, and nothing that a resolver would read otherwise.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// Where a server is, as the account names it.
///
/// ```
/// use smtp_connector_smtp::address::HostName;
///
/// assert!("smtp.example.com".parse::<HostName>().is_ok());
/// assert!("[2001:db8::1]".parse::<HostName>().is_ok());
/// assert!("smtps://smtp.example.com".parse::<HostName>().is_err());
/// // An address to the resolver, and a name to everybody else.
/// assert!("127.1".parse::<HostName>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostName {
    /// A DNS name in ASCII. With a dot at its end, it is looked up as it is before any search domain is tried.
    Name(String),
    /// An address.
    Ip(IpAddr),
}

/// Why a text names no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidHostName {
    /// Nothing is there.
    Empty,
    /// A URL, or a name with a port or a path.
    NotBare,
    /// A character that no host name has.
    Character(char),
    /// A part that is empty, longer than 63 characters, or starts or ends with a hyphen; or more than 253
    /// characters in all.
    Labels,
    /// It ends in a number, so that some would read it as an IP address.
    Numeric,
}

impl HostName {
    /// Whether this is the machine itself, by its usual names. Other names may turn out to be.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(_) => self.without_root().eq_ignore_ascii_case("localhost"),
            Self::Ip(address) => address.to_canonical().is_loopback(),
        }
    }

    /// The name without a dot at its end, as it stands in certificates; or the address.
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
        // The dot of the root (RFC 1034 section 3.1) may be written.
        check_labels(name.strip_suffix('.').unwrap_or(&name))?;
        Ok(Self::Name(name.into_owned()))
    }
}

/// Checks the parts of a name in ASCII, without the dot of the root.
pub(super) fn check_labels(name: &str) -> Result<(), InvalidHostName> {
    // An underscore is in no host name, and in many a name that a container runtime gives.
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
                "a host is a bare name such as smtp.example.com: no scheme, no port, no path",
            ),
            Self::Character(c) => write!(f, "{c:?} cannot stand in a host name"),
            Self::Labels => f.write_str(
                "a host name has parts of 1 to 63 characters that do not start or end with a hyphen",
            ),
            Self::Numeric => f.write_str(
                "a host name does not end in a number, and this is no whole IP address either",
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
    fn what_resolvers_would_read_otherwise() {
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
