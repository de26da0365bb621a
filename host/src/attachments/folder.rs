//! Uploads from the files in a folder.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::uploads::unknown;
use super::{Content, Metadata, SourceError, Uploads};
use smtp_connector_smtp::BoxFuture;

/// The files in a folder, by name, for platforms that keep each run's files in a separate folder.
///
/// An id is the name of a file. It cannot lead out of the folder or through a link.
///
/// ```no_run
/// use smtp_connector_host::Invocation;
/// use smtp_connector_host::attachments::FolderUploads;
///
/// let input = r#"{"to": "bob@example.net", "attachments": {"upload": "report.pdf"}}"#;
/// let mail = Invocation::send_mail(input).uploads(FolderUploads::new("uploads/run-17"));
/// ```
#[derive(Clone, Debug)]
pub struct FolderUploads {
    folder: PathBuf,
}

impl FolderUploads {
    /// Returns the files in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

impl Uploads for FolderUploads {
    fn open<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Content, SourceError>> {
        Box::pin(async move {
            if !is_one_name(id) {
                return Err(unknown(id));
            }
            let path = self.folder.join(id);
            let (file, size) = open_file(&path).await.map_err(|_| unknown(id))?;
            let metadata =
                Metadata { filename: Some(id.to_owned()), media_type: None, size: Some(size) };
            Ok(Content::new(metadata, file))
        })
    }
}

fn is_one_name(id: &str) -> bool {
    let mut components = Path::new(id).components();
    // A name with a trailing slash is one component, but it differs from the id.
    matches!((components.next(), components.next()), (Some(Component::Normal(name)), None) if name == id)
}

async fn open_file(path: &Path) -> io::Result<(tokio::fs::File, u64)> {
    // This checks the link and not its target, which may be anywhere.
    if !tokio::fs::symlink_metadata(path).await?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = tokio::fs::File::open(path).await?;
    let size = file.metadata().await?.len();
    Ok((file, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_of_the_folder_are_uploads_and_nothing_else_is() {
        let outside = tempfile::tempdir().expect("a temporary folder");
        let folder = outside.path().join("run");
        std::fs::create_dir_all(folder.join("inner")).expect("a folder can be made");
        std::fs::write(folder.join("a b.txt"), "inside").expect("a file can be written");
        std::fs::write(folder.join("inner/c.txt"), "deeper").expect("a file can be written");
        std::fs::write(outside.path().join("secret"), "outside").expect("a file can be written");
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.join("link"))
            .expect("a link can be made");
        let uploads = FolderUploads::new(&folder);
        let mut content = uploads.open("a b.txt").await.expect("it is there");
        assert_eq!(content.metadata().size, Some(6));
        assert_eq!(content.read(100).await.expect("it can be read"), b"inside");
        let absolute = outside.path().join("secret");
        for id in [
            "",
            ".",
            "..",
            "../secret",
            "inner",
            "inner/c.txt",
            "a b.txt/",
            "./a b.txt",
            "link",
            "no",
            "a\0b",
            absolute.to_str().expect("a path in UTF-8"),
        ] {
            let refused = uploads.open(id).await;
            assert!(matches!(refused, Err(SourceError::NotFound(_))), "{id:?}");
        }
    }
}
