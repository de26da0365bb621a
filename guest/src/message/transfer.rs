//! Writes a message: reads, hashes and encodes its files, and passes on the bytes in chunks.

use encodify::base64::MIME;
use sha2::{Digest, Sha256};

use super::file::{Bytes, File, FileDigest, READ, Unavailable};
use super::skeleton::Piece;
use super::{Content, Message};
use crate::bindings::connectors::smtp::attachments::AttachmentError;

/// The destination of a message's bytes.
pub trait Sink {
    /// The error of a failed write.
    type Error;
    /// Writes the next bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// A file that was written into the message.
#[derive(Debug)]
pub struct Written {
    /// The name, if it has one.
    pub file_name: Option<String>,
    /// The media type.
    pub content_type: String,
    /// The digest of the bytes from its source.
    pub digest: FileDigest,
    /// The content id, if it has one.
    pub content_id: Option<String>,
}

/// A message that was written completely.
#[derive(Debug)]
pub struct Transferred {
    /// The size of the message in bytes.
    pub size: u64,
    /// Its files, in the order of their parts.
    pub files: Vec<Written>,
}

/// The reason why a message was not written completely.
#[derive(Debug)]
pub enum TransferError<E> {
    /// A file could not be read, or does not match the input.
    File(Unavailable),
    /// The sink failed.
    Sink(E),
}

/// The maximum size of a chunk in bytes. This size is the cheapest for passing data out of the sandbox.
const CHUNK: usize = 64 * 1024;

impl<C: Content> Message<'_, C> {
    /// Writes the whole message.
    pub fn write_to<S: Sink>(
        mut self,
        sink: &mut S,
    ) -> Result<Transferred, TransferError<S::Error>> {
        if self.files.is_empty() {
            return write_whole(self.skeleton.bytes(), sink).map_err(TransferError::Sink);
        }
        let mut out = Chunks { sink, buffer: Vec::new(), size: 0 };
        let mut files = Vec::with_capacity(self.files.len());
        for piece in self.skeleton.pieces() {
            match piece {
                Piece::Bytes(bytes) => out.push(bytes).map_err(TransferError::Sink)?,
                Piece::File(number) => files.push(write_file(&mut self.files[number], &mut out)?),
            }
        }
        out.flush().map_err(TransferError::Sink)?;
        Ok(Transferred { size: out.size, files })
    }
}

/// Writes a message that is completely in memory.
fn write_whole<S: Sink>(message: &[u8], sink: &mut S) -> Result<Transferred, S::Error> {
    message.chunks(CHUNK).try_for_each(|chunk| sink.write(chunk))?;
    Ok(Transferred { size: message.len() as u64, files: Vec::new() })
}

fn write_file<C: Content, S: Sink>(
    file: &mut File<'_, C>,
    out: &mut Chunks<'_, S>,
) -> Result<Written, TransferError<S::Error>> {
    let mut hash = Sha256::new();
    let mut size = 0;
    let is_raw = file.is_raw();
    let mut take = |bytes: &[u8], out: &mut Chunks<'_, S>| {
        hash.update(bytes);
        size += bytes.len() as u64;
        if is_raw { out.push(bytes) } else { out.push_base64(bytes) }
    };
    match &mut file.bytes {
        Bytes::Known(bytes) => {
            for chunk in bytes.chunks(READ as usize) {
                take(chunk, out).map_err(TransferError::Sink)?;
            }
        }
        Bytes::Base64(text) => {
            let mut chunk = Vec::with_capacity(READ as usize);
            let mut offset = 0;
            while offset < text.decoded_len() {
                chunk.clear();
                text.decode_from(offset, READ as usize, &mut chunk);
                offset += chunk.len();
                take(&chunk, out).map_err(TransferError::Sink)?;
            }
        }
        Bytes::Stream { content, size } => {
            let failed = |error: AttachmentError| {
                TransferError::File(Unavailable { path: file.path.clone(), error: error.into() })
            };
            let mut left = *size;
            let mut lines = Lines::default();
            loop {
                let chunk = content.read(READ).map_err(failed)?;
                if chunk.is_empty() {
                    break;
                }
                if let Some(left) = &mut left {
                    let rest = left.checked_sub(chunk.len() as u64);
                    *left = rest.ok_or_else(|| failed(changed()))?;
                }
                let whole = lines.add(chunk);
                take(&whole, out).map_err(TransferError::Sink)?;
            }
            if left.is_some_and(|left| left > 0) {
                return Err(failed(changed()));
            }
            take(&lines.rest, out).map_err(TransferError::Sink)?;
        }
    }
    let seen = FileDigest { size, sha256: hash.finalize().into() };
    // A file that was read before may have been converted since, so its first digest counts.
    let digest = file.digest.unwrap_or(seen);
    file.check(digest)
        .map_err(|error| TransferError::File(Unavailable { path: file.path.clone(), error }))?;
    Ok(Written {
        file_name: file.file_name.as_ref().map(|name| name.as_str().to_owned()),
        content_type: file.media_type.essence().to_owned(),
        digest,
        content_id: file.content_id.as_ref().map(|id| id.as_str().to_owned()),
    })
}

/// Reports a source whose size differs from the one it gave. The server was told a wrong size, and the file may be
/// truncated.
fn changed() -> AttachmentError {
    AttachmentError::Unavailable("the file's size changed while it was read".to_owned())
}

/// Splits the bytes of a source into whole lines of base64, so that only the last line is short.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// The number of bytes in a base64 line of 76 characters.
    const LINE: usize = 57;

    /// Adds a chunk, and returns the bytes of the lines that are now complete.
    fn add(&mut self, chunk: Vec<u8>) -> Vec<u8> {
        let mut whole = if self.rest.is_empty() {
            chunk
        } else {
            self.rest.extend_from_slice(&chunk);
            std::mem::take(&mut self.rest)
        };
        let end = whole.len() - whole.len() % Self::LINE;
        self.rest = whole.split_off(end);
        whole
    }
}

/// A buffer that passes bytes on in chunks.
struct Chunks<'s, S> {
    sink: &'s mut S,
    buffer: Vec<u8>,
    size: u64,
}

impl<S: Sink> Chunks<'_, S> {
    fn push(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        self.size += bytes.len() as u64;
        for piece in bytes.chunks(CHUNK) {
            if self.buffer.len() + piece.len() > CHUNK {
                self.flush()?;
            }
            self.buffer.extend_from_slice(piece);
        }
        Ok(())
    }

    /// Pushes at most [`READ`] bytes as lines of base64.
    fn push_base64(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        if self.buffer.len() + MIME.encoded_len(bytes.len()) > CHUNK {
            self.flush()?;
        }
        self.size += MIME.encode_append(bytes, &mut self.buffer) as u64;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), S::Error> {
        if !self.buffer.is_empty() {
            self.sink.write(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}
