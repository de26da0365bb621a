//! Placeholders in a URL. Each value stays in the part of the URL that contains its placeholder.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// URL schemes whose content a mail program could run.
const SCRIPTS: &[&str] = &["data", "javascript", "vbscript"];

/// The characters that no part of a URL may contain.
const NEVER: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'`');
/// The characters to encode in a path, with those that end it.
const PATH: &AsciiSet = &NEVER.add(b'?').add(b'#');
/// The characters to encode in `mailto:`, whose query can add recipients.
const MAILTO: &AsciiSet = &PATH.add(b'&');
/// All characters that are not unreserved (RFC 3986 section 2.3).
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The characters to encode in a host, which may have a port.
const HOST: &AsciiSet = &COMPONENT.remove(b':');

/// Encodes a value for a URL after `before`. `next` is the character that follows the value. Returns `None` if the
/// value would make the URL a script.
pub(super) fn fill<'v>(before: &str, value: &'v str, next: Option<char>) -> Option<Cow<'v, str>> {
    let before = before.trim_start();
    let value = value.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    if !before.contains([':', '/', '?', '#']) && is_script(&[before, value].concat()) {
        return None;
    }
    if before.is_empty() {
        return Some(encode(value, NEVER));
    }
    let set = match before.split_once('#') {
        Some((_, "")) => NEVER,
        Some(_) => COMPONENT,
        None => match before.split_once('?') {
            // A whole query, or one or more whole parameters.
            Some(_) if before.ends_with(['?', '&', ';']) && next != Some('=') => PATH,
            Some(_) => COMPONENT,
            None => without_query(before, value, next),
        },
    };
    Some(encode(value, set))
}

/// Encodes a value for a URL that the host fetches, in a text that may contain several URLs. The host fills in the
/// input itself and compares the URLs, so only characters that every parser encodes are encoded. Returns `None` if the
/// value would begin another URL.
pub(super) fn fill_fetched<'v>(before: &str, value: &'v str) -> Option<Cow<'v, str>> {
    /// The characters that separate two URLs.
    const SEPARATORS: &[char] = &[',', ';', '|', ' ', '\t', '\r', '\n'];
    let start = before.trim_start();
    // `{{a}}, {{b}}`: the value is one or more whole URLs.
    if start.is_empty() || start.ends_with(SEPARATORS) {
        return Some(Cow::Borrowed(value));
    }
    let begins_url = |rest: &str| {
        ["http://", "https://", "data:"].iter().any(|scheme| {
            rest.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
    };
    let adds_url = value
        .match_indices(SEPARATORS)
        .any(|(at, separator)| begins_url(&value[at + separator.len()..]));
    if adds_url {
        return None;
    }
    // A data URI, or the id of an upload.
    if !start.contains("://") {
        return Some(Cow::Borrowed(value));
    }
    let encoded =
        value.replace(' ', "%20").replace('"', "%22").replace('<', "%3C").replace('>', "%3E");
    Some(if encoded == value { Cow::Borrowed(value) } else { Cow::Owned(encoded) })
}

fn without_query(before: &str, value: &str, next: Option<char>) -> &'static AsciiSet {
    if before.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:")) {
        return MAILTO;
    }
    let path = if next.is_some() { PATH } else { NEVER };
    let Some((_, rest)) = before.split_once("//") else { return path };
    let goes_on = next.is_some_and(|c| !matches!(c, '/' | '?' | '#'));
    match rest {
        _ if rest.contains('/') => path,
        "" if !goes_on => NEVER,
        // https://example.com{{path}}
        _ if !goes_on && value.starts_with(['/', '?', '#']) => path,
        _ => HOST,
    }
}

fn is_script(start: &str) -> bool {
    // Browsers skip white space and control characters in a scheme.
    let kept: String = start.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    let Some((scheme, rest)) = kept.split_once(':') else { return false };
    let is_picture = scheme.eq_ignore_ascii_case("data")
        && rest.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("image/"))
        && !rest.get(6..9).is_some_and(|kind| kind.eq_ignore_ascii_case("svg"));
    SCRIPTS.iter().any(|script| scheme.eq_ignore_ascii_case(script)) && !is_picture
}

