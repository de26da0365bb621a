//! Attachments in every shape that a platform binds.

mod bytes;
mod draft;
pub mod key;

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use draft::Draft;
use key::Key;

use super::base64_text::Base64Text;
use super::data_uri::DataUri;
use super::fields::fold;
use super::file_name::FileName;
use super::findings::{Code, Findings};
use super::json::{Object, Value};
use super::mailboxes::{embedded, warn_of_json};
use super::media_type::MediaType;
use super::message_id::ContentId;
use super::path::Path;
use super::text::read_scalar;
use super::web_address::WebAddress;

/// An attachment that was asked for.
#[derive(Debug)]
pub struct Attachment<'a> {
    /// Where it stands in the input, for what is found wrong with it later.
    pub path: String,
    /// Where its bytes come from.
    pub source: Source<'a>,
    /// The name that a reader saves it under.
    pub file_name: Option<FileName>,
    /// What it is, where the input says so.
    pub media_type: Option<MediaType>,
    /// The id that an HTML body refers to it by.
    pub content_id: Option<ContentId>,
    /// Whether it is to be shown within the body. None: the input does not say.
    pub inline: Option<bool>,
    /// Whether the HTML shows it, by its content id. Only the mail as a whole tells.
    pub is_shown: bool,
    /// What its bytes must hash to.
    pub sha256: Option<[u8; 32]>,
    /// Whether the message goes out without it when its source fails.
    pub optional: bool,
}

