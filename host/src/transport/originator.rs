//! Whom a message says it is from.

/// The addresses in the value of a From or Sender header. None: there is none, or what stands there could
/// be read in two ways.
///
/// Not a parser of RFC 5322 but something stricter: text in quotes and encoded words name nobody, comments
/// are not looked into but refused, and everything else with an @ in it counts, so that no reader can find
/// an address that is not here.
pub(super) fn addresses(value: &str) -> Option<Vec<String>> {
    let mut plain = String::with_capacity(value.len());
    let mut quoted = false;
    let mut escaped = false;
    for c in value.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | ')' | '[' | ']' | '\\' => return None,
            '<' | '>' | ',' | ';' | ':' => plain.push(' '),
            c => plain.push(c),
        }
    }
    let words = plain.split_whitespace().filter(|word| !is_encoded_word(word));
    let found: Vec<_> = words.filter(|word| word.contains('@')).map(str::to_owned).collect();
    (!quoted && !found.is_empty()).then_some(found)
}

/// RFC 2047 section 2.
fn is_encoded_word(word: &str) -> bool {
    let inside = word.strip_prefix("=?").and_then(|rest| rest.strip_suffix("?="));
    inside.is_some_and(|inside| inside.split('?').count() == 3 && !inside.contains('@'))
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
            assert_eq!(addresses(value).map(|all| all.join(" ")).as_deref(), found, "{value}");
        }
    }
}
