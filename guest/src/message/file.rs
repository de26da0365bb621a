//! Attachments whose sources are open, with the metadata that the message needs.

use std::borrow::Cow;
use std::fmt;

use encodify::base64::MIME;
use memchr::memchr2_iter;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use crate::bindings::connectors::smtp::attachments::{AttachmentError, Metadata};
use crate::input::fields::attachment::{Attachment, Source};
use crate::input::values::base64_text::Base64Text;
use crate::input::values::file_name::FileName;
use crate::input::values::media_type::MediaType;
use crate::input::values::message_id::ContentId;
use crate::input::{Code, Issue};
use crate::message::embedded::{is_seven_bit, to_seven_bits};
use crate::message::message_ids::hexadecimal;
use crate::platform::{Content, Platform};

/// A file in the message.
pub struct File<'a, C> {
    /// The attachment's path in the input.
    pub path: String,
    /// The suggested name for saving the file.
    pub file_name: Option<FileName>,
    /// The file's media type.
    pub media_type: MediaType,
    /// The id that the HTML body uses in `cid:` URLs.
    pub content_id: Option<ContentId>,
    /// Whether the input asks to show it inside the body; `None` if the input does not say.
    pub inline: Option<bool>,
    /// Whether the HTML body shows it.
    pub is_shown: bool,
    /// The expected hash of its bytes.
    pub sha256: Option<[u8; 32]>,
    /// Its bytes.
    pub bytes: Bytes<'a, C>,
    /// The digest of its bytes, if they are read before the message is written.
    pub digest: Option<FileDigest>,
}

/// The size and hash of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// The size in bytes, before encoding.
    pub size: u64,
    /// The SHA-256 hash of the bytes.
    pub sha256: [u8; 32],
}

/// The bytes of a file, or their source.
pub enum Bytes<'a, C> {
    /// In memory.
    Known(Cow<'a, [u8]>),
    /// In memory, as base64.
    Base64(Base64Text<'a>),
    /// In a source that is read while the message is sent.
    Stream {
        /// The source.
        content: C,
        /// The size in bytes, if the source gives it.
        size: Option<u64>,
    },
}

/// An attachment that cannot be read.
#[derive(Debug)]
pub struct Unavailable {
    /// The attachment's path.
    pub path: String,
    /// The reason.
    pub error: FileError,
}

/// The reason why a file cannot be attached.
#[derive(Debug)]
pub enum FileError {
    /// The source failed, with the platform's error.
    Source(AttachmentError),
    /// The bytes do not have the hash given in the input.
    Checksum(FileDigest),
}

/// The maximum number of bytes in one read from a source: 840 lines of base64 with 57 bytes each, just under 64 KiB
/// when encoded.
pub const READ: u32 = 57 * 840;

impl<C> File<'_, C> {
    /// Returns the size of the encoded file in the message, or `None` if its source does not give its size.
    pub fn encoded_len(&self) -> Option<u64> {
        let length = match &self.bytes {
            Bytes::Known(bytes) => bytes.len() as u64,
            Bytes::Base64(text) => text.decoded_len() as u64,
            Bytes::Stream { size, .. } => (*size)?,
        };
        Some(if self.is_raw() { length } else { base64_len(length) })
    }

    /// Reports whether the bytes are sent without encoding, as an embedded message is (RFC 2046 section 5.2.1).
    pub fn is_raw(&self) -> bool {
        self.media_type.is_message()
    }
}

impl<'a, C: Content> File<'a, C> {
    /// Opens the source of an attachment. If an optional attachment cannot be read, adds a warning and returns `None`.
    ///
    /// `limit` is the size limit of the message in bytes. It also limits each file that is read into memory.
    pub fn open<P: Platform<Content = C>>(
        attachment: Attachment<'a>,
        number: usize,
        limit: u64,
        platform: &P,
        warnings: &mut Vec<Issue>,
    ) -> Result<Option<Self>, Unavailable> {
        let optional = attachment.optional;
        let path = attachment.path.clone();
        match Self::open_source(attachment, number, limit, platform, warnings) {
            Ok(file) => Ok(Some(file)),
            Err(error) if optional => {
                let message = format!("attachment left out: {error}");
                warnings.push(Issue { path, code: Code::OptionalLeftOut, message });
                Ok(None)
            }
            Err(error) => Err(Unavailable { path, error }),
        }
    }

