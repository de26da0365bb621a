//! Email addresses: parsed strictly, in linear time, and identical in header and envelope.
//!
//! Only RFC 5321's `Dot-string "@" Domain` is accepted. Comments, quoted local parts, source routes and literals are
//! rejected, because parsers read them differently. Such differences have sent mail to another address than the one
//! that was checked.

use std::fmt;

use super::domain::{Domain, InvalidDomain};

/// An address that mail can be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The whole address, as used in headers and the envelope.
    text: String,
    domain: Domain,
}

/// An address with its display name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pub name: Option<DisplayName>,
    pub address: Address,
}

/// The display name of an address: text without control characters, not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

/// The reason why a text is not a valid address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidAddress {
    NoAt,
    TwoAts,
    NoLocalPart,
    /// A quoted local part, such as `"a b"@example.com`.
    Quoted,
    Comment,
    /// A source route, such as `@relay.example:bob@example.com`.
    Route,
    Blank,
    LineBreak,
    Character(char),
    /// A dot at the start or end of the local part, or two in a row.
    Dots,
    LocalTooLong,
    TooLong,
    Domain(InvalidDomain),
    /// Wrong angle brackets, such as `Name <bob@example.com`.
    Brackets,
    /// A name with a character that needs quotes.
    Name(char),
    /// A quoted name without its closing quote.
    UnclosedQuote,
    NameTooLong,
    /// A quoted name without an address.
    NameAlone,
    /// A group inside a group, or a group without its `;`.
    Group,
    /// `mailto:bob@example.com`, or another word before a colon that is not a group's name.
    Prefix,
    /// A group, or more than one address, where one address is required.
    Several,
}

/// The longest local part in bytes (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;
/// The longest address in bytes (RFC 5321 section 4.5.3.1.3), without the brackets.
const MAX_ADDRESS: usize = 254;
/// The longest name in characters. No mail program shows more.
const MAX_NAME: usize = 500;

impl Address {
    /// Parses an address without a name: `bob@example.com`.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        use InvalidAddress::{Comment, LineBreak, NoAt, NoLocalPart, Quoted, Route, TwoAts};
        if text.bytes().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return Err(LineBreak);
        }
        if text.starts_with('"') {
            return Err(Quoted);
        }
        if text.bytes().any(|byte| matches!(byte, b'(' | b')')) {
            return Err(Comment);
        }
        let Some((local, domain)) = text.split_once('@') else { return Err(NoAt) };
        if local.is_empty() {
            return Err(if domain.contains(':') { Route } else { NoLocalPart });
        }
        check_local_part(local)?;
        if domain.contains('@') {
            return Err(TwoAts);
        }
        let domain = Domain::parse(domain).map_err(InvalidAddress::Domain)?;
        let text = [local, "@", domain.as_str()].concat();
        match text.len() {
            0..=MAX_ADDRESS => Ok(Self { text, domain }),
            _ => Err(InvalidAddress::TooLong),
        }
    }

    /// Returns the address as used in headers and the envelope.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Reports whether the address can be sent without SMTPUTF8 (RFC 6531).
    pub fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }

    /// Returns a key that is equal for two spellings of one mailbox. The case of the domain does not matter, the case
    /// of the local part does (RFC 5321 section 2.4).
    pub fn key(&self) -> String {
        let mut key = self.text.clone();
        let domain = key.len() - self.domain.as_str().len();
        key[domain..].make_ascii_lowercase();
        key
    }
}

