//! The input of a run in a store: in its row, or elsewhere because it is large.

use std::path::PathBuf;
use std::sync::Arc;

use smtp_connector_smtp::BoxFuture;

use crate::error::{Error, ErrorKind, Result};

/// The input of a run, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredInput {
    pub(crate) input: Text,
    pub(crate) keywords: Option<Text>,
    pub(crate) captured: Option<Text>,
}

/// A text in a row, or elsewhere because it is large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Inline(String),
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "only SQLite has files"))]
    File(PathBuf),
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "SQLite has files instead"))]
    Later(Later),
}

/// A text that is read from the store when it is needed.
#[derive(Clone)]
pub(crate) struct Later(Arc<dyn Fn() -> BoxFuture<'static, Result<String>> + Send + Sync>);

impl Later {
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "SQLite has files instead"))]
    pub(crate) fn new(
        read: impl Fn() -> BoxFuture<'static, Result<String>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(read))
    }

    /// Reads the text.
    pub(crate) fn read(&self) -> BoxFuture<'static, Result<String>> {
        (self.0)()
    }
}

impl PartialEq for Later {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Later {}

impl std::fmt::Debug for Later {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Later")
    }
}

/// The input of a run, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Texts {
    pub(crate) input: String,
    pub(crate) keywords: Option<String>,
    pub(crate) captured: Option<String>,
}

impl StoredInput {
    /// Leaves out the captured attachments, which may be large.
    pub(crate) fn without_captured(self) -> Self {
        Self { captured: None, ..self }
    }

    /// Reads the texts.
    pub(crate) async fn read(self) -> Result<Texts> {
        let optional = async |text: Option<Text>| match text {
            Some(text) => text.read().await.map(Some),
            None => Ok(None),
        };
        Ok(Texts {
            input: self.input.read().await?,
            keywords: optional(self.keywords).await?,
            captured: optional(self.captured).await?,
        })
    }
}

impl Texts {
    /// Returns the size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let optional = [&self.keywords, &self.captured].into_iter().flatten();
        self.input.len() + optional.map(String::len).sum::<usize>()
    }
}

impl Text {
    pub(crate) async fn read(self) -> Result<String> {
        let path = match self {
            Self::Inline(text) => return Ok(text),
            Self::Later(later) => return later.read().await,
            Self::File(path) => path,
        };
        tokio::fs::read_to_string(&path).await.map_err(|reason| {
            let message = format!("the input {} cannot be read: {reason}", path.display());
            let kind = match reason.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::Damaged,
                _ => ErrorKind::Unavailable,
            };
            Error::new(kind, message)
                .hint_of(
                    "the folder beside the outbox belongs to it: restore both from the same backup",
                )
                .caused_by(reason)
        })
    }
}
