//! Media types: parsed, and written again from what was understood.

use std::fmt;

use encodify::rfc2047;
use percent_encoding::percent_decode_str;

/// The type of a leaf part: `type/subtype` in lower case, and the parameters that readers act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    essence: String,
    parameters: Vec<(String, String)>,
}

/// A media type as it was read, and what came with it.
#[derive(Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The type itself.
    pub media_type: MediaType,
    /// A file name, from the old `name` parameter.
    pub name: Option<String>,
    /// Whether parameters were left out that cannot be written, or mean nothing in an attachment.
    pub dropped: bool,
}

/// Why a text is no media type of an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidMediaType {
    /// No slash, or more than a type and a subtype around it.
    Shape,
    /// A control character: a line break would start another header.
    Control,
    /// More than 255 octets.
    TooLong,
    /// `multipart/*`: an attachment has no parts.
    Multipart,
    /// `message/partial` or `message/external-body`: mail that becomes other mail after the filters.
    Evasive,
}

/// Longer types are attacks on parsers; the longest registered one is below 100 octets.
const MAX_LENGTH: usize = 255;

/// Octets of all the parameters of a header that are read.
const MAX_PARAMETERS: usize = 4096;
/// Longer names of parameters are nobody's.
const MAX_NAME: usize = 64;

impl MediaType {
    /// `application/octet-stream`: bytes of which nothing is known.
    pub fn octet_stream() -> Self {
        Self::plain("application/octet-stream")
    }

    /// `text/plain`.
    pub fn plain_text() -> Self {
        Self::plain("text/plain")
    }

    /// Parses what stands in a Content-Type header (RFC 2045 section 5.1).
    pub fn parse(text: &str) -> Result<Parsed, InvalidMediaType> {
        if text.len() > MAX_LENGTH {
            return Err(InvalidMediaType::TooLong);
        }
        let text = text.trim_ascii();
        if text.chars().any(|c| c.is_control() && c != '\t') {
            return Err(InvalidMediaType::Control);
        }
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
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
        let Parameters { given, broken } = Parameters::read(parameters);
        parsed.dropped = broken;
        for (name, value) in given {
            if name == "name" {
                parsed.name.get_or_insert(value);
            } else if !parsed.media_type.add(&name, value) {
                parsed.dropped = true;
            }
        }
        Ok(parsed)
    }

    /// Adds a parameter, unless there is one of that name, or it is none that an attachment may have.
    pub fn add(&mut self, name: &str, value: String) -> bool {
        let fits = is_token(name)
            && name.len() <= MAX_NAME
            && !name.contains(['*', '%', '\''])
            // It would make readers look for parts.
            && name != "boundary"
            && !value.chars().any(char::is_control)
            && self.parameter(name).is_none();
        if fits {
            self.parameters.push((name.to_owned(), value));
        }
        fits
    }

    /// Says that text of this type is UTF-8; returns whether it said otherwise.
    pub fn set_utf8(&mut self) -> bool {
        let is_utf8 = |charset: &str| {
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
        };
        match self.parameters.iter_mut().find(|(name, _)| name == "charset") {
            Some((_, charset)) if is_utf8(charset) => false,
            Some((_, charset)) => {
                "utf-8".clone_into(charset);
                true
            }
            None => {
                if self.is_text() {
                    self.parameters.push(("charset".to_owned(), "utf-8".to_owned()));
                }
                false
            }
        }
    }

    /// The value of a parameter.
    pub fn parameter(&self, wanted: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
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
    pub fn parameters(&self) -> &[(String, String)] {
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

    /// Whether this is text, which is in some charset.
    pub fn is_text(&self) -> bool {
        self.essence.starts_with("text/")
    }

    fn plain(essence: &str) -> Self {
        Self { essence: essence.to_owned(), parameters: Vec::new() }
    }
}

/// Parameters as a header has them, names in small letters, those in the forms of RFC 2231 and RFC 2047 decoded.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// Names and values. Two may have one name.
    pub given: Vec<(String, String)>,
    /// Whether there were others that are not `name=value`.
    pub broken: bool,
}

impl Parameters {
    /// Reads what follows the first semicolon of a header.
    pub fn read(text: &str) -> Self {
        let mut parameters = Self::default();
        // Longer ones are attacks on parsers.
        let text = &text[..text.floor_char_boundary(MAX_PARAMETERS)];
        // The pieces of values that are cut into several (RFC 2231 section 3), in their order.
        let mut pieces: Vec<(String, Vec<u8>)> = Vec::new();
        let mut rest = text;
        while !rest.trim_matches([' ', '\t', ';']).is_empty() {
            let Some((name, value, after)) = parameter(rest) else {
                parameters.broken = true;
                rest = rest.split_once(';').map_or("", |(_, after)| after);
                continue;
            };
            rest = after;
            let name = name.to_ascii_lowercase();
            let Some((base, form)) = name.split_once('*') else {
                let value = decode_words(&value);
                parameters.given.push((name, value));
                continue;
            };
            // Only the first piece names a charset, and only encoded ones (`*` at the end) have codes.
            let is_encoded = form.is_empty() || form.ends_with('*');
            let is_first = matches!(form, "" | "0" | "0*");
            let value = match value.splitn(3, '\'').collect::<Vec<_>>().as_slice() {
                [_, _, text] if is_encoded && is_first => (*text).to_owned(),
                _ => value,
            };
            let bytes = match is_encoded {
                true => percent_decode_str(&value).collect(),
                false => value.into_bytes(),
            };
            match pieces.iter_mut().find(|(name, _)| name == base) {
                Some((_, so_far)) => so_far.extend(bytes),
                None => pieces.push((base.to_owned(), bytes)),
            }
        }
        for (name, bytes) in pieces {
            match String::from_utf8(bytes) {
                // The form that can hold every character is the right one, where both are given.
                Ok(value) => {
                    parameters.given.retain(|(given, _)| *given != name);
                    parameters.given.push((name, value));
                }
                Err(_) => parameters.broken = true,
            }
        }
        parameters
    }
}

/// Resolves encoded words, which stand in parameters although RFC 2047 section 5 forbids it.
fn decode_words(value: &str) -> String {
    match value.contains("=?") {
        true => rfc2047::decode_text(value.as_bytes(), rfc2047::utf8_charset).into_owned(),
        false => value.to_owned(),
    }
}

/// The next `name=value`, and what follows it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches([' ', '\t', ';']);
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
    (rest.is_empty() || rest.starts_with(';')).then_some((name, value, rest))
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
            Self::Control => "a control character cannot stand in a content type",
            Self::TooLong => "the content type is longer than 255 octets",
            Self::Multipart => "an attachment cannot be multipart: attach its parts one by one",
            Self::Evasive => "message/partial and message/external-body are not sent",
        })
    }
}

#[cfg(test)]
mod tests;
