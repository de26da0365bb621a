//! Lists of addresses in one text: `Bob <bob@example.com>; "Doe, Jo" <jo@example.com>`.

use super::address::{Address, DisplayName, InvalidAddress, Mailbox};
use super::encoded_name;

/// One element of a list: an address, or the reason why it is invalid.
#[derive(Debug, PartialEq, Eq)]
pub struct Element<'t> {
    /// The text of the element, for messages.
    pub text: &'t str,
    pub mailbox: Result<Mailbox, InvalidAddress>,
}

/// The elements of a list: addresses with or without names, separated by `,` `;` or line breaks outside quotes and
/// `<>`.
///
/// A group (RFC 5322 section 3.4) is flattened: its members become recipients, its name is dropped.
///
/// The text is read in one pass. The list ends after an error that hides the start of the next address.
#[derive(Debug)]
pub struct Elements<'t> {
    rest: &'t str,
    /// The text from the name of the open group to the end.
    group: Option<&'t str>,
}

/// Parses a list.
pub fn parse_list(text: &str) -> Elements<'_> {
    Elements { rest: text, group: None }
}

impl<'t> Elements<'t> {
    /// Ends the list with an error about the rest of the list, `text`.
    fn give_up(&mut self, text: &'t str, reason: InvalidAddress) -> Option<Element<'t>> {
        self.rest = "";
        self.group = None;
        Some(Element { text, mailbox: Err(reason) })
    }
}

impl<'t> Iterator for Elements<'t> {
    type Item = Element<'t>;

    fn next(&mut self) -> Option<Element<'t>> {
        while !self.rest.is_empty() {
            let rest = self.rest;
            let (element, end) = match next_element(rest) {
                Ok(found) => found,
                Err(reason) => return self.give_up(rest, reason),
            };
            // Every separator is one byte long.
            self.rest = &rest[element.len() + usize::from(end.is_some())..];
            let trimmed = element.trim_ascii();
            if end == Some(':') {
                if is_prefix(rest, element.len()) {
                    return self.give_up(rest, InvalidAddress::Prefix);
                }
                if self.group.is_some() || phrase(trimmed).is_err() {
                    return self.give_up(rest, InvalidAddress::Group);
                }
                self.group = Some(rest);
                continue;
            }
            if end == Some(';') {
                self.group = None;
            }
            if !trimmed.is_empty() {
                return Some(Element { text: trimmed, mailbox: parse_mailbox(trimmed) });
            }
        }
        let open = self.group.take()?;
        self.give_up(open, InvalidAddress::Group)
    }
}

/// Parses the text of a field that takes one address.
pub fn parse_one(text: &str) -> Result<Mailbox, InvalidAddress> {
    let text = text.trim_ascii();
    match next_element(text)? {
        (element, None) => parse_mailbox(element),
        (element, Some(':')) if is_prefix(text, element.len()) => Err(InvalidAddress::Prefix),
        (_, Some('\r' | '\n')) => Err(InvalidAddress::LineBreak),
        (_, Some(_)) => Err(InvalidAddress::Several),
    }
}

/// Reports whether the text before a `:` is not a group's name: `mailto:bob@example.com`.
fn is_prefix(text: &str, colon: usize) -> bool {
    /// URL schemes that are copied together with an address.
    const SCHEMES: &[&str] = &["mailto", "smtp", "sip", "http", "https"];
    let before = text[..colon].trim_ascii();
    let after = &text[colon + 1..];
    SCHEMES.iter().any(|scheme| before.eq_ignore_ascii_case(scheme))
        || after.starts_with(|c: char| !c.is_whitespace()) && !after.contains(';')
}

/// Returns the text up to the end of an element, and the character that ends it: a separator, or the `:` after a
/// group's name.
///
/// In or after a name without an address, a line break before a space or tab is a fold (RFC 5322 section 2.2.3). A fold
/// does not end the element.
fn next_element(text: &str) -> Result<(&str, Option<char>), InvalidAddress> {
    let mut quoted = false;
    let mut escaped = false;
    let mut bracket = false;
    let mut angle = false;
    let mut at = false;
    let mut is_name = false;
    for (index, c) in text.char_indices() {
        // Text that may be a name, without an address so far.
        is_name = !at && !angle && (is_name || !c.is_ascii_whitespace());
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '\r' | '\n' if quoted || bracket => return Err(InvalidAddress::LineBreak),
            _ if quoted => {}
            '<' => {
                bracket = true;
                angle = true;
            }
            '>' => bracket = false,
            '@' => at = true,
            '\r' | '\n' if is_name && goes_on(&text[index..]) => {}
            ':' if !at && !bracket => return Ok((&text[..index], Some(c))),
            ',' | ';' | '\r' | '\n' if !bracket => return Ok((&text[..index], Some(c))),
            _ => {}
        }
    }
    if quoted {
        return Err(InvalidAddress::UnclosedQuote);
    }
    Ok((text, None))
}

