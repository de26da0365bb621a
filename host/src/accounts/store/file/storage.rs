//! Reads and writes the accounts file, and explains failures.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::PathBuf;
use std::time::Duration;

use super::AccountsFile;
use crate::error::{Error, Result};
use smtp_connector_smtp::private_files::{self, Lock, LockError};

/// The largest accounts file, in bytes. It has room for thousands of accounts, and is still read quickly.
const MAX_BYTES: u64 = 4 << 20;

/// The time to wait for another program's change, which takes milliseconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

const BYTE_ORDER_MARK: char = '\u{feff}';

impl AccountsFile {
    pub(super) fn read(&self) -> Result<String> {
        let mut file = match File::open(&self.path) {
            Err(reason) if reason.kind() == ErrorKind::NotFound => return Ok(String::new()),
            opened => opened.map_err(|reason| self.failed("read", reason))?,
        };
        let failed = |reason| self.failed("read", reason);
        let found = file.metadata().map_err(failed)?;
        if found.is_dir() {
            return Err(failed(ErrorKind::IsADirectory.into()));
        }
        private_files::check_trusted(&self.path, &found)?;
        private_files::check_holders(&self.path)?;
        if found.len() > MAX_BYTES {
            return Err(failed(io::Error::other("it is larger than 4 MiB")));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        self.decode(bytes)
    }

    fn decode(&self, bytes: Vec<u8>) -> Result<String> {
        let is_utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
        // The error is dropped, because it contains the bytes, and with them perhaps a password.
        let text = String::from_utf8(bytes).map_err(|_| {
            let path = self.path.display();
            match is_utf16 {
                true => {
                    Error::account(format!("the accounts file {path} is in UTF-16, not in UTF-8"))
                }
                false => Error::account(format!("the accounts file {path} is not in UTF-8")),
            }
            .with_hint("save it in UTF-8; in Windows PowerShell 5, use: Set-Content -Encoding UTF8")
        })?;
        // Editors on Windows write a byte order mark.
        Ok(text.trim_start_matches(BYTE_ORDER_MARK).to_owned())
    }

    /// Locks the file against changes by other programs. Waits at most `patience` for the lock.
    pub(super) fn lock(&self, patience: Duration) -> Result<Lock> {
        let target = self.target()?;
        Lock::take(&target, patience).map_err(|error| match error {
            LockError::Held(lock) => Error::account(format!(
                "the accounts file {} cannot be changed: after {} seconds, another program still holds the lock {}",
                self.path.display(),
                patience.as_secs(),
                lock.display()
            ))
            .with_hint("wait until it ends, or stop it; the lock is released when it ends"),
            LockError::File(lock, reason)
                if reason.kind() == ErrorKind::PermissionDenied && lock.exists() =>
            {
                let (path, lock) = (self.path.display(), lock.display());
                Error::account(format!(
                    "the accounts file {path} cannot be changed: this user has no permission to open its lock {lock}"
                ))
                .with_hint("check the owner and the mode of the lock and of its folder; if no other command is running, you can remove a lock that another user left")
                .with_source(reason)
            }
            LockError::File(_, reason) => self.failed("changed", reason),
        })
    }

    /// Replaces the whole file, or leaves it unchanged on failure. Only the owner can read a new file. The caller holds
    /// the lock.
    pub(super) fn write(&self, text: &str, is_secret: bool) -> Result<()> {
        let target = self.target()?;
        private_files::remove_leftovers(&target);
        private_files::replace(&target, text.as_bytes(), is_secret)
            .map_err(|reason| self.failed("written", reason))
    }

    /// Returns the file to write. For a link, this is its target. Creates the folder if it does not exist.
    fn target(&self) -> Result<PathBuf> {
        let target = private_files::target_of(&self.path)?;
        if let Some(folder) = target.parent() {
            private_files::create_directory(folder)
                .map_err(|reason| self.failed("written", reason))?;
        }
        private_files::check_holders(&self.path)?;
        private_files::check_holders(&target)?;
        if fs::metadata(&target).is_ok_and(|found| found.is_dir()) {
            return Err(self.failed("written", ErrorKind::IsADirectory.into()));
        }
        Ok(target)
    }

    fn failed(&self, done: &str, reason: io::Error) -> Error {
        let (why, hint) = match reason.kind() {
            ErrorKind::IsADirectory => {
                (": it is a folder", "remove the folder, or choose another home folder with --home")
            }
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => (
                ": its folder is a file",
                "remove that file, or choose another home folder with --home",
            ),
            ErrorKind::PermissionDenied => (
                ": this user has no permission",
                "check the owner and the mode of the file and of its folder, or choose another home folder with --home",
            ),
            ErrorKind::ReadOnlyFilesystem => (
                ": its file system is read-only",
                "choose a writable home folder with --home, or change the original of the file",
            ),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                (": the disk is full", "free some disk space; the file is unchanged")
            }
            ErrorKind::ResourceBusy => (
                ": it is a mount point, which cannot be replaced",
                "mount its folder instead, or change the original of the file",
            ),
            _ => ("", "check that it is a file, and that you can read and write it"),
        };
        let message = format!("the accounts file {} cannot be {done}{why}", self.path.display());
        Error::account(message).with_hint(hint).with_source(reason)
    }
}
