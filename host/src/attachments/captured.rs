//! Attachments that were read before a mail is sent, so that their sources may change or disappear.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::content::{Content, Metadata, SourceError};

/// The attachments that an input names, with the bytes that their sources had at one time. See
/// [`Connector::capture`](crate::Connector::capture).
///
/// It is stored as JSON, for example with `serde_json::to_string`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Captured {
    files: Vec<CapturedFile>,
}

#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct CapturedFile {
    source: Source,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    content: Vec<u8>,
}

/// The source of an attachment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Source {
    /// A URL.
    Url(String),
    /// The id of an upload.
    Upload(String),
}

impl Captured {
    /// Returns the number of files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Reports whether the input names no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Opens the file of a source. A file that was not captured is not read later either: its source failed, and the
    /// input calls it optional.
    pub(crate) fn open(&self, source: &Source) -> Result<Content, SourceError> {
        let file = self.files.iter().find(|file| file.source == *source).ok_or_else(|| {
            SourceError::NotFound("it could not be read when the mail was queued".to_owned())
        })?;
        Ok(file.to_content())
    }
}

impl CapturedFile {
    fn to_content(&self) -> Content {
        let metadata = Metadata {
            filename: self.filename.clone(),
            media_type: self.media_type.clone(),
            size: u64::try_from(self.content.len()).ok(),
        };
        Content::new(metadata, std::io::Cursor::new(self.content.clone()))
    }
}

impl fmt::Debug for Captured {
    /// Shows no content, which is private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captured").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

/// Records the attachments that a run opens.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Captured>);

impl Recorder {
    /// Reads an open attachment to its end, and returns it as if it was just opened. All files together have at most
    /// `limit` bytes: no larger message could be sent.
    pub(crate) async fn record(
        &self,
        source: Source,
        mut opened: Content,
        limit: u64,
    ) -> Result<Content, SourceError> {
        let mut content = Vec::new();
        let before: usize =
            self.captured(|all| all.files.iter().map(|one| one.content.len()).sum());
        loop {
            let chunk = opened.read(u32::MAX).await?;
            if chunk.is_empty() {
                break;
            }
            content.extend(chunk);
            if (before + content.len()) as u64 > limit {
                let message = format!("the attachments have more than {limit} bytes together");
                return Err(SourceError::TooLarge(message));
            }
        }
        let Metadata { filename, media_type, .. } = opened.metadata().clone();
        let file = CapturedFile { source, filename, media_type, content };
        let again = file.to_content();
        self.captured(|all| {
            if all.files.iter().all(|one| one.source != file.source) {
                all.files.push(file);
            }
        });
        Ok(again)
    }

    /// Returns the files so far.
    pub(crate) fn take(&self) -> Captured {
        self.captured(std::mem::take)
    }

    fn captured<T>(&self, look: impl FnOnce(&mut Captured) -> T) -> T {
        // A panic under this lock leaves the list as it was.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn to_base64<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(from)?;
    STANDARD.decode(text).map_err(|_| serde::de::Error::custom("the content is not base64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_captured_file_is_the_same_after_it_was_stored() {
        let metadata = Metadata::default().filename("a.bin".to_owned());
        let opened = Content::new(metadata.clone(), &[0_u8, 255, 7][..]);
        let url = Source::Url("https://x.example/a".to_owned());
        let recorder = Recorder::default();
        let mut again = recorder.record(url.clone(), opened, 3).await.expect("it is small enough");
        assert_eq!(again.read(10).await.expect("it is read"), [0, 255, 7]);
        let more = Content::new(Metadata::default(), &[1_u8][..]);
        let error = recorder.record(Source::Upload("b".to_owned()), more, 3).await;
        assert!(matches!(error, Err(SourceError::TooLarge(_))), "four bytes are too many");
        let json = serde_json::to_string(&recorder.take()).expect("it is JSON");
        let stored: Captured = serde_json::from_str(&json).expect("it is JSON");
        let mut content = stored.open(&url).expect("it is there");
        assert_eq!(content.metadata().filename.as_deref(), Some("a.bin"));
        assert_eq!(content.read(10).await.expect("it is read"), [0, 255, 7]);
        let other = stored.open(&Source::Upload("https://x.example/a".to_owned()));
        assert!(matches!(other, Err(SourceError::NotFound(_))), "an upload is not a URL");
    }
}
