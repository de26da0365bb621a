//! Data URIs (RFC 2397), which contain a whole file.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;

use super::base64_text::{Base64Text, InvalidBase64};

/// A parsed data URI.
#[derive(Debug)]
pub struct DataUri<'a> {
    /// The media type without parameters, or empty if there is none.
    pub media_type: String,
    /// The parameters, percent-decoded.
    pub parameters: Vec<(String, String)>,
    /// The bytes.
    pub content: Content<'a>,
}

/// The content of a data URI.
#[derive(Debug)]
pub enum Content<'a> {
    /// Base64, decoded while it is sent.
    Base64(Base64Text<'a>),
    /// Bytes, percent-decoded.
    Bytes(Cow<'a, [u8]>),
}

/// The reason why a text is not a valid data URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidDataUri {
    /// No comma between the type and the data.
    NoComma,
    /// A percent sign without two hexadecimal digits.
    Percent,
    /// Declared as base64, but not valid base64.
    Base64(InvalidBase64),
}

impl<'a> DataUri<'a> {
    /// Reports whether a text begins like a data URI.
    pub fn is_claimed_by(text: &str) -> bool {
        let start = text.trim_ascii_start().as_bytes();
        start.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"data:"))
    }

    /// Parses a data URI.
    pub fn parse(text: Cow<'a, str>) -> Result<Self, InvalidDataUri> {
        let comma = text.find(',').ok_or(InvalidDataUri::NoComma)?;
        let head = text[..comma].trim_ascii_start();
        let head = head.get("data:".len()..).unwrap_or_default().trim_ascii_end();
        let (media_type, is_base64) = match head.rsplit_once(';') {
            Some((rest, mark)) if mark.trim_ascii().eq_ignore_ascii_case("base64") => (rest, true),
            _ => (head, false),
        };
        let mut parts = media_type.split(';').map(str::trim_ascii);
        let media_type = parts.next().unwrap_or_default().to_owned();
        let parameters = parts.filter_map(parameter).collect();
        let data = match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[comma + 1..]),
            Cow::Owned(mut text) => Cow::Owned(text.split_off(comma + 1)),
        };
        let content = if is_base64 {
            let text = match data.contains('%') {
                true => String::from_utf8_lossy(&percent_decode(data)?).into_owned().into(),
                false => data,
            };
            Content::Base64(Base64Text::parse(text).map_err(InvalidDataUri::Base64)?)
        } else {
            Content::Bytes(percent_decode(data)?)
        };
        Ok(Self { media_type, parameters, content })
    }
}

/// Parses a parameter: `name=value`, or only a charset, which browsers accept.
fn parameter(text: &str) -> Option<(String, String)> {
    let is_utf8 = text.eq_ignore_ascii_case("utf8") || text.eq_ignore_ascii_case("utf-8");
    if is_utf8 {
        return Some(("charset".to_owned(), "utf-8".to_owned()));
    }
    let (name, value) = text.split_once('=')?;
    let value = value.trim_ascii();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
    Some((name.trim_ascii().to_ascii_lowercase(), value))
}

/// Decodes percent codes such as `%41` (RFC 3986 section 2.1). An incomplete one is an error.
fn percent_decode(text: Cow<'_, str>) -> Result<Cow<'_, [u8]>, InvalidDataUri> {
    let is_whole = |code: &str| {
        let digits = code.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    match text.split_once('%') {
        None => Ok(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }),
        Some((_, codes)) if codes.split('%').all(is_whole) => {
            Ok(Cow::Owned(percent_decode_str(&text).collect()))
        }
        Some(_) => Err(InvalidDataUri::Percent),
    }
}

impl fmt::Display for InvalidDataUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoComma => f.write_str(
                "a data URI needs a comma before its data: data:application/pdf;base64,JVBE...",
            ),
            Self::Percent => {
                f.write_str("each % in a data URI must be followed by two hexadecimal digits")
            }
            Self::Base64(reason) => reason.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(String, Vec<u8>), InvalidDataUri> {
        let uri = DataUri::parse(Cow::Borrowed(text))?;
        let mut bytes = Vec::new();
        match uri.content {
            Content::Base64(text) => text.decode_from(0, 3 * text.decoded_len(), &mut bytes),
            Content::Bytes(content) => bytes.extend_from_slice(&content),
        }
        let parameters: Vec<_> =
            uri.parameters.iter().map(|(name, value)| format!(";{name}={value}")).collect();
        Ok((uri.media_type + &parameters.concat(), bytes))
    }

    #[test]
    fn takes_type_and_bytes_apart() {
        for (text, media_type, bytes) in [
            ("data:text/plain;base64,aGk=", "text/plain", "hi"),
            ("DATA:,", "", ""),
            ("data:,a%20b+c%2C", "", "a b+c,"),
            ("data:image/svg+xml;charset=utf-8,<svg/>", "image/svg+xml;charset=utf-8", "<svg/>"),
            ("data:;base64,aGk%3D", "", "hi"),
            ("data:image/svg+xml;utf8,<svg/>", "image/svg+xml;charset=utf-8", "<svg/>"),
            ("data:;Name=\"%C3%BC b.txt\";x,", ";name=ü b.txt", ""),
            (" data:text/plain;charset=x;BASE64,aGk=", "text/plain;charset=x", "hi"),
        ] {
            let expected = (media_type.to_owned(), bytes.as_bytes().to_vec());
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(parse("data:text/plain"), Err(InvalidDataUri::NoComma));
        assert_eq!(parse("data:,100%"), Err(InvalidDataUri::Percent));
        assert_eq!(parse("data:,%G0"), Err(InvalidDataUri::Percent));
        assert_eq!(parse("data:;base64,aGk"), Err(InvalidDataUri::Base64(InvalidBase64::Padding)));
    }

    #[test]
    fn a_long_uri_is_borrowed() {
        let text = format!("data:application/pdf;base64,{}", "AAAA".repeat(1000));
        let uri = DataUri::parse(Cow::Borrowed(&text)).unwrap();
        assert!(matches!(uri.content, Content::Base64(_)));
        assert!(DataUri::is_claimed_by(&text));
        assert!(!DataUri::is_claimed_by("dätä:,"));
    }
}
