//! Attachments in all forms that platforms send.

mod builder;
mod bytes;
pub mod key;

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use builder::AttachmentBuilder;
use key::Key;

use crate::input::fields::fold;
use crate::input::fields::text::read_scalar;
use crate::input::findings::{Code, Findings, Path};
use crate::input::json::{Object, Value, embedded, warn_of_json};
use crate::input::values::base64_text::Base64Text;
use crate::input::values::data_uri::DataUri;
use crate::input::values::file_name::FileName;
use crate::input::values::media_type::MediaType;
use crate::input::values::message_id::ContentId;
use crate::input::values::web_address::WebAddress;

/// An attachment to send.
#[derive(Debug)]
pub struct Attachment<'a> {
    /// Its path in the input, for later issues.
    pub path: String,
    /// The source of its bytes.
    pub source: Source<'a>,
    /// Its file name.
    pub file_name: Option<FileName>,
    /// Its media type, if the input gives one.
    pub media_type: Option<MediaType>,
    /// The id by which an HTML body refers to it.
    pub content_id: Option<ContentId>,
    /// Whether to show it inside the body, if the input gives this.
    pub inline: Option<bool>,
    /// Whether the HTML shows it, by its content id. Set when the whole email has been read.
    pub is_shown: bool,
    /// The expected SHA-256 of its bytes.
    pub sha256: Option<[u8; 32]>,
    /// Whether to send the message without it if its source fails.
    pub optional: bool,
}

/// The source of an attachment's bytes.
#[derive(Debug)]
pub enum Source<'a> {
    /// Bytes in the input.
    Bytes(Cow<'a, [u8]>),
    /// Base64 in the input.
    Base64(Base64Text<'a>),
    /// The id of a file that the platform stores.
    Upload(String),
    /// A web address, which the host fetches.
    Web(WebAddress),
}

impl Source<'_> {
    /// Returns the hash of the bytes, if they are in the input.
    fn sha256(&self) -> Option<[u8; 32]> {
        match self {
            Self::Bytes(bytes) => Some(Sha256::digest(bytes).into()),
            Self::Base64(text) => {
                /// The number of bytes that are decoded at a time, a multiple of 3.
                const CHUNK: usize = 3 * 4096;
                let mut hash = Sha256::new();
                let mut chunk = Vec::with_capacity(CHUNK);
                for offset in (0..text.decoded_len()).step_by(CHUNK) {
                    chunk.clear();
                    text.decode_from(offset, CHUNK, &mut chunk);
                    hash.update(&chunk);
                }
                Some(hash.finalize().into())
            }
            Self::Upload(_) | Self::Web(_) => None,
        }
    }
}

/// Reads the field `attachments`: one attachment, an array of attachments, or `null`.
pub fn read_attachments<'a>(
    value: Value<'a>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Vec<Attachment<'a>> {
    match value {
        _ if value.is_absent() => Vec::new(),
        Value::String(text) if embedded(&text).is_some() => {
            warn_of_json(path, findings);
            // The text is dropped at the end of this scope, so the value must not borrow from it.
            let inner = embedded(&text).map_or(Value::Null, Value::into_owned);
            read_attachments(inner, path, findings)
        }
        Value::Array(items) => {
            let mut attachments = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                let place = path.index(index);
                match item {
                    _ if item.is_absent() => {}
                    // A file picker's value is an array, and may be inside another one: `[{{picker.files}}]`.
                    Value::Array(inner) => {
                        for (index, item) in inner.into_iter().enumerate() {
                            attachments.extend(read_element(item, &place.index(index), findings));
                        }
                    }
                    one => attachments.extend(read_element(one, &place, findings)),
                }
            }
            attachments
        }
        one => read_element(one, path, findings),
    }
}

