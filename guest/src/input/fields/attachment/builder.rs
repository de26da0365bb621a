//! The builder of an attachment, which reads its keys.

use std::borrow::Cow;

use super::bytes::{self, Bytes, NotByte};
use super::key::Key;
use super::{Attachment, NO_FILE_SYSTEM, Source, split_urls};
use crate::input::fields::text::{read_scalar, read_switch};
use crate::input::findings::{Code, Findings, Path};
use crate::input::json::Value;
use crate::input::values::base64_text::Base64Text;
use crate::input::values::data_uri::{Content, DataUri, InvalidDataUri};
use crate::input::values::file_name::FileName;
use crate::input::values::media_type::{MediaType, Parameters};
use crate::input::values::message_id::ContentId;
use crate::input::values::web_address::WebAddress;

/// An attachment whose keys are being read.
#[derive(Default)]
pub(super) struct AttachmentBuilder<'a> {
    source: Option<Source<'a>>,
    /// Whether the source is text, which is UTF-8.
    is_text: bool,
    file_name: Option<FileName>,
    media_type: Option<MediaType>,
    /// The type in a data URI, used if no key gives it.
    hinted_type: Option<MediaType>,
    /// The name in a data URI or a `name` parameter, used if no key gives it.
    hinted_name: Option<FileName>,
    content_id: Option<ContentId>,
    inline: Option<bool>,
    sha256: Option<[u8; 32]>,
    optional: bool,
}

impl<'a> AttachmentBuilder<'a> {
    /// Returns a builder for an attachment that the body shows inline, with the content id `id`.
    pub(super) fn inline(id: ContentId) -> Self {
        Self { content_id: Some(id), inline: Some(true), ..Self::default() }
    }

    pub(super) fn finish(self, path: &Path<'_>, findings: &mut Findings) -> Option<Attachment<'a>> {
        let source = self.source?;
        // Hashing takes longer than the rest, so it is done only if there is a hash to compare.
        if let Some(wanted) = self.sha256
            && source.sha256().is_some_and(|found| found != wanted)
        {
            let message = "the SHA-256 of the bytes is different";
            findings.issue(&path.key("sha256"), Code::ChecksumMismatch, message);
        }
        let file_name = self.file_name.or(self.hinted_name);
        let mut media_type = self.media_type.or(self.hinted_type);
        if self.is_text {
            let by_name = || MediaType::of_file_name(file_name.as_ref()?.as_str());
            let mut of_text = media_type.or_else(by_name).unwrap_or_else(MediaType::plain_text);
            let is_ascii = matches!(&source, Source::Bytes(bytes) if bytes.is_ascii());
            let has_charset = of_text.parameter("charset").is_some();
            if !(is_ascii && has_charset) && of_text.set_utf8() {
                let message = "text in the input is UTF-8, so the charset was set to utf-8";
                findings.warn(&path.key("contentType"), Code::Sanitised, message);
            }
            media_type = Some(of_text);
        }
        Some(Attachment {
            path: path.to_string(),
            source,
            file_name,
            media_type,
            content_id: self.content_id,
            inline: self.inline,
            is_shown: false,
            sha256: self.sha256,
            optional: self.optional,
        })
    }

    pub(super) fn read(
        &mut self,
        key: Key,
        value: Value<'a>,
        path: &Path<'_>,
        findings: &mut Findings,
    ) {
        match key {
            Key::Inline => self.inline = read_switch(&value, path, findings).or(self.inline),
            Key::Optional => {
                self.optional = read_switch(&value, path, findings).unwrap_or_default();
            }
            Key::Base64 => {
                if let Some(text) = self.text_or_bytes(value, path, findings) {
                    self.read_text(key, text, path, findings);
                }
            }
            _ => {
                let Some(text) = into_text(value, path, findings) else { return };
                self.read_text(key, text, path, findings);
            }
        }
    }

    /// Returns the value as text. If it is an object for bytes, sets the source and returns `None`.
    fn text_or_bytes(
        &mut self,
        value: Value<'a>,
        path: &Path<'_>,
        findings: &mut Findings,
    ) -> Option<Cow<'a, str>> {
        match bytes::read(value) {
            Ok(Ok(Bytes::Plain(bytes))) => self.source = Some(Source::Bytes(bytes.into())),
            Ok(Ok(Bytes::Base64(text, media_type))) => {
                self.base64(text, path, findings);
                match media_type.map(|media_type| MediaType::parse(&media_type)) {
                    Some(Ok(parsed)) => self.hinted_type = Some(parsed.media_type),
                    Some(Err(reason)) => {
                        findings.issue(path, Code::InvalidMediaType, reason.to_string());
                    }
                    None => {}
                }
            }
            Ok(Err(NotByte)) => {
                let message = "bytes must be whole numbers from 0 to 255";
                findings.issue(path, Code::WrongType, message);
            }
            Err(value) => return into_text(value, path, findings),
        }
        None
    }

