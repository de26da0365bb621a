//! Attachments in every shape that a platform binds.

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
    /// Whether it is shown within the body. None: it is, if it has a content id and there is HTML.
    pub inline: Option<bool>,
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
                            attachments.extend(read_attachment(
                                item,
                                &place.index(index),
                                findings,
                            ));
                        }
                    }
                    one => attachments.extend(read_attachment(one, &place, findings)),
                }
            }
            attachments
        }
        one => read_attachment(one, path, findings).into_iter().collect(),
    }
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
    for (name, value) in members {
        let place = path.key(&name);
        let Some(key) = Key::from_name(&name) else {
            findings.issue_with(&place, Code::UnknownField, || Key::explain_unknown(&name));
            continue;
        };
        if value == Value::Null || key == Key::Ignored {
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
    fn a_type_of_its_own_wins_over_the_data_uris() {
        let attachment = one(r#"{"dataUri": "data:text/plain;name=a.csv,x", "type": "text/csv"}"#);
        assert_eq!(attachment.media_type.unwrap().essence(), "text/csv");
        assert_eq!(attachment.file_name.unwrap().as_str(), "a.csv");
        assert_eq!(one(r#""data:,""#).media_type.unwrap().essence(), "text/plain");
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
            (r#"[{"text": "x", "fielname": "a"}]"#, "attachments[0].fielname", Code::UnknownField),
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