/// Adds issues for more attachments than the account's limit, and for duplicate content ids.
pub fn check_number_and_ids(
    attachments: &[Attachment<'_>],
    most: u32,
    path: &Path<'_>,
    findings: &mut Findings,
) {
    let too_many = u32::try_from(attachments.len()).map_or(true, |number| number > most);
    if too_many && !findings.has_cut_list_in(path) {
        let message = format!(
            "there are {} attachments, and this account's limit is {most} for one message",
            attachments.len()
        );
        findings.issue(path, Code::TooMany, message);
    }
    let mut ids: Vec<_> = attachments.iter().filter_map(|one| one.content_id.as_ref()).collect();
    ids.sort_unstable();
    for pair in ids.windows(2) {
        if pair[0] == pair[1] {
            let message = format!("two attachments have the content id {:?}", pair[0].as_str());
            findings.issue(path, Code::InvalidContentId, message);
        }
    }
}

/// Reads one attachment, or a text with several URLs.
fn read_element<'a>(
    value: Value<'a>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Vec<Attachment<'a>> {
    match value {
        Value::String(Cow::Borrowed(text)) => split_urls(text)
            .filter_map(|url| read_string(Cow::Borrowed(url), path, findings))
            .collect(),
        // From a keyword, or with a JSON escape.
        Value::String(Cow::Owned(text)) if split_urls(&text).nth(1).is_some() => split_urls(&text)
            .filter_map(|url| read_string(Cow::Owned(url.to_owned()), path, findings))
            .collect(),
        other => read_attachment(other, path, findings).into_iter().collect(),
    }
}

/// Splits a text into URLs. Commas, semicolons, bars and white space separate two URLs. Without another URL after it, a
/// comma is part of the URL.
fn split_urls(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    let mut is_first = true;
    std::iter::from_fn(move || {
        let text = rest?;
        let url = text.trim_start_matches(is_separator);
        // The comma after the type of a data URI is not a separator, although a URL may follow it.
        let from = match DataUri::is_claimed_by(url) {
            true => url.find(',').map_or(url.len(), |comma| comma + 1),
            false => 0,
        };
        let next = url[from..]
            .match_indices(is_separator)
            .map(|(at, separator)| from + at + separator.len())
            .find(|&at| starts_url(&url[at..]));
        rest = next.map(|at| &url[at..]);
        let is_alone = is_first && next.is_none();
        is_first = false;
        match next {
            // A single URL is kept whole, because a comma at its end may be intended.
            _ if is_alone => Some(if starts_url(url) { url } else { text }),
            Some(at) => Some(url[..at].trim_end_matches(is_separator)),
            None => Some(url.trim_end_matches(is_separator)),
        }
    })
}

fn is_separator(c: char) -> bool {
    matches!(c, ',' | ';' | '|') || c.is_ascii_whitespace()
}

fn starts_url(text: &str) -> bool {
    ["http://", "https://", "data:"].iter().any(|start| {
        let bytes = text.as_bytes().get(..start.len());
        bytes.is_some_and(|bytes| bytes.eq_ignore_ascii_case(start.as_bytes()))
    })
}

fn read_attachment<'a>(
    value: Value<'a>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Option<Attachment<'a>> {
    match value {
        Value::String(text) => read_string(text, path, findings),
        Value::Object(members) => read_object(members, path, findings),
        other => {
            let message = format!(
                "an attachment must be a URL, a data URI or an object, not {}",
                other.kind()
            );
            findings.issue(path, Code::WrongType, message);
            None
        }
    }
}

/// Reads one URL or data URI.
fn read_string<'a>(
    text: Cow<'a, str>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Option<Attachment<'a>> {
    let mut builder = AttachmentBuilder::default();
    if DataUri::is_claimed_by(&text) {
        builder.data_uri(text, path, findings);
    } else if WebAddress::is_claimed_by(&text) {
        builder.web(&text, path, findings);
    } else {
        let looks_local = text.starts_with(['/', '.', '~', '\\']) || text.contains(":\\");
        let (code, message) = match looks_local {
            true => (Code::LocalPath, NO_FILE_SYSTEM),
            false => (
                Code::AttachmentSource,
                "an attachment given as text must be a URL (https://...) or a data URI (data:...)",
            ),
        };
        findings.issue(path, code, message);
    }
    builder.finish(path, findings)
}

/// Makes an inline attachment from a picture in an HTML body. Returns `None` if the data URI is invalid.
pub fn inline_picture<'a>(uri: String, id: ContentId, path: &Path<'_>) -> Option<Attachment<'a>> {
    let mut findings = Findings::default();
    let mut builder = AttachmentBuilder::inline(id);
    builder.data_uri(Cow::Owned(uri), path, &mut findings);
    builder.finish(path, &mut findings).filter(|_| findings.is_valid())
}

const NO_FILE_SYSTEM: &str = "the connector has no file system; give the bytes, a URL, or the id of an upload \
                              (on the command line: --attach PATH, or --upload ID=PATH)";

fn read_object<'a>(
    members: Object<'a>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Option<Attachment<'a>> {
    let mut builder = AttachmentBuilder::default();
    let mut content = None;
    let mut encoding = None;
    let mut sources = Vec::new();
    let mut seen = Vec::new();
    let (members, file, inner) = take_apart(members);
    let nested = path.key(&file);
    let outer = members.into_iter().map(|(name, value)| (false, name, value));
    let inner = inner.into_iter().map(|(name, value)| (true, name, value));
    for (is_nested, name, value) in outer.chain(inner) {
        let path = if is_nested { &nested } else { path };
        let place = path.key(&name);
        let Some(key) = Key::from_name(&name) else {
            findings.warn(&place, Code::UnknownField, Key::explain_unknown(&name));
            continue;
        };
        if value == Value::Null || key == Key::Ignored {
            continue;
        }
        // If the inner object repeats a key, the outer key is used, because the user gave it.
        if is_nested && seen.contains(&key) && !key.is_source() {
            continue;
        }
        if seen.contains(&key) {
            let message = "another key of this attachment has the same meaning; keep one of them";
            findings.issue(&place, Code::DuplicateField, message);
            continue;
        }
        seen.push(key);
        if key.is_source() {
            sources.push(name.to_string());
        }
        match key {
            Key::Content => content = Some(value),
            Key::Encoding => {
                encoding = read_scalar(&value, &place, findings)
                    .map(|text| fold(text.trim_ascii()).into_owned());
            }
            _ => builder.read(key, value, &place, findings),
        }
    }
    match sources.as_slice() {
        [] => {
            let message =
                "the attachment has no content; give url, dataUri, base64, text, upload or content";
            findings.issue(path, Code::AttachmentSource, message);
            return None;
        }
        [_] => {}
        several => {
            let message = format!("{} are given together; keep one of them", several.join(" and "));
            findings.issue(path, Code::AttachmentSource, message);
            return None;
        }
    }
    if let Some(value) = content {
        builder.content(value, encoding.as_deref(), path, findings);
    }
    builder.finish(path, findings)
}

/// Separates an attachment's members from those of the object under `file`, which file pickers and Notion use.
fn take_apart(mut members: Object<'_>) -> (Object<'_>, Cow<'_, str>, Object<'_>) {
    let is_file = |(name, value): &(Cow<'_, str>, Value<'_>)| {
        let key = Key::from_name(name);
        matches!(key, Some(Key::Upload | Key::External)) && matches!(value, Value::Object(_))
    };
    let file = members.iter().position(is_file).map(|at| members.remove(at));
    match file {
        Some((name, Value::Object(inner))) => (members, name, inner),
        _ => (members, Cow::Borrowed(""), Vec::new()),
    }
}

#[cfg(test)]
mod tests;
