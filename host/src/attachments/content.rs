//! An attachment that is being read.

use std::fmt;
use std::pin::Pin;

use smtp_connector_smtp::setters;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes of an attachment, and what their source says of them.
pub struct Content {
    metadata: Metadata,
    reader: Pin<Box<dyn AsyncRead + Send>>,
}

/// What a source says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// The file's name.
    pub filename: Option<String>,
    /// Its media type.
    pub media_type: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
}

setters!(Metadata {} optional { filename: String, media_type: String, size: u64 });

/// Why there are no bytes, or no more. The text is one sentence for a person, and goes to the component:
/// it says nothing of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceError {
    /// No such file.
    NotFound(String),
    /// The host's policy forbids this source.
    Forbidden(String),
    /// More bytes than a message may have.
    TooLarge(String),
    /// It might work later.
    Unavailable(String),
}

impl Content {
    /// Bytes from any reader.
    pub fn new(metadata: Metadata, reader: impl AsyncRead + Send + 'static) -> Self {
        Self { metadata, reader: Box::pin(reader) }
    }

    /// What the source says of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The next bytes, at most `max`; empty at the end.
    pub(crate) async fn read(&mut self, max: u32) -> Result<Vec<u8>, SourceError> {
        /// A component that asks for more at once gets no more.
        const MOST: usize = 256 * 1024;
        let mut chunk = Vec::with_capacity((max as usize).min(MOST));
        let mut reader = (&mut self.reader).take(chunk.capacity() as u64);
        match reader.read_buf(&mut chunk).await {
            Ok(_) => Ok(chunk),
            Err(reason) => {
                // A source of ours says in its own words what happened.
                let ours = reason.get_ref().and_then(|inner| inner.downcast_ref::<SourceError>());
                Err(ours.cloned().unwrap_or_else(|| {
                    SourceError::Unavailable("it could not be read to its end".to_owned())
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