/// Reports whether the line after a line break begins with a space or tab.
fn goes_on(line_break: &str) -> bool {
    let next = line_break.strip_prefix("\r\n").unwrap_or(&line_break[1..]);
    next.starts_with([' ', '\t'])
}

fn parse_mailbox(text: &str) -> Result<Mailbox, InvalidAddress> {
    let Some(open) = find_unquoted(text, '<') else {
        if text.ends_with('"') && !text.contains('@') {
            return Err(InvalidAddress::NameAlone);
        }
        return Ok(Mailbox { name: None, address: Address::parse(text)? });
    };
    let (name, rest) = text.split_at(open);
    let Some(inside) = rest[1..].strip_suffix('>') else { return Err(InvalidAddress::Brackets) };
    if inside.contains(['<', '>']) {
        return Err(InvalidAddress::Brackets);
    }
    let name = name.trim_ascii();
    // Programs that have no name for an address write the address twice.
    let name = match name.contains('"') || Address::parse(name).is_err() {
        true => phrase(name)?,
        false => name.to_owned(),
    };
    let address = Address::parse(inside.trim_matches([' ', '\t']))?;
    // A name copied from another email's header is already encoded. The decoded name is checked by the same rules.
    Ok(Mailbox { name: DisplayName::parse(&encoded_name::decode(&name))?, address })
}

/// Parses a phrase: words and quoted strings, joined with one space between them.
fn phrase(text: &str) -> Result<String, InvalidAddress> {
    let mut name = String::with_capacity(text.len());
    let mut quoted = false;
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => {
                escaped = false;
                name.push(c);
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => name.push(c),
            '(' | ')' => return Err(InvalidAddress::Comment),
            '<' | '>' | '[' | ']' | ':' | ';' | '@' | '\\' | ',' => {
                return Err(InvalidAddress::Name(c));
            }
            ' ' | '\t' | '\r' | '\n' if name.ends_with(' ') => {}
            '\t' | '\r' | '\n' => name.push(' '),
            _ => name.push(c),
        }
    }
    if quoted { Err(InvalidAddress::UnclosedQuote) } else { Ok(name) }
}