    fn read_text(
        &mut self,
        key: Key,
        text: Cow<'a, str>,
        path: &Path<'_>,
        findings: &mut Findings,
    ) {
        match key {
            Key::Url | Key::Path if DataUri::is_claimed_by(&text) => {
                self.data_uri(text, path, findings);
            }
            Key::Path if !WebAddress::is_claimed_by(&text) => {
                findings.issue(path, Code::LocalPath, NO_FILE_SYSTEM);
            }
            Key::Url | Key::Path => match split_urls(&text).count() {
                0 | 1 => self.web(&text, path, findings),
                number => {
                    let message = format!(
                        "this text contains {number} URLs; give each URL in its own object"
                    );
                    findings.issue(path, Code::InvalidUrl, message);
                }
            },
            // Some form builders send a whole data URI instead of base64.
            Key::Base64 if DataUri::is_claimed_by(&text) => self.data_uri(text, path, findings),
            Key::DataUri => self.data_uri(text, path, findings),
            Key::Base64 => self.base64(text, path, findings),
            Key::Text => self.text(text),
            Key::Upload if text.trim_ascii().is_empty() => {
                findings.issue(path, Code::MissingValue, "the id of the upload is missing");
            }
            Key::Upload => self.source = Some(Source::Upload(text.trim_ascii().to_owned())),
            // Notion's `{"type": "external", "external": {"url": ...}}` is handled before this.
            Key::External => {
                let message = "expected an object with a url";
                findings.issue(path, Code::WrongType, message);
            }
            Key::OriginalName => self.hint_name(Some(text.into_owned())),
            Key::FileName => self.file_name(&text, path, findings),
            Key::ContentType => self.content_type(&text, path, findings),
            Key::ContentId => self.content_id(&text, path, findings),
            Key::Disposition => self.disposition(&text, path, findings),
            Key::Sha256 => self.sha256(&text, path, findings),
            Key::Inline | Key::Optional | Key::Content | Key::Encoding | Key::Ignored => {
                unreachable!("the callers read these keys")
            }
        }
    }

    /// Reads `content`, which is base64 or text depending on the encoding or the media type.
    pub(super) fn content(
        &mut self,
        value: Value<'a>,
        encoding: Option<&str>,
        path: &Path<'_>,
        findings: &mut Findings,
    ) {
        let place = path.key("content");
        let Some(text) = self.text_or_bytes(value, &place, findings) else { return };
        let is_binary = self.media_type.as_ref().is_some_and(MediaType::is_binary);
        match encoding {
            _ if DataUri::is_claimed_by(&text) => self.data_uri(text, &place, findings),
            Some("base64") => self.base64(text, &place, findings),
            Some("utf8" | "text" | "plain") => self.text(text),
            None if is_binary => self.base64(text, &place, findings),
            Some(_) => {
                let message = "encoding must be \"base64\" or \"utf-8\"";
                findings.issue(&path.key("encoding"), Code::UnknownValue, message);
            }
            None => {
                let message =
                    "content can be base64 or text; set encoding to \"base64\" or \"utf-8\"";
                findings.issue(&place, Code::MissingValue, message);
            }
        }
    }