fn check_local_part(local: &str) -> Result<(), InvalidAddress> {
    if local.len() > MAX_LOCAL_PART {
        return Err(InvalidAddress::LocalTooLong);
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err(InvalidAddress::Dots);
    }
    for c in local.chars() {
        match c {
            '.' => {}
            ' ' | '\t' => return Err(InvalidAddress::Blank),
            c if c.is_ascii() && !is_atext(c) => return Err(InvalidAddress::Character(c)),
            c if c.is_whitespace() || c.is_control() || is_invisible(c) => {
                return Err(InvalidAddress::Character(c));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reports whether a character is `atext` (RFC 5322 section 3.2.3).
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// Reports whether a character is invisible (Unicode category Cf and similar). Two addresses that differ only in
/// invisible characters look the same.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

impl DisplayName {
    /// Parses a name, without the white space around it. Returns `None` if the name is empty.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidAddress> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Ok(None);
        }
        if text.chars().count() > MAX_NAME {
            return Err(InvalidAddress::NameTooLong);
        }
        match text.chars().find(|c| c.is_control()) {
            Some('\r' | '\n') => Err(InvalidAddress::LineBreak),
            Some(control) => Err(InvalidAddress::Character(control)),
            None => Ok(Some(Self(text.to_owned()))),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NoAt => "it has no @",
            Self::TwoAts => "it has more than one @",
            Self::NoLocalPart => "the part before the @ is empty",
            Self::Quoted => "quotes before the @ are not supported",
            Self::Comment => "comments in parentheses are not supported",
            Self::Route => "source routes are not supported; give only the last address",
            Self::Blank => "it contains a space or tab",
            Self::LineBreak => "it contains a line break",
            Self::Character(c) => return write!(f, "{c:?} is not allowed in it"),
            Self::Dots => {
                "the part before the @ starts or ends with a dot, or has two dots in a row"
            }
            Self::LocalTooLong => {
                return write!(f, "the part before the @ is longer than {MAX_LOCAL_PART} bytes");
            }
            Self::TooLong => return write!(f, "it is longer than {MAX_ADDRESS} bytes"),
            Self::Domain(reason) => return reason.fmt(f),
            Self::Brackets => "write an address with a name as Name <bob@example.com>",
            Self::Name(c) => {
                return write!(f, "a name with {c:?} needs quotes: \"Doe, Jo\" <jo@example.com>");
            }
            Self::UnclosedQuote => "a quoted name has no closing quote",
            Self::NameTooLong => return write!(f, "the name is longer than {MAX_NAME} characters"),
            Self::NameAlone => "it has a name but no address in < >",
            Self::Group => "write a group as Team: a@example.com, b@example.com;",
            Self::Prefix => "remove the text before the colon",
            Self::Several => "only one address is allowed here",
        };
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_addresses_as_people_have_them() {
        for (text, written) in [
            ("test@iana.org", "test@iana.org"),
            ("!#$%&`*+/=?^`{|}~@iana.org", "!#$%&`*+/=?^`{|}~@iana.org"),
            ("bob%evil.test@example.net", "bob%evil.test@example.net"),
            ("o'neill+tag@example.co.uk", "o'neill+tag@example.co.uk"),
            ("user@bücher.example", "user@xn--bcher-kva.example"),
            ("jörg@example.net", "jörg@example.net"),
        ] {
            assert_eq!(Address::parse(text).map(|a| a.to_string()), Ok(written.to_owned()));
        }
        assert!(Address::parse(&format!("{}@example.net", "a".repeat(64))).is_ok());
        assert!(!Address::parse("jörg@example.net").unwrap().is_ascii());
    }

    #[test]
    fn says_what_is_wrong_with_the_rest() {
        use InvalidAddress::*;
        for (text, reason) in [
            ("", NoAt),
            ("bob", NoAt),
            ("@example.net", NoLocalPart),
            ("@relay.test:bob@example.net", Route),
            ("bob@@example.net", TwoAts),
            ("user@evil.test@example.net", TwoAts),
            ("\"a> SIZE=1 \"@example.net", Quoted),
            ("\"xclow3n@gmail.com x\"@internal.domain", Quoted),
            ("bob(x)@example.net", Comment),
            ("bob@good.com (x).evil.test", Comment),
            ("bo b@example.net", Blank),
            ("bob@example.net\r\nRCPT TO:<evil@evil.test>", LineBreak),
            ("bo\0b@example.net", Character('\0')),
            ("bo<b@example.net", Character('<')),
            ("bo\u{200b}b@example.net", Character('\u{200b}')),
            ("bo\u{a0}b@example.net", Character('\u{a0}')),
            ("test\\@test@iana.org", Character('\\')),
            (".bob@example.net", Dots),
            ("bob.@example.net", Dots),
            ("b..ob@example.net", Dots),
            ("bob@localhost", Domain(InvalidDomain::SingleLabel)),
            ("bob@[127.0.0.1]", Domain(InvalidDomain::Literal)),
        ] {
            assert_eq!(Address::parse(text), Err(reason), "{text}");
        }
        assert_eq!(Address::parse(&format!("{}@example.net", "ü".repeat(33))), Err(LocalTooLong));
        let long = |labels| format!("a@{}example.net", "b.".repeat(labels));
        assert_eq!(Address::parse(&long(120)).map(|address| address.as_str().len()), Ok(253));
        assert_eq!(Address::parse(&long(121)), Err(TooLong));
    }

    #[test]
    fn a_name_loses_what_is_around_it_and_is_text() {
        let name = |text: &str| DisplayName::parse(text).map(|name| name.map(|name| name.0));
        assert_eq!(name(" Bob Brown\r\n"), Ok(Some("Bob Brown".to_owned())));
        assert_eq!(name("\r\n"), Ok(None));
        assert_eq!(name("a\nb"), Err(InvalidAddress::LineBreak));
        // Encoded words belong in headers. This may be a name that looks like one.
        assert_eq!(name("=?UTF-8?Q?J=C3=B6rg?="), Ok(Some("=?UTF-8?Q?J=C3=B6rg?=".to_owned())));
    }

    #[test]
    fn the_same_mailbox_has_the_same_key() {
        let key = |text| Address::parse(text).unwrap().key();
        assert_eq!(key("Bob@EXAMPLE.net"), key("Bob@example.net"));
        assert_ne!(key("Bob@example.net"), key("bob@example.net"));
    }
}
