//! Media types. They are parsed, and written again from the parsed parts.

use std::fmt;

use encodify::rfc2047;
use percent_encoding::percent_decode_str;

/// The media type of an attachment or text: `type/subtype` in lower case, and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    essence: String,
    parameters: Vec<(String, String)>,
}

/// A parsed media type, with the other results of parsing it.
#[derive(Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The media type.
    pub media_type: MediaType,
    /// A file name, from the old `name` parameter.
    pub name: Option<String>,
    /// Whether some parameters were dropped because they are invalid or not allowed for an attachment.
    pub dropped: bool,
}

/// The reason why a text is not a valid media type for an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidMediaType {
    /// Not a type and a subtype with one slash between them.
    Shape,
    /// A control character. A line break would start another header.
    Control,
    /// More than 255 bytes.
    TooLong,
    /// `multipart/*`. An attachment has no parts.
    Multipart,
    /// `message/partial` or `message/external-body`, which become another message after the filters.
    Evasive,
}

/// The longest media type in bytes. The longest registered type is below 100 bytes, and longer ones are attacks on
/// parsers.
const MAX_LENGTH: usize = 255;

/// The most bytes of a header's parameters that are read.
const MAX_PARAMETERS: usize = 4096;
/// The longest name of a parameter in bytes. No program uses longer names.
const MAX_NAME: usize = 64;

impl MediaType {
    /// Returns `application/octet-stream`, the type of unknown bytes.
    pub fn octet_stream() -> Self {
        Self::plain("application/octet-stream")
    }

    /// Returns `text/plain`.
    pub fn plain_text() -> Self {
        Self::plain("text/plain")
    }

    /// Parses the value of a Content-Type header (RFC 2045 section 5.1).
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

    /// Adds a parameter, and returns whether it was added. A duplicate name, an invalid name or value, and `boundary`
    /// are not added.
    pub fn add(&mut self, name: &str, value: String) -> bool {
        let fits = is_token(name)
            && name.len() <= MAX_NAME
            && !name.contains(['*', '%', '\''])
            // A boundary would make mail programs look for parts.
            && name != "boundary"
            && !value.chars().any(char::is_control)
            && self.parameter(name).is_none();
        if fits {
            self.parameters.push((name.to_owned(), value));
        }
        fits
    }

    /// Sets the charset of a text type to UTF-8. Returns whether it replaced another charset.
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

    /// Returns the value of a parameter.
    pub fn parameter(&self, wanted: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the media type for the extension of a file name.
    pub fn of_file_name(name: &str) -> Option<Self> {
        let guess = mime_guess::from_path(name).first_raw()?;
        let media_type = Self::parse(guess).ok()?.media_type;
        Some(media_type)
    }

    /// Returns a file extension for this type.
    pub fn extension(&self) -> Option<&'static str> {
        match self.essence.as_str() {
            // The table has dozens of extensions for these, and the first one is uncommon.
            "text/plain" => Some("txt"),
            "image/jpeg" => Some("jpg"),
            "application/octet-stream" => Some("bin"),
            essence => Some(*mime_guess::get_mime_extensions_str(essence)?.first()?),
        }
    }

    /// Returns `type/subtype` in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// Returns the parameters. Their values are not quoted.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// Reports whether this type is binary, so that its content in a text is base64.
    pub fn is_binary(&self) -> bool {
        /// The types of documents and archives.
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
        /// The prefixes of binary types: pictures, sounds, and the documents of office programs.
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

    /// Reports whether this is an attached message, which must not be encoded (RFC 2046 section 5.2.1).
    pub fn is_message(&self) -> bool {
        self.essence.starts_with("message/")
    }

    /// Reports whether this is a text type, which has a charset.
    pub fn is_text(&self) -> bool {
        self.essence.starts_with("text/")
    }

    fn plain(essence: &str) -> Self {
        Self { essence: essence.to_owned(), parameters: Vec::new() }
    }
}

/// The parameters of a header. Names are in lower case, and values are decoded as in RFC 2231 and RFC 2047.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The names and values. A name can occur twice.
    pub given: Vec<(String, String)>,
    /// Whether there are other parameters that are not `name=value`.
    pub broken: bool,
}

impl Parameters {
    /// Parses the text after the first semicolon of a header.
    pub fn read(text: &str) -> Self {
        let mut parameters = Self::default();
        // Longer parameters are attacks on parsers.
        let text = &text[..text.floor_char_boundary(MAX_PARAMETERS)];
        // The values that are split into pieces (RFC 2231 section 3), joined in order.
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
            // Only the first piece has a charset, and only encoded pieces (`*` at the end) have percent codes.
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
                // If both forms are given, the one that supports all characters replaces the other.
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

/// Decodes encoded words, which programs write in parameters although RFC 2047 section 5 forbids it.
fn decode_words(value: &str) -> String {
    match value.contains("=?") {
        true => rfc2047::decode_text(value.as_bytes(), rfc2047::utf8_charset).into_owned(),
        false => value.to_owned(),
    }
}

/// Parses the next `name=value`, and returns it with the text after it.
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

/// Parses a quoted string after its opening quote. Returns its content and the text after its closing quote.
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

/// Reports whether a text is a token: printable ASCII without spaces and tspecials (RFC 2045 section 5.1).
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !br#"()<>@,;:\"/[]?="#.contains(&byte))
}

impl fmt::Display for MediaType {
    /// Writes `type/subtype`, as used in the result and in the messages of issues.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.essence)
    }
}

impl fmt::Display for InvalidMediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "a content type has the form type/subtype, such as application/pdf",
            Self::Control => "a control character is not allowed in a content type",
            Self::TooLong => "the content type is longer than 255 bytes",
            Self::Multipart => "an attachment cannot be multipart; attach its parts one by one",
            Self::Evasive => "message/partial and message/external-body are not supported",
        })
    }
}

#[cfg(test)]
mod tests;
