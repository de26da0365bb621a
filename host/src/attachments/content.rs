//! An open attachment.

use std::fmt;
use std::pin::Pin;

use smtp_connector_smtp::setters;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// An open attachment: its bytes, and the metadata from its source.
pub struct Content {
    metadata: Metadata,
    reader: Pin<Box<dyn AsyncRead + Send>>,
}

/// The metadata of an attachment, from its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// The file name.
    pub filename: Option<String>,
    /// The media type.
    pub media_type: Option<String>,
    /// The size in bytes.
    pub size: Option<u64>,
}

setters!(Metadata {} optional { filename: String, media_type: String, size: u64 });

/// The reason why an attachment cannot be opened or read.
///
/// The text is one sentence for the user. The component receives it, so it must not reveal details of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceError {
    /// The file does not exist.
    NotFound(String),
    /// The host's policy forbids this source.
    Forbidden(String),
    /// The file is larger than a message may be.
    TooLarge(String),
    /// The source is unavailable now, but may work later.
    Unavailable(String),
}

impl Content {
    /// Returns an attachment with the bytes of a reader.
    pub fn new(metadata: Metadata, reader: impl AsyncRead + Send + 'static) -> Self {
        Self { metadata, reader: Box::pin(reader) }
    }

    /// Returns the metadata from the source.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Reads the next bytes, at most `max`. Returns an empty list at the end.
    pub(crate) async fn read(&mut self, max: u32) -> Result<Vec<u8>, SourceError> {
        /// The most bytes of one read, even if the component asks for more.
        const MOST: usize = 256 * 1024;
        let mut chunk = Vec::with_capacity((max as usize).min(MOST));
        let mut reader = (&mut self.reader).take(chunk.capacity() as u64);
        match reader.read_buf(&mut chunk).await {
            Ok(_) => Ok(chunk),
            Err(reason) => {
                // Sources in this library put a `SourceError` into the I/O error.
                let ours = reason.get_ref().and_then(|inner| inner.downcast_ref::<SourceError>());
                Err(ours.cloned().unwrap_or_else(|| {
                    SourceError::Unavailable("reading it failed before the end".to_owned())
                }))
            }
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(text)
            | Self::Forbidden(text)
            | Self::TooLarge(text)
            | Self::Unavailable(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for SourceError {}
