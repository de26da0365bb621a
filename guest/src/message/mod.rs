//! Builds the bytes of a message from a mail.
//!
//! mail-builder writes the tree of parts; this module writes the header values. The bytes of files are inserted last.
//! The rest of the message is small and in memory, so the message's size is known before it is sent, and a file of any
//! size is read, encoded and written in chunks.

pub mod embedded;
pub mod encoded_words;
pub mod file;
pub mod folding;
pub mod headers;
pub mod message_ids;
pub mod parameters;
mod skeleton;
pub mod transfer;
mod tree;

use crate::input::Mail;
use crate::input::values::message_id::MessageId;
use crate::platform::Content;

use file::{Bytes, File};
use message_ids::MessageIds;
use skeleton::Skeleton;

/// An assembled message that is ready to be written.
pub struct Message<'a, C> {
    skeleton: Skeleton,
    files: Vec<File<'a, C>>,
    /// Whether its headers contain non-ASCII characters.
    pub has_utf8_headers: bool,
}

impl<'a, C: Content> Message<'a, C> {
    /// Assembles a message.
    pub fn assemble(
        mail: &Mail<'_>,
        files: Vec<File<'a, C>>,
        message_id: &MessageId,
        date: i64,
        ids: &mut MessageIds,
    ) -> Self {
        let raw: Vec<&[u8]> = files.iter().filter_map(raw_bytes).collect();
        let mut head = Vec::with_capacity(HEAD);
        headers::write(&mut head, mail, message_id, date);
        let has_utf8_headers = !head.is_ascii();
        // One byte for each file. The address of the byte identifies the file.
        let places = vec![0; files.len()];
        let tree = tree::build(&mail.body, mail.calendar.as_ref(), &files, &places, ids, &raw);
        let skeleton = Skeleton::write(head, tree, &places);
        Self { skeleton, files, has_utf8_headers }
    }

    /// Returns the size of the whole message in bytes, or `None` if a file's source does not give its size.
    pub fn size(&self) -> Option<u64> {
        let files = self.files.iter().map(File::encoded_len).sum::<Option<u64>>()?;
        Some(self.skeleton.len() as u64 + files)
    }
}

/// The initial capacity for the headers in bytes, enough for most messages.
const HEAD: usize = 1024;

/// Returns the bytes of a file that is sent without encoding.
fn raw_bytes<'f, C: Content>(file: &'f File<'_, C>) -> Option<&'f [u8]> {
    match &file.bytes {
        Bytes::Known(bytes) if file.is_raw() => Some(bytes),
        _ => None,
    }
}
