//! Where the database is. If its file is removed or replaced, SQLite goes on with the old one, and everything that is
//! written to it is lost with the process.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// The file of an open database.
#[derive(Clone, Debug)]
pub(super) struct Place {
    path: PathBuf,
    file: FileId,
}

/// The identity of a file: its device and its number on it. Windows does not let anyone remove an open database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg(unix)]
struct FileId(u64, u64);
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg(not(unix))]
struct FileId;

impl Place {
    /// Remembers the file at `path`.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let file = fs::metadata(path).map_err(|reason| gone(path, reason))?;
        Ok(Self { path: path.to_owned(), file: FileId::of(&file) })
    }

    /// Checks that the file is still there.
    pub(super) fn check(&self) -> Result<()> {
        let now = fs::metadata(&self.path).map_err(|reason| gone(&self.path, reason))?;
        if FileId::of(&now) == self.file {
            return Ok(());
        }
        let message = format!("the outbox {} was replaced by another file", self.path.display());
        Err(Error::new(ErrorKind::Unavailable, message).hint_of(HINT))
    }
}

const HINT: &str = "stop the programs that use it, put the file back, and start them again";

fn gone(path: &Path, reason: io::Error) -> Error {
    let message = match reason.kind() {
        io::ErrorKind::NotFound => format!("the outbox {} is not there any more", path.display()),
        _ => format!("the outbox {} cannot be found: {reason}", path.display()),
    };
    Error::new(ErrorKind::Unavailable, message).hint_of(HINT).caused_by(reason)
}

impl FileId {
    #[cfg(unix)]
    fn of(file: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(file.dev(), file.ino())
    }

    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Self {
        Self
    }
}