    fn open_source<P: Platform<Content = C>>(
        attachment: Attachment<'a>,
        number: usize,
        limit: u64,
        platform: &P,
        warnings: &mut Vec<Issue>,
    ) -> Result<Self, FileError> {
        let mut hearsay = Metadata { filename: None, media_type: None, size: None };
        let bytes = match attachment.source {
            Source::Bytes(bytes) => Bytes::Known(bytes),
            Source::Base64(text) => Bytes::Base64(text),
            Source::Upload(id) => {
                let content = platform.open_upload(&id)?;
                hearsay = content.metadata();
                Bytes::Stream { content, size: hearsay.size }
            }
            Source::Web(address) => {
                let content = platform.fetch(address.as_str())?;
                hearsay = content.metadata();
                let in_path = || {
                    let segment = percent_decode_str(address.last_segment()?);
                    Some(segment.decode_utf8_lossy().into_owned())
                };
                hearsay.filename = hearsay.filename.or_else(in_path);
                Bytes::Stream { content, size: hearsay.size }
            }
        };
        let told = hearsay.filename.and_then(|name| FileName::sanitise(&name));
        let file_name = attachment.file_name.or(told.map(|(name, _)| name));
        let media_type = attachment
            .media_type
            .or_else(|| hearsay.media_type.and_then(|text| telling(&text)))
            .or_else(|| MediaType::of_file_name(file_name.as_ref()?.as_str()))
            .unwrap_or_else(MediaType::octet_stream);
        let mut file = File {
            path: attachment.path,
            file_name,
            media_type,
            content_id: attachment.content_id,
            inline: attachment.inline,
            is_shown: attachment.is_shown,
            sha256: attachment.sha256,
            bytes,
            digest: None,
        };
        // An optional file must be read completely before the message begins, since it may be left out. An embedded
        // message must be read before the headers of its part are written.
        if attachment.optional || file.is_raw() {
            let bytes = file.read_all(limit)?;
            let digest = FileDigest::of(&bytes);
            file.check(digest)?;
            file.bytes = Bytes::Known(bytes);
            file.digest = Some(digest);
        }
        if file.is_raw() {
            file.make_raw(warnings);
        }
        if file.file_name.is_none() && !file.is_shown {
            file.file_name = made_up_name(number, &file.media_type);
        }
        Ok(file)
    }

    /// Checks the file's digest against the hash given in the input.
    pub fn check(&self, digest: FileDigest) -> Result<(), FileError> {
        match self.sha256 {
            Some(wanted) if wanted != digest.sha256 => Err(FileError::Checksum(digest)),
            _ => Ok(()),
        }
    }

    /// Reads all bytes, at most `limit`.
    fn read_all(&mut self, limit: u64) -> Result<Cow<'a, [u8]>, AttachmentError> {
        match &mut self.bytes {
            Bytes::Known(bytes) => Ok(std::mem::take(bytes)),
            Bytes::Base64(text) => {
                let mut bytes = Vec::with_capacity(text.decoded_len());
                text.decode_from(0, text.decoded_len().next_multiple_of(3), &mut bytes);
                Ok(Cow::Owned(bytes))
            }
            Bytes::Stream { content, .. } => {
                let mut bytes = Vec::new();
                loop {
                    let chunk = content.read(READ)?;
                    if chunk.is_empty() {
                        return Ok(Cow::Owned(bytes));
                    }
                    if bytes.len() as u64 + chunk.len() as u64 > limit {
                        let message = format!(
                            "the file is larger than {limit} bytes, the most that a message may have"
                        );
                        return Err(AttachmentError::TooLarge(message));
                    }
                    bytes.extend_from_slice(&chunk);
                }
            }
        }
    }

    /// Converts an embedded message to ASCII lines that end in CRLF and are not too long. A message that cannot be
    /// converted is attached as `application/octet-stream`.
    fn make_raw(&mut self, warnings: &mut Vec<Issue>) {
        let Bytes::Known(bytes) = &self.bytes else { return };
        let fit = match is_seven_bit(bytes) {
            true => Some(crlf(&String::from_utf8_lossy(bytes)).into_bytes()),
            false if self.media_type.essence() == "message/rfc822" => to_seven_bits(bytes),
            false => None,
        };
        if let Some(fit) = fit {
            self.bytes = Bytes::Known(Cow::Owned(fit));
            return;
        }
        let message = "this message has lines or bytes that cannot be sent unencoded, so it is attached as \
                       application/octet-stream";
        let warning =
            Issue { path: self.path.clone(), code: Code::Sanitised, message: message.to_owned() };
        warnings.push(warning);
        self.media_type = MediaType::octet_stream();
    }
}

