//! Media types: parsed, and written again from what was understood.

use std::fmt;

/// The type of a leaf part: `type/subtype` in lower case, and the parameters that readers act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    essence: String,
    parameters: Vec<(&'static str, String)>,
}

/// A media type as it was read, and what came with it.
#[derive(Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The type itself.
    pub media_type: MediaType,
    /// A file name, from the old `name` parameter.
    pub name: Option<String>,
    /// Whether parameters were left out that nobody acts on.
    pub dropped: bool,
}

/// Why a text is no media type of an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidMediaType {
    /// No slash, or more than a type and a subtype around it.
    Shape,
    /// A parameter that is no `name=value`.
    Parameter,
    /// More than 255 octets.
    TooLong,
    /// `multipart/*`: an attachment has no parts.
    Multipart,
    /// `message/partial` or `message/external-body`: mail that becomes other mail after the filters.
    Evasive,
}

/// Longer types are attacks on parsers; the longest registered one is below 100 octets.
const MAX_LENGTH: usize = 255;

/// Parameters that change how a reader shows a part. The rest says nothing to anybody, and goes.
const PARAMETERS: &[&str] = &["charset", "format", "delsp", "method", "component", "profile"];

impl MediaType {
    /// `application/octet-stream`: bytes of which nothing is known.
    pub fn octet_stream() -> Self {
        Self::plain("application/octet-stream")
    }

    /// Parses what stands in a Content-Type header (RFC 2045 section 5.1).
    pub fn parse(text: &str) -> Result<Parsed, InvalidMediaType> {
        if text.len() > MAX_LENGTH {
            return Err(InvalidMediaType::TooLong);
        }
        let (essence, mut rest) = match text.split_once(';') {
            Some((essence, rest)) => (essence, rest),
            None => (text, ""),
        };
        let essence = essence.trim_matches([' ', '\t']).to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/').ok_or(InvalidMediaType::Shape)?;
        if !is_token(kind) || !is_token(subtype) {
            return Err(InvalidMediaType::Shape);
        }
        if kind == "multipart" {
            return Err(InvalidMediaType::Multipart);
        }
        if matches!(essence.as_str(), "message/partial" | "message/external-body") {
            return Err(InvalidMediaType::Evasive);
        }
        let mut parsed = Parsed { media_type: Self::plain(&essence), name: None, dropped: false };
        while !rest.trim_matches([' ', '\t']).is_empty() {
            let (name, value, after) = parameter(rest).ok_or(InvalidMediaType::Parameter)?;
            rest = after;
            let parameters = &mut parsed.media_type.parameters;
            match PARAMETERS.iter().find(|known| name.eq_ignore_ascii_case(known)) {
                Some(known) if parameters.iter().all(|(given, _)| given != known) => {
                    parameters.push((known, value));
                }
                None if name.eq_ignore_ascii_case("name") => parsed.name = Some(value),
                _ => parsed.dropped = true,
            }
        }
        Ok(parsed)
    }

    /// The type that a file's name tells, by its extension.
    pub fn of_file_name(name: &str) -> Option<Self> {
        let guess = mime_guess::from_path(name).first_raw()?;
        let media_type = Self::parse(guess).ok()?.media_type;
        Some(media_type)
    }

    /// An extension for files of this type.
    pub fn extension(&self) -> Option<&'static str> {
        match self.essence.as_str() {
            // The table knows dozens for these, and the first of them is a stranger.
            "text/plain" => Some("txt"),
            "image/jpeg" => Some("jpg"),
            "application/octet-stream" => Some("bin"),
            essence => Some(*mime_guess::get_mime_extensions_str(essence)?.first()?),
        }
    }

    /// `type/subtype`, in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The parameters, values not quoted.
    pub fn parameters(&self) -> &[(&'static str, String)] {
        &self.parameters
    }

    /// Whether text cannot be of this type: what stands beside it as text is base64.
    pub fn is_binary(&self) -> bool {
        /// Types of documents and archives.
        const BINARY: &[&str] = &[
            "application/epub+zip",
            "application/gzip",
            "application/java-archive",
            "application/msword",
            "application/pdf",
            "application/pkcs7-mime",
            "application/pkcs7-signature",
            "application/vnd.rar",
            "application/wasm",
            "application/x-7z-compressed",
            "application/x-bzip2",
            "application/x-gzip",
            "application/x-pkcs12",
            "application/x-rar-compressed",
            "application/x-tar",
            "application/x-zip-compressed",
            "application/zip",
        ];
        /// Beginnings of such types: pictures, sounds, and the documents of office programs.
        const BINARY_PREFIXES: &[&str] = &[
            "application/vnd.ms-",
            "application/vnd.oasis.opendocument.",
            "application/vnd.openxmlformats-",
            "audio/",
            "font/",
            "image/",
            "video/",
        ];
        let essence = self.essence.as_str();
        !essence.ends_with("xml")
            && (BINARY.contains(&essence)
                || BINARY_PREFIXES.iter().any(|prefix| essence.starts_with(prefix)))
    }

    /// Whether this is a message inside the message, which may not be encoded (RFC 2046 section 5.2.1).
    pub fn is_message(&self) -> bool {
        self.essence.starts_with("message/")
    }

    fn plain(essence: &str) -> Self {
        Self { essence: essence.to_owned(), parameters: Vec::new() }
    }
}

