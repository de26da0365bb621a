//! One address: strict, linear in time, the same in header and envelope.
//!
//! RFC 5321's `Dot-string "@" Domain` and nothing else of the grammar. What is left out (comments,
//! quoted local parts, source routes, literals) is what parsers read differently, and where mail has
//! gone to another address than the one that was checked.

use std::fmt;

use super::domain::{Domain, InvalidDomain};

/// An address that mail can be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// All of it, as headers and the envelope have it.
    text: String,
    domain: Domain,
}

/// An address with the name that is shown for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pub name: Option<DisplayName>,
    pub address: Address,
}

/// A name to show for an address: text without control characters, not blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

/// Why a text is no address.
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
    /// `Name <bob@example.com` and the like.
    Brackets,
    /// A name with a character that must be in quotes.
    Name(char),
    /// A quoted name without its second quote.
    UnclosedQuote,
    NameTooLong,
    /// A name in quotes where an address should be.
    NameAlone,
    /// A group inside a group, or one without its `;`.
    Group,
    /// `mailto:bob@example.com`, and other words before a colon that are not a group's name.
    Prefix,
    /// A group, or more than one address, where one is asked for.
    Several,
}

/// RFC 5321 section 4.5.3.1.1.
const MAX_LOCAL_PART: usize = 64;
/// RFC 5321 section 4.5.3.1.3, without the brackets.
const MAX_ADDRESS: usize = 254;
/// No reader shows more characters of a name than this.
const MAX_NAME: usize = 500;

impl Address {
    /// Parses an address without a name around it: `bob@example.com`.
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

    /// As it goes into headers and the envelope.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Whether the address can be sent without SMTPUTF8 (RFC 6531).
    pub fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }

    /// What two spellings of one mailbox have in common: the domain's case does not matter, and the
    /// local part's does (RFC 5321 section 2.4).
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

/// RFC 5322 section 3.2.3.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// Characters without a shape of their own (Unicode's Cf and kin): two addresses that differ in one of
/// them look the same.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

impl DisplayName {
    /// A name, blanks and line breaks around it taken off. None: there is nothing to show.
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
            Self::NoAt => "there is no @ in it",
            Self::TwoAts => "there is more than one @ in it",
            Self::NoLocalPart => "there is nothing before the @",
            Self::Quoted => "a local part in quotes is not supported",
            Self::Comment => "comments in parentheses are not supported",
            Self::Route => "routes are not supported; give the last address alone",
            Self::Blank => "there is a blank in it",
            Self::LineBreak => "there is a line break in it",
            Self::Character(c) => return write!(f, "{c:?} cannot stand in it"),
            Self::Dots => "a dot before the @ has nothing before or after it",
            Self::LocalTooLong => {
                return write!(f, "more than {MAX_LOCAL_PART} octets stand before the @");
            }
            Self::TooLong => return write!(f, "it has more than {MAX_ADDRESS} octets"),
            Self::Domain(reason) => return reason.fmt(f),
            Self::Brackets => "an address with a name is written: Name <bob@example.com>",
            Self::Name(c) => {
                return write!(f, "{c:?} in a name needs quotes: \"Doe, Jo\" <jo@example.com>");
            }
            Self::UnclosedQuote => "a quote is not closed",
            Self::NameTooLong => return write!(f, "the name is longer than {MAX_NAME} octets"),
            Self::NameAlone => "there is a name, but no address in < >",
            Self::Group => "a group is written: Team: a@example.com, b@example.com;",
            Self::Prefix => "leave out what stands before the colon",
            Self::Several => "one address is asked for here",
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
        // Encoded words are a header's; this may be a name that looks like one.
        assert_eq!(name("=?UTF-8?Q?J=C3=B6rg?="), Ok(Some("=?UTF-8?Q?J=C3=B6rg?=".to_owned())));
    }

    #[test]
    fn the_same_mailbox_has_the_same_key() {
        let key = |text| Address::parse(text).unwrap().key();
        assert_eq!(key("Bob@EXAMPLE.net"), key("Bob@example.net"));
        assert_ne!(key("Bob@example.net"), key("bob@example.net"));
    }
}
