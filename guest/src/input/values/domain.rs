//! The domain of an address: ASCII labels, or international names as A-labels.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// A domain as used in headers and the envelope: ASCII, and lower case if it was given in Unicode.
///
/// A domain has at least two labels and at most 253 octets. A label has at most 63 octets: letters, digits and inner
/// hyphens. The last label is not a number (RFC 5321 section 4.1.2, RFC 1035 section 2.3.4, RFC 5890).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain(String);

/// The reason why a text is not a domain that mail can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidDomain {
    /// A domain literal, such as `[192.0.2.1]`.
    Literal,
    /// A character that is not allowed in host names.
    Character(char),
    /// Two dots in a row, or a dot at the start or the end.
    EmptyLabel,
    /// A label that starts or ends with a hyphen.
    Hyphen,
    /// A label of more than 63 octets.
    LabelTooLong,
    /// More than 253 octets.
    TooLong,
    /// A domain without a dot.
    SingleLabel,
    /// A last label that is a number, such as `1` or `0x1f`. The domain would be read as an IP address.
    Numeric,
    /// An `xn--` label that is not a valid A-label.
    Punycode,
    /// A character that IDNA drops or replaces, so that the domain is not the one that it looks like.
    Mapped,
}

/// The longest label in the DNS (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;
/// The longest domain. 255 octets in the DNS are 253 characters (RFC 5321 section 4.5.3.1.2 says 255 with the `@`).
const MAX_DOMAIN: usize = 253;

impl Domain {
    /// Parses the text after the `@`.
    pub fn parse(text: &str) -> Result<Self, InvalidDomain> {
        if text.starts_with('[') {
            return Err(InvalidDomain::Literal);
        }
        // Checked before any work that grows with the text. A character is at most four octets, and at least one octet
        // in an A-label.
        if text.len() > 4 * MAX_DOMAIN {
            return Err(InvalidDomain::TooLong);
        }
        if text.is_ascii() { Self::parse_ascii(text) } else { Self::parse_unicode(text) }
    }

    /// Returns the domain in ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reports whether this is `other` or one of its subdomains.
    pub fn is_within(&self, other: &Self) -> bool {
        let start = self.0.len().checked_sub(other.0.len());
        start.is_some_and(|start| {
            let (before, end) = self.0.split_at(start);
            end.eq_ignore_ascii_case(&other.0) && (before.is_empty() || before.ends_with('.'))
        })
    }

    fn parse_ascii(text: &str) -> Result<Self, InvalidDomain> {
        let strange = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
        if let Some(character) = text.chars().find(|&c| strange(c)) {
            return Err(InvalidDomain::Character(character));
        }
        if text.len() > MAX_DOMAIN {
            return Err(InvalidDomain::TooLong);
        }
        let mut labels = 0;
        let mut last = "";
        for label in text.split('.') {
            if label.is_empty() {
                return Err(InvalidDomain::EmptyLabel);
            }
            if label.len() > MAX_LABEL {
                return Err(InvalidDomain::LabelTooLong);
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err(InvalidDomain::Hyphen);
            }
            if is_a_label(label) && !stands_for_something(label) {
                return Err(InvalidDomain::Punycode);
            }
            labels += 1;
            last = label;
        }
        if is_number(last) {
            return Err(InvalidDomain::Numeric);
        }
        if labels < 2 {
            return Err(InvalidDomain::SingleLabel);
        }
        Ok(Self(text.to_owned()))
    }

    fn parse_unicode(text: &str) -> Result<Self, InvalidDomain> {
        // Only case may be mapped, because BÜCHER and bücher are read as the same name.
        let lower = text.to_lowercase();
        let processor = Uts46::new();
        let ascii = processor
            .to_ascii(
                lower.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                DnsLength::Ignore,
            )
            .map_err(|_| InvalidDomain::Mapped)?;
        let (shown, read_back) =
            processor.to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
        if read_back.is_err() || shown != lower {
            return Err(InvalidDomain::Mapped);
        }
        Self::parse_ascii(&ascii)
    }
}

/// Reports whether resolvers read a label as a number: decimal, or hexadecimal after `0x`.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fn is_a_label(label: &str) -> bool {
    label.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"))
}

/// Reports whether an A-label is the A-label of the name that it decodes to, as RFC 5890 section 2.3.2.1 requires.
/// `xn--` before plain ASCII is not, and was accepted as another host (RUSTSEC-2024-0421).
fn stands_for_something(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    let (shown, outcome) =
        Uts46::new().to_unicode(lower.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    outcome.is_ok() && !shown.is_ascii()
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InvalidDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal => f.write_str("a domain in brackets is not supported; use a host name"),
            Self::Character(c) => write!(f, "{c:?} is not allowed in a domain"),
            Self::EmptyLabel => f.write_str("the domain is empty or has an extra dot"),
            Self::Hyphen => f.write_str("a part of the domain starts or ends with a hyphen"),
            Self::LabelTooLong => {
                write!(f, "a part of the domain is longer than {MAX_LABEL} characters")
            }
            Self::TooLong => write!(f, "the domain is longer than {MAX_DOMAIN} characters"),
            Self::SingleLabel => f.write_str("the domain has no dot, so it is incomplete"),
            Self::Numeric => f.write_str("the domain ends with a number, like an IP address"),
            Self::Punycode => f.write_str("the domain has an invalid xn-- part"),
            Self::Mapped => f.write_str(
                "the domain has characters that are dropped or replaced, so it is not the domain \
                 that it looks like; type it again",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_host_names_and_gives_a_labels() {
        for (text, ascii) in [
            ("example.com", "example.com"),
            ("Example.COM", "Example.COM"),
            ("c--n.com", "c--n.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("例子.测试", "xn--fsqu00a.xn--0zwm56d"),
            ("straße.example", "xn--strae-oqa.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(Domain::parse(text).map(|d| d.0), Ok(ascii.to_owned()), "{text}");
        }
        assert!(Domain::parse(&format!("{}.{}.test", "a".repeat(63), "b".repeat(63))).is_ok());
    }

    #[test]
    fn says_what_is_wrong_with_the_rest() {
        use InvalidDomain::*;
        for (text, reason) in [
            ("", EmptyLabel),
            ("example", SingleLabel),
            ("münchen", SingleLabel),
            ("example..net", EmptyLabel),
            ("example.net.", EmptyLabel),
            (".example.net", EmptyLabel),
            ("-example.net", Hyphen),
            ("iana-.com", Hyphen),
            ("exam ple.net", Character(' ')),
            ("exa_mple.net", Character('_')),
            ("example.net\0.evil.test", Character('\0')),
            ("[127.0.0.1]", Literal),
            ("127.0.0.1", Numeric),
            ("example.0x7F", Numeric),
            ("xn--", Hyphen),
            ("xn--a", Punycode),
            ("xn--example-.org", Hyphen),
            ("xn--example.org", Punycode),
            ("example.net\u{200b}", Mapped),
            ("exa\u{ad}mple.net", Mapped),
            ("example\u{3002}net", Mapped),
            ("ａｂ.example", Mapped),
            ("①②⑦.0.0.1", Mapped),
        ] {
            assert_eq!(Domain::parse(text), Err(reason), "{text}");
        }
        assert_eq!(Domain::parse(&format!("{}.test", "a".repeat(64))), Err(LabelTooLong));
        assert_eq!(Domain::parse(&"a.".repeat(130)), Err(TooLong));
        assert_eq!(Domain::parse(&"ü.".repeat(1_000_000)), Err(TooLong));
    }
}