/// Converts every kind of line break to CRLF.
pub fn crlf(text: &str) -> String {
    let mut lines = String::with_capacity(text.len() + text.len() / 32);
    let mut from = 0;
    for at in memchr2_iter(b'\r', b'\n', text.as_bytes()) {
        // The LF of a CRLF is skipped together with its CR.
        if at >= from {
            lines.push_str(&text[from..at]);
            lines.push_str("\r\n");
            from = at + if text[at..].starts_with("\r\n") { 2 } else { 1 };
        }
    }
    lines.push_str(&text[from..]);
    lines
}

/// Returns the size of `length` bytes as lines of base64, each with its CRLF.
fn base64_len(length: u64) -> u64 {
    usize::try_from(length).map_or(u64::MAX, |length| MIME.encoded_len(length) as u64)
}

/// Parses the media type that a source gives, and ignores generic types such as `application/octet-stream`.
fn telling(text: &str) -> Option<MediaType> {
    let media_type = MediaType::parse(text).ok()?.media_type;
    let says_nothing =
        ["application/octet-stream", "binary/octet-stream", "application/x-download"];
    (!says_nothing.contains(&media_type.essence())).then_some(media_type)
}

fn made_up_name(number: usize, media_type: &MediaType) -> Option<FileName> {
    let extension = media_type.extension().unwrap_or("bin");
    FileName::sanitise(&format!("attachment-{number}.{extension}")).map(|(name, _)| name)
}

impl FileDigest {
    /// Computes the digest of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self { size: bytes.len() as u64, sha256: Sha256::digest(bytes).into() }
    }

    /// Returns the hash in hexadecimal.
    pub fn sha256_text(&self) -> String {
        hexadecimal(&self.sha256)
    }
}

impl From<AttachmentError> for FileError {
    fn from(error: AttachmentError) -> Self {
        Self::Source(error)
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(
                AttachmentError::NotFound(text)
                | AttachmentError::Forbidden(text)
                | AttachmentError::TooLarge(text)
                | AttachmentError::Unavailable(text),
            ) => f.write_str(text),
            Self::Checksum(found) => {
                write!(
                    f,
                    "the file's SHA-256 is {}, which is not the \"sha256\" in the input",
                    found.sha256_text()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_break_becomes_crlf() {
        for (text, lines) in [
            ("a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd"),
            ("\r\r\n\n", "\r\n\r\n\r\n"),
            ("a\r", "a\r\n"),
            ("", ""),
        ] {
            assert_eq!(crlf(text), lines, "{text:?}");
        }
    }

    #[test]
    fn the_length_of_base64_is_known_before_it_is_made() {
        for length in [0, 1, 2, 3, 56, 57, 58, 114, 115, 47_880, 100_000] {
            let encoded = MIME.encode(vec![7; length]);
            assert_eq!(base64_len(length as u64), encoded.len() as u64, "{length}");
            assert!(encoded.is_empty() || encoded.ends_with("\r\n"), "{length}");
        }
    }
}
