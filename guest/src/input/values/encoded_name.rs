//! Names in encoded words (RFC 2047), copied from another email's header.

use std::borrow::Cow;

use encodify::rfc2047::decode_text;

/// Decodes a name. A name that cannot be decoded is unchanged.
pub fn decode(name: &str) -> Cow<'_, str> {
    if !name.contains("=?") {
        return Cow::Borrowed(name);
    }
    let mut is_known = true;
    let decoded = decode_text(name.as_bytes(), |charset, bytes, out| {
        is_known &= decode_charset(charset, bytes, out);
    });
    match is_known {
        true => Cow::Owned(decoded.into_owned()),
        false => Cow::Borrowed(name),
    }
}

/// Decodes the charsets of names: UTF-8, and those of Western Europe in old emails.
fn decode_charset(charset: &[u8], bytes: &[u8], out: &mut String) -> bool {
    let is = |name: &str| charset.eq_ignore_ascii_case(name.as_bytes());
    if is("utf-8") || is("utf8") || is("us-ascii") || is("ascii") {
        let text = std::str::from_utf8(bytes);
        out.push_str(text.unwrap_or_default());
        return text.is_ok();
    }
    if is("iso-8859-1") || is("latin1") || is("windows-1252") || is("cp1252") {
        // Programs that declare ISO-8859-1 use Windows-1252, and names contain no control characters.
        out.extend(bytes.iter().map(|&byte| match byte {
            0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
            _ => char::from(byte),
        }));
        return true;
    }
    if is("iso-8859-15") || is("latin9") {
        out.extend(bytes.iter().map(|&byte| match byte {
            0xa4 => '€',
            0xa6 => 'Š',
            0xa8 => 'š',
            0xb4 => 'Ž',
            0xb8 => 'ž',
            0xbc => 'Œ',
            0xbd => 'œ',
            0xbe => 'Ÿ',
            _ => char::from(byte),
        }));
        return true;
    }
    false
}

/// The characters of Windows-1252 from 0x80 to 0x9f (WHATWG Encoding, index windows-1252). ISO-8859-1 has control
/// characters there.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_out_of_a_header_is_read() {
        for (text, name) in [
            ("=?utf-8?B?0J3QsNC30LLQsNC90LjQtSDRgtC10YHRgtCw?=", "Название теста"),
            ("=?UTF-8?Q?J=C3=B6rg_M=C3=BCller?=", "Jörg Müller"),
            ("=?iso-8859-1?Q?Andr=E9?= Pirard", "André Pirard"),
            ("=?windows-1252?Q?O=92Neill?=", "O’Neill"),
            ("=?iso-8859-15?Q?=A4?=", "€"),
            ("=?utf-8?Q?J=C3=B6rg?= =?utf-8?Q?_M=C3=BCller?=", "Jörg Müller"),
            ("=?utf-8?B?U8O4cmVu?= and =?utf-8?B?U8O4cmVu?=", "Søren and Søren"),
        ] {
            assert_eq!(decode(text), name, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_stays() {
        for text in
            ["Bob", "=? what ?=", "=?koi8-r?B?0NLJ18XU?=", "=?utf-8?Q?=FF?=", "=?utf-8?X?a?="]
        {
            assert_eq!(decode(text), text);
        }
    }
}