fn encode<'v>(value: &'v str, set: &'static AsciiSet) -> Cow<'v, str> {
    let wide = std::ptr::eq(set, COMPONENT) || std::ptr::eq(set, HOST);
    // An encoded value is not encoded again.
    if wide && is_encoded(value) {
        return Cow::Borrowed(value);
    }
    if wide {
        return utf8_percent_encode(value, set).into();
    }
    // Characters beyond ASCII are unchanged.
    let ascii = |c: char| c.is_ascii() && !c.is_ascii_control();
    if value.chars().all(|c| !c.is_ascii() || (ascii(c) && !is_in(set, c))) {
        return Cow::Borrowed(value);
    }
    let mut encoded = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        if matches!(c, '\t' | '\r' | '\n') {
            continue;
        }
        let mut octets = [0; 4];
        match c.is_ascii() {
            true => encoded.extend(utf8_percent_encode(c.encode_utf8(&mut octets), set)),
            false => encoded.push(c),
        }
    }
    Cow::Owned(encoded)
}

fn is_in(set: &'static AsciiSet, c: char) -> bool {
    let mut octets = [0; 4];
    utf8_percent_encode(c.encode_utf8(&mut octets), set).next().is_some_and(|text| text.len() > 1)
}

/// Reports whether a value has only unreserved characters and percent codes, with at least one percent code.
fn is_encoded(value: &str) -> bool {
    let mut pieces = value.split('%');
    let plain =
        |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+".contains(&b));
    pieces.next().is_some_and(plain)
        && value.contains('%')
        && pieces.all(|piece| {
            let code = piece.as_bytes().get(..2);
            code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit)) && plain(piece)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_in_its_part_of_the_url() {
        for (before, value, next, filled) in [
            ("", "https://x.test/a b?c=1&d#e", None, "https://x.test/a%20b?c=1&d#e"),
            ("", "https://x.test/ü", None, "https://x.test/ü"),
            ("https://x.test/?q=", "a&b c=d#e/ü", None, "a%26b%20c%3Dd%23e%2F%C3%BC"),
            ("https://x.test/?q=", "100%", None, "100%25"),
            // Already encoded.
            ("https://x.test/?q=", "a%26b%3D", None, "a%26b%3D"),
            ("https://x.test/?", "a=1&b=2", None, "a=1&b=2"),
            ("https://x.test/?a=1&", "b=2", None, "b=2"),
            ("https://x.test/?a=1&", "b&c", Some('='), "b%26c"),
            ("https://x.test/#", "a/b?c", None, "a/b?c"),
            ("https://x.test/#a=", "b/c", None, "b%2Fc"),
            ("https://x.test/", "a/b?c#d", Some('/'), "a/b%3Fc%23d"),
            ("https://x.test/", "reset?token=1", None, "reset?token=1"),
            ("https://", "x.test/a", None, "x.test/a"),
            ("https://x.test", "/a", None, "/a"),
            ("https://x.test", "@evil.test", None, "%40evil.test"),
            ("https://", "evil.test/", Some('.'), "evil.test%2F"),
            ("https://", "evil.test#", Some('.'), "evil.test%23"),
            ("mailto:", "a@x.test?bcc=e@evil.test", None, "a@x.test%3Fbcc=e@evil.test"),
            ("mailto:a@x.test?subject=", "x&bcc=e@evil.test", None, "x%26bcc%3De%40evil.test"),
            ("page", "2", Some('.'), "2"),
            ("", "data:image/png;base64,AA", None, "data:image/png;base64,AA"),
            ("", " myapp://open ", None, "myapp://open"),
        ] {
            assert_eq!(fill(before, value, next).as_deref(), Some(filled), "{before}{value}");
        }
    }

    #[test]
    fn no_value_adds_a_file() {
        for (before, value, filled) in [
            (
                "",
                "https://x.test/a b, https://y.test/",
                Some("https://x.test/a b, https://y.test/"),
            ),
            ("https://x.test/, ", "https://y.test/", Some("https://y.test/")),
            ("https://x.test/", "Q3 report, final.pdf", Some("Q3%20report,%20final.pdf")),
            ("https://x.test/?u=", "https://y.test/", Some("https://y.test/")),
            ("https://x.test/", "a, https://evil.test/x", None),
            ("https://x.test/", "a;HTTP://evil.test/x", None),
            ("https://x.test/", "a\ndata:,x", None),
            ("data:text/plain;base64,", "aGk= ", Some("aGk= ")),
            ("upload-", "a b", Some("a b")),
        ] {
            assert_eq!(fill_fetched(before, value).as_deref(), filled, "{before}{value}");
        }
    }

    #[test]
    fn no_value_makes_a_script() {
        for (before, value) in [
            ("", "javascript:alert(1)"),
            ("", " \u{1}java\tscript:alert(1)"),
            ("", "JavaScript :alert(1)"),
            ("", "vbscript:x"),
            ("", "data:text/html,<script>"),
            ("", "data:image/svg+xml,<svg/>"),
            ("java", "script:alert(1)"),
        ] {
            assert_eq!(fill(before, value, None), None, "{before}{value}");
        }
    }
}
