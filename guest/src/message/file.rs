//! Attachments with their sources opened: what the message needs to know before it is written.

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

/// A file that goes into the message.
pub struct File<'a, C> {
    /// Where it stands in the input.
    pub path: String,
    /// The name that a reader saves it under.
    pub file_name: Option<FileName>,
    /// What it is.
    pub media_type: MediaType,
    /// The id that an HTML body refers to it by.
    pub content_id: Option<ContentId>,
    /// Whether it is to be shown within the body. None: not said.
    pub inline: Option<bool>,
    /// Whether the HTML shows it.
    pub is_shown: bool,
    /// What its bytes must hash to.
    pub sha256: Option<[u8; 32]>,
    /// Its bytes.
    pub bytes: Bytes<'a, C>,
    /// Their digest, where they were read before they are written.
    pub digest: Option<FileDigest>,
}

/// The size and the hash of a file, as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// Bytes, before encoding.
    pub size: u64,
    /// The hash of those bytes.
    pub sha256: [u8; 32],
}

/// The bytes of a file, or where they will come from.
pub enum Bytes<'a, C> {
    /// In memory.
    Known(Cow<'a, [u8]>),
    /// In memory, as base64.
    Base64(Base64Text<'a>),
    /// Read while the message is sent.
    Stream {
        /// The source.
        content: C,
        /// How many there are, where the source says so.
        size: Option<u64>,
    },
}

/// Why a file cannot be had, and where it stands in the input.
#[derive(Debug)]
pub struct Unavailable {
    /// The attachment's path.
    pub path: String,
    /// What is wrong.
    pub error: FileError,
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum FileError {
    /// Its source fails; the platform says how.
    Source(AttachmentError),
    /// Its bytes do not have the hash that the input gives.
    Checksum(FileDigest),
}

/// Bytes that are asked of a source at once: whole lines of base64, 57 bytes each, that make just under
/// 64 KiB when they are encoded.
pub const READ: u32 = 57 * 840;

impl<C> File<'_, C> {
    /// The bytes that the file takes in the message. None: its source does not say.
    pub fn encoded_len(&self) -> Option<u64> {
        let length = match &self.bytes {
            Bytes::Known(bytes) => bytes.len() as u64,
            Bytes::Base64(text) => text.decoded_len() as u64,
            Bytes::Stream { size, .. } => (*size)?,
        };
        Some(if self.is_raw() { length } else { base64_len(length) })
    }

    /// Whether the bytes go into the message as they are: a message within it (RFC 2046 section 5.2.1).
    pub fn is_raw(&self) -> bool {
        self.media_type.is_message()
    }
}

impl<'a, C: Content> File<'a, C> {
    /// Opens the source of an attachment. None: it is optional, could not be had, and there is a warning.
    ///
    /// `limit` is the largest message that may be sent: no file in memory needs to be larger.
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
                let message = format!("it is left out: {error}");
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
        // What may be left out must be known to be whole before the message begins, and a message within
        // the message must be seen before its headers are written.
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

    /// Whether what was seen of the bytes is what the input says of them.
    pub fn check(&self, digest: FileDigest) -> Result<(), FileError> {
        match self.sha256 {
            Some(wanted) if wanted != digest.sha256 => Err(FileError::Checksum(digest)),
            _ => Ok(()),
        }
    }

    /// All the bytes, at most `limit` of them.
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
                        let message =
                            format!("it has more than the {limit} bytes that a message may have");
                        return Err(AttachmentError::TooLarge(message));
                    }
                    bytes.extend_from_slice(&chunk);
                }
            }
        }
    }

    /// Makes a message within the message fit to be sent as it is: CRLF lines, ASCII, none too long. One
    /// that cannot be made so is sent as a file of bytes instead.
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
        let message = "this message has lines or octets that cannot be sent as they are, so it is attached \
                       as a file of bytes";
        let warning =
            Issue { path: self.path.clone(), code: Code::Sanitised, message: message.to_owned() };
        warnings.push(warning);
        self.media_type = MediaType::octet_stream();
    }
}

/// Text with each kind of line break as CRLF.
pub fn crlf(text: &str) -> String {
    let mut lines = String::with_capacity(text.len() + text.len() / 32);
    let mut from = 0;
    for at in memchr2_iter(b'\r', b'\n', text.as_bytes()) {
        // The LF of a CRLF was passed over with its CR.
        if at >= from {
            lines.push_str(&text[from..at]);
            lines.push_str("\r\n");
            from = at + if text[at..].starts_with("\r\n") { 2 } else { 1 };
        }
    }
    lines.push_str(&text[from..]);
    lines
}

/// The length of so many bytes as lines of base64, each with its CRLF.
fn base64_len(length: u64) -> u64 {
    usize::try_from(length).map_or(u64::MAX, |length| MIME.encoded_len(length) as u64)
}

/// The type that a source gives, unless it is one that says "some bytes".
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
    /// What there is to see of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self { size: bytes.len() as u64, sha256: Sha256::digest(bytes).into() }
    }

    /// The hash as people compare it.
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
                    "its bytes have another SHA-256 than the input says: {}",
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
