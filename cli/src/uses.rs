//! The time at which this command last used each account: the modification time of an empty file for each.
//!
//! Such a file needs no lock, and two commands at the same time cannot damage it. It is only a note for the user, so a
//! command goes on if it cannot be written.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use smtp_connector_smtp::private_files;

/// The files of all accounts, in one folder.
pub(crate) struct Uses(PathBuf);

impl Uses {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Notes that the account is used now.
    pub(crate) fn note(&self, account: &str) {
        // Without this file, `accounts list` shows the use before.
        let _ = self.touch(account);
    }

    fn touch(&self, account: &str) -> io::Result<()> {
        private_files::create_directory(&self.0)?;
        // Others could put a link there, to a file of this user.
        private_files::check_directory(&self.0).map_err(io::Error::other)?;
        let file = File::options().create(true).append(true).open(self.file(account))?;
        file.set_modified(SystemTime::now())
    }

    /// Returns the time of the last use.
    pub(crate) fn last(&self, account: &str) -> Option<SystemTime> {
        fs::metadata(self.file(account)).ok()?.modified().ok()
    }

    pub(crate) fn rename(&self, account: &str, name: &str) {
        if fs::rename(self.file(account), self.file(name)).is_err() {
            // An earlier account of this name may have left a file.
            self.forget(name);
        }
    }

    pub(crate) fn forget(&self, account: &str) {
        let _ = fs::remove_file(self.file(account));
    }

    /// Returns the file of an account. Its name has no letters that some systems take for others, and does not begin like
    /// a device of Windows.
    fn file(&self, account: &str) -> PathBuf {
        let mut name = "account-".to_owned();
        for byte in account.bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(byte.into()),
                _ => write!(name, "%{byte:02x}").expect("text grows"),
            }
        }
        self.0.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_has_a_file_in_the_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let uses = Uses::new(folder.path().join("uses"));
        let names = ["work", "Work", "my work", "..", "a/b", "con", "a%2fb", "Ümläut"];
        for (at, name) in names.into_iter().enumerate() {
            assert_eq!(uses.last(name), None, "{name}");
            uses.note(name);
            assert!(uses.last(name).is_some(), "{name}");
            assert_eq!(fs::read_dir(&uses.0).expect("it is there").count(), at + 1, "{name}");
        }
    }

    #[test]
    fn a_new_name_has_the_use_of_its_account_and_of_no_earlier_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let uses = Uses::new(folder.path().to_owned());
        uses.note("used");
        uses.note("earlier");
        uses.rename("used", "new");
        uses.rename("unused", "earlier");
        let known = ["used", "new", "earlier"].map(|name| uses.last(name).is_some());
        assert_eq!(known, [false, true, false]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_error() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("uses"), "a file").expect("it is written");
        let uses = Uses::new(folder.path().join("uses"));
        uses.note("work");
        assert_eq!(uses.last("work"), None);
        uses.rename("work", "other");
        uses.forget("work");
    }
}
