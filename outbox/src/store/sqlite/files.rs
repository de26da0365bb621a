//! Large inputs, in files beside the database. A row of megabytes would hold up every other commit while it is written,
//! and would be written twice.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use ring::digest::{SHA256, digest};

use super::folder;

/// Texts of this many bytes are files. It is far above common mails, and far below the size that delays a commit.
pub(super) const LARGE: usize = 64 * 1024;

/// How old a file without a row must be to be removed: its row may be about to be written.
const ORPHAN: Duration = Duration::from_secs(3600);

/// The folder with the files. A file is named by the SHA-256 of its text, so equal texts share one.
#[derive(Clone, Debug)]
pub(super) struct Files {
    folder: PathBuf,
    /// Whether this process made the folder's name durable.
    has_folder: Arc<AtomicBool>,
}

impl Files {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, has_folder: Arc::default() }
    }

    /// Stores a text durably, and returns the file's name.
    pub(super) fn store(&self, text: &str) -> io::Result<String> {
        let hash = digest(&SHA256, text.as_bytes());
        let name: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        self.make_folder()?;
        // Written again even if the name is there: an orphan of that name may be about to be removed.
        let mut file = tempfile::Builder::new().prefix("new-").tempfile_in(&self.folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(self.path(&name))?;
        // POSIX promises the name only after this.
        folder::sync(&self.folder)?;
        Ok(name)
    }

    /// Makes the folder. A text is not durable before the names of the folders above it are.
    fn make_folder(&self) -> io::Result<()> {
        if self.has_folder.load(Ordering::Relaxed) && self.folder.is_dir() {
            return Ok(());
        }
        folder::make(&self.folder)?;
        // Another process may have made them a moment ago.
        let beside = folder::above(&self.folder);
        folder::sync(beside)?;
        folder::sync(folder::above(beside))?;
        self.has_folder.store(true, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Reports whether a file is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Returns the names of the files that are old enough to be orphans.
    pub(super) fn old(&self, now: SystemTime) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| self.is_old(name, now)).collect()
    }

    /// Removes a file that no row names, if it is still old. Must run in a write transaction: an enqueue checks in its
    /// transaction that the file is there.
    pub(super) fn remove_old(&self, name: &str, now: SystemTime) {
        if self.is_old(name, now) {
            // A file that stays is removed the next time.
            let _ = fs::remove_file(self.path(name));
        }
    }

    fn is_old(&self, name: &str, now: SystemTime) -> bool {
        let modified = fs::metadata(self.path(name)).and_then(|data| data.modified());
        modified.is_ok_and(|time| now.duration_since(time).is_ok_and(|age| age > ORPHAN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(folder.path().join("inputs"));
        let name = files.store("text").expect("it is stored");
        assert_eq!(files.store("text").expect("it is stored"), name);
        assert_eq!(fs::read_to_string(files.path(&name)).expect("it is there"), "text");
        assert_eq!(files.old(SystemTime::now()), Vec::<String>::new());
        let later = SystemTime::now() + 2 * ORPHAN;
        assert_eq!(files.old(later), std::slice::from_ref(&name));
        files.remove_old(&name, SystemTime::now());
        assert!(files.has(&name), "it is too young");
        files.remove_old(&name, later);
        assert_eq!(files.old(later), Vec::<String>::new());
    }
}