/// The next `name=value`, and what follows it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.split_once('=')?;
    let name = name.trim_matches([' ', '\t']);
    if !is_token(name) {
        return None;
    }
    let rest = rest.trim_start_matches([' ', '\t']);
    let (value, rest) = match rest.strip_prefix('"') {
        Some(rest) => quoted(rest)?,
        None => {
            let (value, _) = rest.split_once(';').unwrap_or((rest, ""));
            let after = &rest[value.len()..];
            let value = value.trim_matches([' ', '\t']);
            if !is_token(value) {
                return None;
            }
            (value.to_owned(), after)
        }
    };
    let rest = rest.trim_start_matches([' ', '\t']);
    match rest.strip_prefix(';') {
        Some(rest) => Some((name, value, rest)),
        None => rest.is_empty().then_some((name, value, rest)),
    }
}

/// The inside of a quoted string, and what follows its second quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        match c {
            _ if c.is_control() => return None,
            _ if escaped => {
                escaped = false;
                value.push(c);
            }
            '\\' => escaped = true,
            '"' => return Some((value, &text[index + 1..])),
            _ => value.push(c),
        }
    }
    None
}

/// RFC 2045 section 5.1: printable ASCII without blanks and tspecials.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !br#"()<>@,;:\"/[]?="#.contains(&byte))
}

impl fmt::Display for MediaType {
    /// `type/subtype`: what the result and the messages of issues say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.essence)
    }
}

impl fmt::Display for InvalidMediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "a content type is written like application/pdf",
            Self::Parameter => "a parameter of the content type is not name=value",
            Self::TooLong => "the content type is longer than 255 octets",
            Self::Multipart => "an attachment cannot be multipart: attach its parts one by one",
            Self::Evasive => "message/partial and message/external-body are not sent",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_parameters_that_readers_act_on() {
        let parsed =
            MediaType::parse("Text/CSV; Charset=\"utf-8\"; x=1; name=\"a \\\"b\\\".csv\"").unwrap();
        assert_eq!(parsed.media_type.essence(), "text/csv");
        assert_eq!(parsed.media_type.parameters(), [("charset", "utf-8".to_owned())]);
        assert_eq!(parsed.name.as_deref(), Some("a \"b\".csv"));
        assert!(parsed.dropped);
        assert!(!MediaType::parse("application/pdf;").unwrap().dropped);
    }

    #[test]
    fn refuses_what_a_header_or_a_reader_could_stumble_over() {
        use InvalidMediaType::*;
        for (text, reason) in [
            ("pdf", Shape),
            ("", Shape),
            ("a/b/c", Shape),
            ("text /plain", Shape),
            ("mult\u{1}ipart/mixed", Shape),
            ("text/html\r\nX-Inj: 1\r\n\r\n<script>", Shape),
            ("text/plain; x\r\nX-Inj=\"1\"", Parameter),
            ("text/plain; charset=\"a\r\nb\"", Parameter),
            ("text/plain; charset=\"open", Parameter),
            ("text/plain; charset=a b", Parameter),
            ("text/plain; charset", Parameter),
            ("multipart/mixed; boundary=\"x\"", Multipart),
            ("message/partial; number=1", Evasive),
            ("message/external-body; access-type=local-file", Evasive),
        ] {
            assert_eq!(MediaType::parse(text), Err(reason), "{text}");
        }
        assert_eq!(MediaType::parse(&format!("text/plain{}", ";a=b".repeat(100))), Err(TooLong));
    }

    #[test]
    fn file_names_tell_types_and_types_extensions() {
        let of = |name| MediaType::of_file_name(name).map(|found| found.to_string());
        assert_eq!(of("report.PDF").as_deref(), Some("application/pdf"));
        assert_eq!(of("invite.ics").as_deref(), Some("text/calendar"));
        assert_eq!(of("report.qqzx"), None);
        assert_eq!(of("report"), None);
        let extension = |text| MediaType::parse(text).unwrap().media_type.extension();
        assert_eq!(extension("application/pdf"), Some("pdf"));
        assert_eq!(extension("text/plain"), Some("txt"));
        assert_eq!(extension("application/x-unheard-of"), None);
    }
}
