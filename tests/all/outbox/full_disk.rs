//! A small disk in memory. Only root can mount it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

use crate::support::until;

/// A disk of a few megabytes.
pub(super) struct FullDisk {
    folder: tempfile::TempDir,
}

impl FullDisk {
    /// Mounts the disk, or prints why the test is skipped.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub(super) fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mounted = mount(&["-t", "tmpfs", "-o", "size=2m", "tmpfs"], folder.path());
        if !mounted {
            eprintln!("skipped: only root can mount a small disk");
            return None;
        }
        Some(Self { folder })
    }

    pub(super) fn new_folder(&self) -> tempfile::TempDir {
        tempfile::tempdir_in(&self.folder).expect("the disk has space")
    }

    /// Fills the disk, until the database cannot store the smallest change.
    pub(super) fn fill(&self, outbox: &Path) {
        let ballast = File::options().create(true).append(true).open(self.ballast());
        let mut ballast = ballast.expect("an empty file needs no space");
        while ballast.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
        let outbox = Connection::open(outbox).expect("it opens");
        let nothing = || outbox.pragma_update(None, "user_version", 1);
        outbox.pragma_update(None, "wal_autocheckpoint", 0).expect("it is a setting");
        // Each is one page in the log. What a larger change left behind is room for a few of them.
        let error = loop {
            if let Err(error) = nothing() {
                break error;
            }
        };
        assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull), "{error}");
    }

    pub(super) fn make_space(&self) {
        fs::remove_file(self.ballast()).expect("the disk was filled");
    }

    /// Makes the disk read-only, once no file on it is open.
    pub(super) async fn make_read_only(&self) {
        until(|| mount(&["-o", "remount,ro"], self.folder.path())).await;
    }

    fn ballast(&self) -> std::path::PathBuf {
        self.folder.path().join("ballast")
    }
}

fn mount(words: &[&str], folder: &Path) -> bool {
    let mounted = Command::new("mount").args(words).arg(folder).output();
    mounted.is_ok_and(|ran| ran.status.success())
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        // Lazily: a thread may still close the database.
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).output();
    }
}