/// Where the bytes of an attachment come from.
#[derive(Debug)]
pub enum Source<'a> {
    /// From the input, as text or percent-encoded.
    Bytes(Cow<'a, [u8]>),
    /// From the input, as base64.
    Base64(Base64Text<'a>),
    /// From the platform, which holds a file under this id.
    Upload(String),
    /// From the web, by the host.
    Web(WebAddress),
}

impl Source<'_> {
    /// The hash of bytes that are in the input.
    fn sha256(&self) -> Option<[u8; 32]> {
        match self {
            Self::Bytes(bytes) => Some(Sha256::digest(bytes).into()),
            Self::Base64(text) => {
                /// Bytes that are decoded at a time: a multiple of 3.
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

/// Reads the field `attachments`: one attachment or an array of them; `null` is none.
pub fn read_attachments<'a>(
    value: Value<'a>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Vec<Attachment<'a>> {
    match value {
        _ if value.is_absent() => Vec::new(),
        Value::String(text) if embedded(&text).is_some() => {
            warn_of_json(path, findings);
            // The text goes away with this scope, so what was read from it must not borrow from it.
            let inner = embedded(&text).map_or(Value::Null, Value::into_owned);
            read_attachments(inner, path, findings)
        }
        Value::Array(items) => {
            let mut attachments = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                let place = path.index(index);
                match item {
                    _ if item.is_absent() => {}
                    // File pickers hold an array, and land in one: `[{{picker.files}}]`.
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

/// One attachment, or a text with several URLs in it.
fn read_element<'a>(
    value: Value<'a>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Vec<Attachment<'a>> {
    match value {
        Value::String(Cow::Borrowed(text)) => split_urls(text)
            .filter_map(|url| read_string(Cow::Borrowed(url), path, findings))
            .collect(),
        // Out of a keyword, or with an escape in it.
        Value::String(Cow::Owned(text)) if split_urls(&text).nth(1).is_some() => split_urls(&text)
            .filter_map(|url| read_string(Cow::Owned(url.to_owned()), path, findings))
            .collect(),
        other => read_attachment(other, path, findings).into_iter().collect(),
    }
}

/// The URLs in a text: commas, semicolons, bars, blanks and line breaks before another one separate them. Without
/// another one after it, a comma is a part of the URL.
fn split_urls(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    let mut is_first = true;
    std::iter::from_fn(move || {
        let text = rest?;
        let url = text.trim_start_matches(is_separator);
        // The comma after the type of a data URI separates nothing, although a URL may follow it.
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
            // Alone it is what it is: a comma at its end may be meant.
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
            let message =
                format!("an attachment is a URL, a data URI or an object, not {}", other.kind());
            findings.issue(path, Code::WrongType, message);
            None
        }
    }
}

/// A URL or a data URI, alone.
fn read_string<'a>(
    text: Cow<'a, str>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Option<Attachment<'a>> {
    let mut draft = Draft::default();
    if DataUri::is_claimed_by(&text) {
        draft.data_uri(text, path, findings);
    } else if WebAddress::is_claimed_by(&text) {
        draft.web(&text, path, findings);
    } else {
        let looks_local = text.starts_with(['/', '.', '~', '\\']) || text.contains(":\\");
        let (code, message) = match looks_local {
            true => (Code::LocalPath, NO_FILE_SYSTEM),
            false => (
                Code::AttachmentSource,
                "an attachment that is text must be a URL (https://...) or a data URI (data:...)",
            ),
        };
        findings.issue(path, code, message);
    }
    draft.finish(path, findings)
}

/// A picture out of an HTML body, shown within it. None: the data URI cannot be read.
pub fn inline_picture<'a>(uri: String, id: ContentId, path: &Path<'_>) -> Option<Attachment<'a>> {
    let mut findings = Findings::default();
    let mut draft = Draft::inline(id);
    draft.data_uri(Cow::Owned(uri), path, &mut findings);
    draft.finish(path, &mut findings).filter(|_| findings.is_valid())
}

const NO_FILE_SYSTEM: &str = "the sandbox has no file system: give the bytes, a URL, or the id of an upload \
                              (on the command line: --attach PATH, or --upload ID=PATH)";

fn read_object<'a>(
    members: Object<'a>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Option<Attachment<'a>> {
    let mut draft = Draft::default();
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
        // The outer name of a file that is an object of its own is the one that a person gave.
        if is_nested && seen.contains(&key) && !key.is_source() {
            continue;
        }
        if seen.contains(&key) {
            let message = "another key of this attachment means the same; keep one of them";
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
            _ => draft.read(key, value, &place, findings),
        }
    }
    match sources.as_slice() {
        [] => {
            let message = "an attachment needs its bytes: one of url, dataUri, base64, text, upload or content";
            findings.issue(path, Code::AttachmentSource, message);
            return None;
        }
        [_] => {}
        several => {
            let message = format!("{} are both given; keep one of them", several.join(" and "));
            findings.issue(path, Code::AttachmentSource, message);
            return None;
        }
    }
    if let Some(value) = content {
        draft.content(value, encoding.as_deref(), path, findings);
    }
    draft.finish(path, findings)
}

/// An attachment's members, and those of the object that stands under `file`, as pickers and Notion have it.
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
mod tests {
    use super::*;

    fn read(json: &str) -> (Vec<Attachment<'_>>, Findings) {
        let mut findings = Findings::default();
        let value = Value::read(json, &mut findings).unwrap();
        let attachments = read_attachments(value, &Path::ROOT.key("attachments"), &mut findings);
        (attachments, findings)
    }

    fn one(json: &str) -> Attachment<'_> {
        let (mut attachments, findings) = read(json);
        assert!(findings.is_valid(), "{json}: {findings:?}");
        assert_eq!(attachments.len(), 1, "{json}");
        attachments.remove(0)
    }

    fn bytes(attachment: &Attachment<'_>) -> Vec<u8> {
        match &attachment.source {
            Source::Bytes(bytes) => bytes.to_vec(),
            Source::Base64(text) => {
                let mut bytes = Vec::new();
                text.decode_from(0, 3 * text.decoded_len(), &mut bytes);
                bytes
            }
            other => panic!("no bytes: {other:?}"),
        }
    }

    #[test]
    fn bytes_come_in_many_keys() {
        for json in [
            r#"{"base64": "aGk="}"#,
            r#"{"Data": "aGk="}"#,
            r#"{"ContentBytes": "aGk="}"#,
            r#"{"base64": "data:text/plain;base64,aGk="}"#,
            r#"{"content": "aGk=", "encoding": "base64"}"#,
            r#"{"content": "hi", "encoding": "UTF-8"}"#,
            r#"{"content": "data:,hi"}"#,
            r#"{"text": "hi"}"#,
            r#"{"dataURL": "data:;base64,aGk="}"#,
            r#"[null, "data:text/plain,hi", null]"#,
            r#"{"base64": "aGk\u003d"}"#,
            r#""[{\"base64\": \"aGk=\"}]""#,
        ] {
            assert_eq!(bytes(&one(json)), b"hi", "{json}");
        }
    }

    #[test]
    fn base64_is_borrowed_from_the_input() {
        let json = format!(r#"[{{"base64": "{}"}}]"#, "AAAA".repeat(1000));
        let attachment = one(&json);
        assert_eq!(bytes(&attachment).len(), 3000);
    }

    #[test]
    fn files_come_from_the_web_and_from_the_platform() {
        for json in [
            r#""https://example.com/a.pdf""#,
            r#"{"href": "http://example.com/a.pdf"}"#,
            r#"{"path": "https://example.com/a.pdf"}"#,
        ] {
            assert!(matches!(one(json).source, Source::Web(_)), "{json}");
        }
        let upload =
            one(r#"{"file": "u-1", "name": "a.pdf", "optional": true, "inline": "false"}"#);
        assert!(matches!(upload.source, Source::Upload(id) if id == "u-1"));
        assert_eq!(upload.file_name.unwrap().as_str(), "a.pdf");
        assert!(upload.optional);
        assert_eq!(upload.inline, Some(false));
    }

    #[test]
    fn several_urls_in_one_text_are_several_files() {
        let urls = |json: &str| -> Vec<String> {
            let (attachments, findings) = read(json);
            assert!(findings.is_valid(), "{json}: {findings:?}");
            let url = |attachment: Attachment<'_>| match &attachment.source {
                Source::Web(url) => url.as_str().to_owned(),
                _ => String::from_utf8(bytes(&attachment)).unwrap(),
            };
            attachments.into_iter().map(url).collect()
        };
        let (a, b) = ("https://x.test/a.pdf", "HTTP://x.test/b.pdf");
        for between in [",", ", ", ";", "; ", "|", " ", r"\n", r"\r\n", r"\t", r" ,\n\n; "] {
            assert_eq!(urls(&format!(r#""{a}{between}{b}""#)), [a, b], "{between:?}");
            assert_eq!(urls(&format!(r#"["{a}{between}{b}{between}"]"#)).len(), 2, "{between:?}");
        }
        assert_eq!(urls(&format!(r#"" {a}\n""#)), [a]);
        assert_eq!(urls(&format!(r#""\n{a}""#)), [a]);
        assert_eq!(urls(r#""https://x.test/a,b;c.pdf""#), ["https://x.test/a,b;c.pdf"]);
        assert_eq!(
            urls(r#""https://x.test/?u=https://y.test""#),
            ["https://x.test/?u=https://y.test"]
        );
        assert_eq!(urls(&format!(r#""data:,a,{b},data:;base64,aGk=, {a}""#)), ["a", b, "hi", a]);
        assert_eq!(urls(&format!(r#""data:,{a}""#)), [a]);
    }

    #[test]
    fn a_long_text_of_urls_takes_time_in_proportion() {
        for piece in [",", " ", "https://x.test/ ", "data:", "data:,", ", data:", "http://"] {
            assert!(split_urls(&piece.repeat(1_000_000 / piece.len())).count() > 0);
        }
    }

    #[test]
    fn bytes_come_in_objects_of_their_own() {
        for json in [
            r#"{"content": {"type": "Buffer", "data": [104, 105]}}"#,
            r#"{"data": {"type": "Buffer", "data": [104, 105]}}"#,
            r#"{"buffer": {"type": "Buffer", "data": [104, 105]}}"#,
            r#"{"type": "Buffer", "data": [104, 105]}"#,
            r#"{"content": {"type": "Buffer", "data": "aGk="}, "encoding": "7bit"}"#,
            r#"{"content": [104, 105]}"#,
            r#"{"content": {"0": 104, "1": 105}}"#,
            r#"{"contentBytes": {"$content-type": "application/pdf", "$content": "aGk="}}"#,
            r#"{"$content-type": "application/pdf", "$content": "aGk="}"#,
            r#"{"data": {"$binary": {"base64": "aGk=", "subType": "00"}}}"#,
        ] {
            assert_eq!(bytes(&one(json)), b"hi", "{json}");
        }
        let pdf =
            one(r#"{"contentBytes": {"$content-type": "application/pdf", "$content": "aGk="}}"#);
        assert_eq!(pdf.media_type.unwrap().essence(), "application/pdf");
    }

    #[test]
    fn content_beside_a_type_that_only_bytes_can_have_is_base64() {
        for media_type in ["application/pdf", "image/png", "application/vnd.ms-excel"] {
            let json = format!(r#"{{"content": "aGk=", "contentType": "{media_type}"}}"#);
            assert_eq!(bytes(&one(&json)), b"hi", "{json}");
        }
        for media_type in
            ["text/plain", "image/svg+xml", "application/json", "application/octet-stream"]
        {
            let json = format!(r#"{{"content": "aGk=", "contentType": "{media_type}"}}"#);
            assert_eq!(read(&json).1.issues[0].code, Code::MissingValue, "{json}");
        }
    }

    #[test]
    fn a_file_may_be_an_object_of_its_own() {
        for json in [
            r#"{"file": {"url": "https://x.test/a.pdf"}}"#,
            r#"{"name": "a.pdf", "type": "file", "file": {"url": "https://x.test/a.pdf", "expiry_time": "x"}}"#,
            r#"{"name": "a.pdf", "type": "external", "external": {"url": "https://x.test/a.pdf"}}"#,
            r#"{"fileUrl": "https://x.test/a.pdf"}"#,
            r#"{"file_url": "https://x.test/a.pdf"}"#,
        ] {
            assert!(matches!(one(json).source, Source::Web(_)), "{json}");
        }
        let both = one(r#"{"file": {"filename": "a.pdf", "data": "aGk="}, "name": "b.pdf"}"#);
        assert_eq!(both.file_name.unwrap().as_str(), "b.pdf");
    }

    #[test]
    fn what_storage_and_pickers_add_is_a_warning_with_the_nearest_key() {
        let (attachments, findings) = read(
            r#"[{"name": "a.txt", "base64": "aGk=", "key": "k", "bucket": "b", "etag": "x", "fieldname": "f",
                 "originalname": "c.txt", "thumbnails": {}, "@odata.type": "x", "fielname": "d", "size": 2}]"#,
        );
        assert!(findings.is_valid(), "{findings:?}");
        assert_eq!(attachments[0].file_name.as_ref().unwrap().as_str(), "a.txt");
        let places: Vec<_> =
            findings.warnings.iter().map(|warning| warning.path.as_str()).collect();
        let keys = [
            ".key",
            ".bucket",
            ".etag",
            ".fieldname",
            ".thumbnails",
            "[\"@odata.type\"]",
            ".fielname",
        ];
        assert_eq!(places, keys.map(|key| format!("attachments[0]{key}")));
        assert!(findings.warnings[6].message.contains("did you mean \"filename\""), "{findings:?}");
        let stored = one(r#"{"base64": "aGk=", "originalname": "c.txt"}"#);
        assert_eq!(stored.file_name.unwrap().as_str(), "c.txt");
    }

    #[test]
    fn a_type_of_its_own_wins_over_the_data_uris() {
        let attachment = one(r#"{"dataUri": "data:text/plain;name=a.csv,x", "type": "text/csv"}"#);
        assert_eq!(attachment.media_type.unwrap().essence(), "text/csv");
        assert_eq!(attachment.file_name.unwrap().as_str(), "a.csv");
        assert_eq!(one(r#""data:,""#).media_type.unwrap().essence(), "text/plain");
    }

    #[test]
    fn text_says_what_it_is_and_that_it_is_utf8() {
        for (json, media_type, charset) in [
            (r#"{"text": "ü"}"#, "text/plain", Some("utf-8")),
            (r#"{"text": "ü", "name": "a.csv"}"#, "text/csv", Some("utf-8")),
            (r#"{"text": "{}", "name": "a.json"}"#, "application/json", None),
            (r#"{"text": "ü", "name": "a.qqzx"}"#, "text/plain", Some("utf-8")),
            (r#"{"text": "From: a", "name": "a.eml"}"#, "message/rfc822", None),
            (
                r#"{"content": "ü", "encoding": "utf-8", "type": "text/html"}"#,
                "text/html",
                Some("utf-8"),
            ),
            (r#"{"text": "ü", "type": "text/csv; charset=latin1"}"#, "text/csv", Some("utf-8")),
            (
                r#"{"text": "u", "type": "text/csv; charset=us-ascii"}"#,
                "text/csv",
                Some("us-ascii"),
            ),
            (r#""data:text/css,ü""#, "text/css", Some("utf-8")),
            (r#""data:text/css,%FC""#, "text/css", None),
            (r#""data:image/svg+xml;utf8,<svg/>""#, "image/svg+xml", Some("utf-8")),
            (r#"{"base64": "/A==", "name": "a.csv", "type": "text/csv"}"#, "text/csv", None),
        ] {
            let found = one(json).media_type.unwrap();
            assert_eq!(
                (found.essence(), found.parameter("charset")),
                (media_type, charset),
                "{json}"
            );
        }
    }

    #[test]
    fn a_name_comes_from_wherever_it_is_given() {
        for (json, name) in [
            (
                r#""data:application/pdf;name=R%C3%A9sum%C3%A9%20of%20Bob.pdf;base64,aGk=""#,
                "Résumé of Bob.pdf",
            ),
            (r#""data:application/pdf;filename=a b.pdf;base64,aGk=""#, "a b.pdf"),
            (r#"{"base64": "aGk=", "type": "a/b; name*=UTF-8''%C3%BC.pdf"}"#, "ü.pdf"),
            (r#"{"base64": "aGk=", "disposition": "attachment; filename=\"c d.pdf\""}"#, "c d.pdf"),
            (r#"{"base64": "aGk=", "name": "e.pdf", "type": "a/b; name=f.pdf"}"#, "e.pdf"),
        ] {
            assert_eq!(one(json).file_name.unwrap().as_str(), name, "{json}");
        }
    }

    #[test]
    fn a_disposition_says_whether_a_file_is_shown() {
        let inline = |key: &str| one(&format!(r#"{{"text": "x", {key}}}"#)).inline;
        assert_eq!(inline(r#""disposition": "Inline""#), Some(true));
        assert_eq!(inline(r#""contentDisposition": "attachment; size=3""#), Some(false));
        assert_eq!(inline(r#""disposition": "form-data""#), None);
        assert_eq!(inline(r#""disposition": "attachment", "inline": true"#), Some(true));
        assert_eq!(inline(r#""inline": true, "disposition": "attachment""#), Some(true));
    }

    #[test]
    fn an_issue_stands_where_the_value_stands() {
        for (json, path, code) in [
            (r#""aGk=""#, "attachments", Code::AttachmentSource),
            (r#"["/etc/passwd"]"#, "attachments[0]", Code::LocalPath),
            (r#"[{"path": "C:\\a.txt"}]"#, "attachments[0].path", Code::LocalPath),
            (r#"[{"filename": "a.txt"}]"#, "attachments[0]", Code::AttachmentSource),
            (
                r#"[{"url": "https://x.test/", "base64": "aGk="}]"#,
                "attachments[0]",
                Code::AttachmentSource,
            ),
            (
                r#"[{"base64": "aGk=", "data": "aGk="}]"#,
                "attachments[0].data",
                Code::DuplicateField,
            ),
            (r#"[{"content": "aGk="}]"#, "attachments[0].content", Code::MissingValue),
            (
                r#"[{"content": "aGk=", "encoding": "hex"}]"#,
                "attachments[0].encoding",
                Code::UnknownValue,
            ),
            (r#"[{"base64": "aGl="}]"#, "attachments[0].base64", Code::InvalidBase64),
            (r#"[{"dataUri": "data:text/plain"}]"#, "attachments[0].dataUri", Code::InvalidDataUri),
            (
                r#"[{"dataUri": "data:multipart/mixed,x"}]"#,
                "attachments[0].dataUri",
                Code::InvalidMediaType,
            ),
            (r#"[{"text": "x", "type": "pdf"}]"#, "attachments[0].type", Code::InvalidMediaType),
            (r#"[{"text": "x", "cid": "a b"}]"#, "attachments[0].cid", Code::InvalidContentId),
            (r#"[{"text": "x", "sha256": "00"}]"#, "attachments[0].sha256", Code::UnknownValue),
            (r#"[{"text": "x", "optional": 1}]"#, "attachments[0].optional", Code::WrongType),
            (r#"[{"text": {}}]"#, "attachments[0].text", Code::WrongType),
            (
                r#"[{"content": {"type": "Buffer", "data": [104, 256]}}]"#,
                "attachments[0].content",
                Code::WrongType,
            ),
            (r#"[{"data": [1.5]}]"#, "attachments[0].data", Code::WrongType),
            (
                r#"[{"file": {"url": "https://x.test/a", "base64": "aGk="}}]"#,
                "attachments[0]",
                Code::AttachmentSource,
            ),
            (
                r#"[{"file": {"url": "ftp://x.test/a"}}]"#,
                "attachments[0].file.url",
                Code::InvalidUrl,
            ),
            (
                r#"[{"url": "https://x.test/a, https://x.test/b"}]"#,
                "attachments[0].url",
                Code::InvalidUrl,
            ),
            (
                r#"[{"content": "hi", "contentType": "application/pdf"}]"#,
                "attachments[0].content",
                Code::InvalidBase64,
            ),
            (r#""https://x.test/a, report.pdf""#, "attachments", Code::InvalidUrl),
            (r#"[{"upload": ""}]"#, "attachments[0].upload", Code::MissingValue),
            (
                r#"[{"text": "x", "sha256": "0000000000000000000000000000000000000000000000000000000000000000"}]"#,
                "attachments[0].sha256",
                Code::ChecksumMismatch,
            ),
            ("7", "attachments", Code::WrongType),
            (r#"[[["data:,"]]]"#, "attachments[0][0]", Code::WrongType),
        ] {
            let (_, findings) = read(json);
            let found = findings.issues.first().expect(json);
            assert_eq!((found.path.as_str(), found.code), (path, code), "{json}");
        }
    }

    #[test]
    fn nothing_is_no_attachment_and_a_file_pickers_array_is_flattened() {
        for nothing in ["null", "\"\"", "[]", "[\"\"]", "[[]]", "[null]"] {
            let (attachments, findings) = read(nothing);
            assert!(attachments.is_empty() && findings.is_valid(), "{nothing}");
        }
        assert_eq!(read(r#"[["data:,a", "data:,b"], "data:,c", ""]"#).0.len(), 3);
    }
}