fn find_unquoted(text: &str, wanted: char) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    text.char_indices().find_map(|(index, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if c == wanted && !quoted => return Some(index),
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::assert_linear;
    use InvalidAddress::*;

    /// Returns the name and the address of each element, or the reason why it is invalid.
    fn read(text: &str) -> Vec<Result<(String, String), InvalidAddress>> {
        parse_list(text)
            .map(|element| {
                element.mailbox.map(|mailbox| {
                    let name = mailbox.name.map_or(String::new(), |name| name.as_str().to_owned());
                    (name, mailbox.address.to_string())
                })
            })
            .collect()
    }

    fn addresses(text: &str) -> Vec<String> {
        read(text).into_iter().map(|element| element.unwrap().1).collect()
    }

    fn reason(text: &str) -> InvalidAddress {
        read(text).into_iter().find_map(Result::err).expect("an issue")
    }

    #[test]
    fn separators_are_comma_semicolon_and_line_break() {
        let all = ["a@x.test", "b@x.test", "c@x.test", "d@x.test"];
        assert_eq!(addresses("a@x.test, b@x.test;c@x.test\r\nd@x.test"), all);
        assert_eq!(addresses("a@x.test,"), ["a@x.test"]);
        assert_eq!(addresses(" ,; \n"), [""; 0]);
    }

    #[test]
    fn names_may_be_quoted_and_hold_separators() {
        for (text, name) in [
            ("Bob <bob@x.test>", "Bob"),
            ("\"Doe, Jo\" <bob@x.test>", "Doe, Jo"),
            ("\"a \\\"b\\\" \\\\\" <bob@x.test>", "a \"b\" \\"),
            ("J. R.  Bücher <bob@x.test>", "J. R. Bücher"),
            ("<bob@x.test>", ""),
            ("bob@x.test <bob@x.test>", "bob@x.test"),
            ("Bob\r\n <bob@x.test>", "Bob"),
            ("Bob\n\tBrown <bob@x.test>", "Bob Brown"),
            ("\"a@x.test\"\r\n <bob@x.test>", "a@x.test"),
            ("=?utf-8?Q?B=C3=B6b?=\r\n =?utf-8?Q?_Brown?= <bob@x.test>\r\n", "Böb Brown"),
            ("\"\" <bob@x.test>", ""),
            ("\"<evil@evil.test>\" <bob@x.test>", "<evil@evil.test>"),
        ] {
            assert_eq!(read(text), [Ok((name.to_owned(), "bob@x.test".to_owned()))], "{text}");
        }
    }

    #[test]
    fn groups_are_flattened() {
        assert_eq!(addresses("Team: a@x.test, B <b@x.test>;"), ["a@x.test", "b@x.test"]);
        assert_eq!(addresses("Team:;, c@x.test"), ["c@x.test"]);
        assert_eq!(reason("Team: a@x.test"), Group);
        assert_eq!(reason("A: B: a@x.test;;"), Group);
        assert_eq!(reason(&format!("{}bob@x.test;", "a:".repeat(10_000))), Group);
        assert!(read("a@x.test\r\nX-Injected: 1").contains(&Err(Group)));
    }

    #[test]
    fn only_a_group_is_called_one() {
        for text in
            ["mailto:bob@x.test", "MAILTO: bob@x.test", "a@x.test, mailto:bob@x.test;", "12:30"]
        {
            assert_eq!(reason(text), Prefix, "{text}");
        }
        assert_eq!(parse_one("mailto:bob@x.test"), Err(Prefix));
        assert!(!Prefix.to_string().contains("group"));
    }

    #[test]
    fn a_line_break_after_an_address_ends_it_whatever_follows() {
        assert_eq!(
            addresses("a@x.test\n b@x.test\r\n\t<c@x.test>"),
            ["a@x.test", "b@x.test", "c@x.test"]
        );
        assert_eq!(addresses("A <a@x.test>\n <b@x.test>"), ["a@x.test", "b@x.test"]);
        assert_eq!(reason("Bob\nbob@x.test"), NoAt);
        assert!(read("Bob\r\n Bcc: e@evil.test").contains(&Err(Group)));
    }

    #[test]
    fn one_bad_element_does_not_hide_the_others() {
        let found = read("a@x.test, bob, b@x.test");
        assert_eq!(found.len(), 3);
        assert_eq!(found[1], Err(NoAt));
    }

    #[test]
    fn what_only_looks_like_a_list_is_an_issue() {
        for (text, why) in [
            ("<bob@x.test", Brackets),
            ("bob@x.test>", Domain(super::super::domain::InvalidDomain::Character('>'))),
            ("Bob <bob@x.test> x", Brackets),
            ("Bob <<bob@x.test>>", Brackets),
            ("\"Bob\"", NameAlone),
            ("\"Bob <bob@x.test>", UnclosedQuote),
            ("\"Al\r\nBcc: evil@evil.test\" <bob@x.test>", LineBreak),
            ("Bob (Sales) <bob@x.test>", Comment),
            ("a@x.test b@x.test <bob@x.test>", Name('@')),
            ("bob@ <bob@x.test>", Name('@')),
            ("\"a\u{7}b\" <bob@x.test>", Character('\u{7}')),
            ("=?utf-8?Q?a=0D=0ABcc=3A_e?= <bob@x.test>", LineBreak),
            ("=?utf-8?Q?a=00?= <bob@x.test>", Character('\0')),
            ("bob@[IPv6:::1]", Domain(super::super::domain::InvalidDomain::Literal)),
            ("\"user\"@example.com(x)evil.com", Quoted),
        ] {
            assert_eq!(reason(text), why, "{text}");
        }
    }

    #[test]
    fn one_address_is_one_address() {
        assert!(parse_one(" Bob <bob@x.test> ").is_ok());
        assert!(parse_one("Bob <bob@x.test>\r\n").is_ok());
        assert!(parse_one("Bob\r\n <bob@x.test>").is_ok());
        for (text, why) in [
            ("a@x.test, b@x.test", Several),
            ("Team: a@x.test;", Several),
            ("a@x.test\nb@x.test", LineBreak),
            ("a@x.test\r\nBcc: b@x.test", LineBreak),
            ("", NoAt),
        ] {
            assert_eq!(parse_one(text), Err(why), "{text}");
        }
    }

    #[test]
    fn hostile_lists_take_time_in_proportion_to_their_length() {
        for piece in
            ["(", "((", "\"", "<", "a@x.test,", "a:", "\\\"", "a@b@", "a\n ", "\n ", ": ", "a:a;"]
        {
            assert_linear(piece, |list| parse_list(list).for_each(drop));
        }
    }
}
