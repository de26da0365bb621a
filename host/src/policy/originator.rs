//! The addresses in a message's From and Sender headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The addresses that a reader may find in a From or Sender header.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Originator {
    /// The addresses.
    pub(super) addresses: Vec<String>,
    /// The texts in display names that look like an address, decoded.
    pub(super) addresses_in_names: Vec<String>,
}

impl Originator {
    /// Reads the value of a header. Returns `None` if there is no address, or if the value is ambiguous.
    ///
    /// This is stricter than an RFC 5322 parser. It refuses comments, treats quoted text and encoded words as names,
    /// and counts everything else with an @ as an address. So a reader cannot find an address that is not here.
    pub(super) fn read(value: &str) -> Option<Self> {
        let (plain, quoted) = apart(value)?;
        let mut names = Vec::new();
        let mut addresses = Vec::new();
        for word in plain.split_whitespace() {
            match encoded_word(word) {
                Some(word) => names.extend(word?),
                None if looks_like_an_address(word) => addresses.push(word.to_owned()),
                // Only encoded words with nothing but blanks between them are joined (RFC 2047 section 2).
                None => names.push(b' '),
            }
        }
        let mut names = String::from_utf8_lossy(&names).into_owned();
        for text in quoted {
            names.push(' ');
            // Some readers also decode encoded words in quotes.
            for word in text.split_whitespace() {
                match encoded_word(word) {
                    Some(word) => names.push_str(&String::from_utf8_lossy(&word?)),
                    None => names.push_str(word),
                }
                names.push(' ');
            }
        }
        let between = |c: char| c.is_whitespace() || c.is_control() || "<>()\",;:".contains(c);
        let in_names = names.split(between).filter(|word| looks_like_an_address(word));
        let addresses_in_names = in_names.map(str::to_owned).collect();
        (!addresses.is_empty()).then_some(Self { addresses, addresses_in_names })
    }
}

/// Reports whether a reader may take a word for an address. It has an @, or a character that looks like one.
fn looks_like_an_address(word: &str) -> bool {
    word.contains(['@', '\u{ff20}', '\u{fe6b}'])
}

/// Splits a value into the text outside quotes and the texts in quotes.
fn apart(value: &str) -> Option<(String, Vec<String>)> {
    let mut plain = String::with_capacity(value.len());
    let mut quoted: Vec<String> = Vec::new();
    let mut is_quoted = false;
    let mut is_escaped = false;
    for c in value.chars() {
        match c {
            _ if is_escaped => {
                is_escaped = false;
                quoted.last_mut()?.push(c);
            }
            '\\' if is_quoted => is_escaped = true,
            '"' => {
                is_quoted = !is_quoted;
                if is_quoted {
                    quoted.push(String::new());
                }
            }
            _ if is_quoted => quoted.last_mut()?.push(c),
            '(' | ')' | '[' | ']' | '\\' => return None,
            '<' | '>' | ',' | ';' | ':' => plain.push(' '),
            c => plain.push(c),
        }
    }
    (!is_quoted).then_some((plain, quoted))
}

/// Returns the bytes of an encoded word (RFC 2047 section 2). `Some(None)` means that it cannot be decoded reliably.
fn encoded_word(word: &str) -> Option<Option<Vec<u8>>> {
    let inside = word.strip_prefix("=?")?.strip_suffix("?=")?;
    let mut parts = inside.split('?');
    let (charset, encoding, text) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || text.contains('@') {
        return None;
    }
    Some(decode(charset, encoding, text))
}

fn decode(charset: &str, encoding: &str, text: &str) -> Option<Vec<u8>> {
    // A language may follow the charset (RFC 2231 section 5).
    let charset = charset.split('*').next().unwrap_or_default().to_ascii_lowercase();
    // In these charsets, the octet of @ in ASCII always means @.
    let is_plain = matches!(charset.as_str(), "utf-8" | "us-ascii")
        || ["iso-8859-", "windows-125"].iter().any(|family| charset.starts_with(family));
    match encoding {
        _ if !is_plain => None,
        "b" | "B" => STANDARD.decode(text).ok(),
        "q" | "Q" => quoted_printable(text),
        _ => None,
    }
}

fn quoted_printable(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        octets.push(match first {
            b'_' => b' ',
            b'=' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                rest = &rest[2..];
                u8::from_str_radix(digits, 16).ok()?
            }
            other => other,
        });
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_that_a_reader_could_find_is_found() {
        for (value, found) in [
            (" a@x.test", Some("a@x.test")),
            (" Alice <a@x.test>", Some("a@x.test")),
            (" \"ceo@evil.test\" <a@x.test>", Some("a@x.test")),
            (" \"a\\\" <b@x.test>\" <a@x.test>", Some("a@x.test")),
            (" =?utf-8?B?w4Q=?= <a@x.test>", Some("a@x.test")),
            (" ceo@evil.test <a@x.test>", Some("ceo@evil.test a@x.test")),
            (" a@x.test, b@x.test", Some("a@x.test b@x.test")),
            (" =?utf-8?Q?b@x.test?= <a@x.test>", Some("=?utf-8?Q?b@x.test?= a@x.test")),
            (" <@relay.test:a@x.test>", Some("@relay.test a@x.test")),
            (" (b@x.test) a@x.test", None),
            (" \"open <a@x.test>", None),
            (" a@[127.0.0.1]", None),
            (" nobody", None),
            ("", None),
        ] {
            let all = Originator::read(value).map(|one| one.addresses.join(" "));
            assert_eq!(all.as_deref(), found, "{value}");
        }
    }

    #[test]
    fn an_address_in_a_name_is_seen_through_every_encoding() {
        for (value, found) in [
            (" Alice <a@x.test>", ""),
            (" \"Alice A\" <a@x.test>", ""),
            (" =?utf-8?Q?J=C3=B6rg?= <a@x.test>", ""),
            (" \"ceo@bank.test\" <a@x.test>", "ceo@bank.test"),
            (" \"The \\\"ceo\\@bank.test\\\"\" <a@x.test>", "ceo@bank.test"),
            (" =?utf-8?Q?ceo=40bank.test?= <a@x.test>", "ceo@bank.test"),
            (" =?UTF-8?B?Y2VvQGJhbmsudGVzdA==?= <a@x.test>", "ceo@bank.test"),
            (" =?utf-8?Q?ceo=40?= =?utf-8?Q?bank.test?= <a@x.test>", "ceo@bank.test"),
            (" =?utf-8?Q?ceo=EF=BC?= =?utf-8?Q?=A0bank.test?= <a@x.test>", "ceo\u{ff20}bank.test"),
            (" \"A @ B\" <a@x.test>", "@"),
            (" \"=?utf-8?Q?ceo=40bank.test?=\" <a@x.test>", "ceo@bank.test"),
        ] {
            let one = Originator::read(value).expect(value);
            assert_eq!(one.addresses_in_names.join(" "), found, "{value}");
            assert_eq!(one.addresses, ["a@x.test"], "{value}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_read_is_refused() {
        for value in [
            " =?utf-7?Q?ceo+AEA-bank.test?= <a@x.test>",
            " =?utf-16?B?AGMAZQBvAEA=?= <a@x.test>",
            " =?utf-8?B?!!?= <a@x.test>",
            " =?utf-8?X?ceo?= <a@x.test>",
        ] {
            assert!(Originator::read(value).is_none(), "{value}");
        }
    }
}