    fn text(&mut self, text: Cow<'a, str>) {
        self.source = Some(Source::Bytes(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }));
        self.is_text = true;
    }

    fn base64(&mut self, text: Cow<'a, str>, path: &Path<'_>, findings: &mut Findings) {
        match Base64Text::parse(text) {
            Ok(text) => self.source = Some(Source::Base64(text)),
            Err(reason) => findings.issue(path, Code::InvalidBase64, reason.to_string()),
        }
    }

    pub(super) fn data_uri(
        &mut self,
        text: Cow<'a, str>,
        path: &Path<'_>,
        findings: &mut Findings,
    ) {
        match DataUri::parse(text) {
            Ok(uri) => {
                // Without a type, a data URI is text (RFC 2397).
                let essence = Some(uri.media_type.as_str()).filter(|text| !text.is_empty());
                match MediaType::parse(essence.unwrap_or("text/plain")) {
                    Ok(parsed) => self.hint(parsed.media_type, uri.parameters, &uri.content),
                    Err(reason) => {
                        findings.issue(path, Code::InvalidMediaType, reason.to_string());
                    }
                }
                self.source = Some(match uri.content {
                    Content::Base64(text) => Source::Base64(text),
                    Content::Bytes(bytes) => Source::Bytes(bytes),
                });
            }
            Err(reason @ InvalidDataUri::Base64(_)) => {
                findings.issue(path, Code::InvalidBase64, reason.to_string());
            }
            Err(reason) => findings.issue(path, Code::InvalidDataUri, reason.to_string()),
        }
    }

    /// Keeps the type and the name from a data URI.
    fn hint(
        &mut self,
        mut media_type: MediaType,
        parameters: Vec<(String, String)>,
        content: &Content<'_>,
    ) {
        for (name, value) in parameters {
            match name.as_str() {
                "name" | "filename" => self.hint_name(Some(value)),
                _ => {
                    media_type.add(&name, value);
                }
            }
        }
        // Characters beyond ASCII come from JSON or from a browser's percent codes, which are both UTF-8.
        let is_utf8 = |bytes: &[u8]| !bytes.is_ascii() && str::from_utf8(bytes).is_ok();
        let is_text = matches!(content, Content::Bytes(bytes) if is_utf8(bytes));
        if is_text && media_type.parameter("charset").is_none() {
            media_type.set_utf8();
        }
        self.hinted_type = Some(media_type);
    }

    fn hint_name(&mut self, name: Option<String>) {
        if let Some((name, _)) = name.and_then(|name| FileName::sanitise(&name)) {
            self.hinted_name = Some(name);
        }
    }

    pub(super) fn web(&mut self, text: &str, path: &Path<'_>, findings: &mut Findings) {
        match WebAddress::parse(text) {
            Ok(address) => self.source = Some(Source::Web(address)),
            Err(reason) => findings.issue(path, Code::InvalidUrl, reason.to_string()),
        }
    }

    fn file_name(&mut self, text: &str, path: &Path<'_>, findings: &mut Findings) {
        match FileName::sanitise(text) {
            Some((name, changed)) => {
                if changed {
                    let message = format!("the file name was changed to {:?}", name.as_str());
                    findings.warn(path, Code::Sanitised, message);
                }
                self.file_name = Some(name);
            }
            None if text.trim_ascii().is_empty() => {}
            None => {
                let message = "this file name has no usable characters, so another name is used";
                findings.warn(path, Code::Sanitised, message);
            }
        }
    }

    fn content_type(&mut self, text: &str, path: &Path<'_>, findings: &mut Findings) {
        let text = text.trim_ascii();
        // In Notion this names the key with the URL, and in Node the type of the object.
        if text.is_empty() || matches!(text, "file" | "external" | "Buffer") {
            return;
        }
        match MediaType::parse(text) {
            Ok(parsed) => {
                if parsed.dropped {
                    let message = "parameters that are invalid or not allowed were removed";
                    findings.warn(path, Code::Sanitised, message);
                }
                self.media_type = Some(parsed.media_type);
                self.hint_name(parsed.name);
            }
            Err(reason) => findings.issue(path, Code::InvalidMediaType, reason.to_string()),
        }
    }

    /// Reads the value of a Content-Disposition header (RFC 2183), or only its first word.
    fn disposition(&mut self, text: &str, path: &Path<'_>, findings: &mut Findings) {
        let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
        let kind = kind.trim_ascii();
        let inline = kind.eq_ignore_ascii_case("inline");
        if inline || kind.eq_ignore_ascii_case("attachment") {
            self.inline = self.inline.or(Some(inline));
        } else if !kind.is_empty() {
            let message = "this disposition is ignored; use \"attachment\" or \"inline\"";
            findings.warn(path, Code::Sanitised, message);
        }
        let given = Parameters::read(parameters).given;
        self.hint_name(
            given.into_iter().find(|(name, _)| name == "filename").map(|(_, name)| name),
        );
    }

    fn content_id(&mut self, text: &str, path: &Path<'_>, findings: &mut Findings) {
        if text.trim_ascii().is_empty() {
            return;
        }
        self.content_id = ContentId::parse(text.trim_ascii());
        if self.content_id.is_none() {
            let message =
                "a content id, such as logo@example.com, must be ASCII without spaces, < and >";
            findings.issue(path, Code::InvalidContentId, message);
        }
    }

    fn sha256(&mut self, text: &str, path: &Path<'_>, findings: &mut Findings) {
        self.sha256 = parse_sha256(text.trim_ascii());
        if self.sha256.is_none() {
            let message = "a SHA-256 must have 64 hexadecimal digits";
            findings.issue(path, Code::UnknownValue, message);
        }
    }
}

fn into_text<'a>(
    value: Value<'a>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Option<Cow<'a, str>> {
    match value {
        Value::String(text) => Some(text),
        other => read_scalar(&other, path, findings).map(|text| Cow::Owned(text.into_owned())),
    }
}

fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(hash)
}
