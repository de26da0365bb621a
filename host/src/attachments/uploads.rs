//! Files that users uploaded to the platform.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Content, Metadata, SourceError};
use smtp_connector_smtp::BoxFuture;
use smtp_connector_smtp::excerpt::excerpt;

/// A store of uploads, by id.
///
/// The id comes from the input, which a user wrote. Open only uploads that belong to this user.
pub trait Uploads: Send + Sync + 'static {
    /// Opens an upload.
    fn open<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Content, SourceError>>;
}

/// A store without uploads.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoUploads;

impl Uploads for NoUploads {
    fn open<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Content, SourceError>> {
        Box::pin(async move { Err(unknown(id)) })
    }
}

/// Uploads in memory.
///
/// ```
/// use smtp_connector_host::attachments::{MemoryUploads, Metadata};
///
/// let report = Metadata::default().filename("report.pdf".to_owned());
/// let uploads = MemoryUploads::new().with("u-1", report, b"%PDF-1.7".to_vec());
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryUploads {
    files: BTreeMap<String, (Metadata, Arc<[u8]>)>,
}

impl MemoryUploads {
    /// Returns an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an upload.
    #[must_use]
    pub fn with(
        mut self,
        id: impl Into<String>,
        metadata: Metadata,
        bytes: impl Into<Arc<[u8]>>,
    ) -> Self {
        self.files.insert(id.into(), (metadata, bytes.into()));
        self
    }
}

impl Uploads for MemoryUploads {
    fn open<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Content, SourceError>> {
        Box::pin(async move {
            let (metadata, bytes) = self.files.get(id).ok_or_else(|| unknown(id))?;
            let metadata = metadata.clone().size(bytes.len() as u64);
            Ok(Content::new(metadata, Cursor::new(Arc::clone(bytes))))
        })
    }
}

/// Uploads from a fixed list of files. An id cannot open any other file.
#[derive(Clone, Debug, Default)]
pub struct FileUploads {
    files: BTreeMap<String, PathBuf>,
}

impl FileUploads {
    /// Returns an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an upload.
    #[must_use]
    pub fn with(mut self, id: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.files.insert(id.into(), path.into());
        self
    }
}

impl Uploads for FileUploads {
    fn open<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Content, SourceError>> {
        Box::pin(async move {
            let path = self.files.get(id).ok_or_else(|| unknown(id))?;
            let failed = |_| {
                SourceError::NotFound(format!(
                    "the file of the upload {} cannot be read",
                    excerpt(id)
                ))
            };
            let file = tokio::fs::File::open(path).await.map_err(failed)?;
            let data = file.metadata().await.map_err(failed)?;
            if data.is_dir() {
                return Err(SourceError::NotFound(format!(
                    "the upload {} is a directory",
                    excerpt(id)
                )));
            }
            let filename = path.file_name().map(|name| name.to_string_lossy().into_owned());
            // A pipe has no size.
            let size = data.is_file().then_some(data.len());
            Ok(Content::new(Metadata { filename, media_type: None, size }, file))
        })
    }
}

pub(super) fn unknown(id: &str) -> SourceError {
    SourceError::NotFound(format!("there is no upload {}", excerpt(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(uploads: &impl Uploads, id: &str) -> Result<(Metadata, Vec<u8>), SourceError> {
        let mut content = uploads.open(id).await?;
        let mut bytes = Vec::new();
        loop {
            let chunk = content.read(7).await?;
            if chunk.is_empty() {
                return Ok((content.metadata().clone(), bytes));
            }
            assert!(chunk.len() <= 7);
            bytes.extend_from_slice(&chunk);
        }
    }

    #[tokio::test]
    async fn uploads_are_read_piece_by_piece() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("a.txt");
        std::fs::write(&path, "some bytes of a file").expect("the file is written");
        let files = FileUploads::new().with("u-1", path).with("u-2", directory.path());
        let (metadata, bytes) = read(&files, "u-1").await.expect("it is there");
        assert_eq!(bytes, b"some bytes of a file");
        assert_eq!((metadata.filename.as_deref(), metadata.size), (Some("a.txt"), Some(20)));
        assert!(read(&files, "u-2").await.is_err());
        assert!(read(&files, "../a.txt").await.is_err());

        let memory = MemoryUploads::new().with("u-1", Metadata::default(), *b"some bytes");
        assert_eq!(read(&memory, "u-1").await.expect("it is there").1, b"some bytes");
        assert!(matches!(read(&memory, "u-2").await, Err(SourceError::NotFound(_))));
        assert!(read(&NoUploads, "u-1").await.is_err());
    }
}
