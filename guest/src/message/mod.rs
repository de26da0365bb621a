//! From a mail to its bytes.
//!
//! mail-builder writes the tree of parts; what stands in the headers is written here. The bytes of files
//! are left open at first: the rest of the message is small, so its size is known before a byte is sent,
//! and a file of any size is read, encoded and written piece by piece.

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

/// A message that can be written, and what it says.
pub struct Message<'a, C> {
    skeleton: Skeleton,
    files: Vec<File<'a, C>>,
    /// Whether its headers hold anything outside ASCII.
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
        // One byte for each file: its address in here says which.
        let places = vec![0; files.len()];
        let tree = tree::build(&mail.body, mail.calendar.as_ref(), &files, &places, ids, &raw);
        let skeleton = Skeleton::write(head, tree, &places);
        Self { skeleton, files, has_utf8_headers }
    }

    /// The size of the whole message in bytes. None: a file's source does not say its size.
    pub fn size(&self) -> Option<u64> {
        let files = self.files.iter().map(File::encoded_len).sum::<Option<u64>>()?;
        Some(self.skeleton.len() as u64 + files)
    }
}

/// Octets in which the headers of most messages find room.
const HEAD: usize = 1024;

/// The bytes of a file that go into the message as they are.
fn raw_bytes<'f, C: Content>(file: &'f File<'_, C>) -> Option<&'f [u8]> {
    match &file.bytes {
        Bytes::Known(bytes) if file.is_raw() => Some(bytes),
        _ => None,
    }
}
