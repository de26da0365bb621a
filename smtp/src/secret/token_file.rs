//! A file with a refresh token, which this program writes and replaces.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Secret;
use crate::private_files;

/// A file with a refresh token.
///
/// The first line is the token, so that `SecretSource::File` can read it. The second line says that this program wrote
/// the file. A provider may replace a refresh token with each use (RFC 6749 section 6). The new token is written only to
/// a file with that line, and never to a file that the user wrote.
///
/// ```
/// use smtp_connector_smtp::Secret;
/// use smtp_connector_smtp::secret::TokenFile;
///
/// let folder = tempfile::tempdir()?;
/// let file = TokenFile::new(folder.path().join("work.refresh-token"));
/// file.write(&Secret::new("first"))?;
/// assert!(file.rotate(&Secret::new("first"), &Secret::new("second"))?);
/// assert!(!file.rotate(&Secret::new("first"), &Secret::new("third"))?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TokenFile(PathBuf);

/// The second line of the file.
const MARK: &str = "# written by smtp-connector, which replaces the token when the provider does";

/// The largest file, in bytes. The longest tokens have a few thousand.
const MAX_BYTES: u64 = 64 << 10;

impl TokenFile {
    /// Uses the file at `path`. The file does not need to exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reports whether something else is at the path: a file that this program did not write, or a folder.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read.
    pub fn is_foreign(&self) -> io::Result<bool> {
        match fs::symlink_metadata(&self.0) {
            Err(reason) if reason.kind() == ErrorKind::NotFound => Ok(false),
            found => Ok(!found?.is_file() || self.token()?.is_none()),
        }
    }

    /// Returns the token, if this program wrote the file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file exists and cannot be read.
    pub fn token(&self) -> io::Result<Option<Secret>> {
        let found = match fs::metadata(&self.0) {
            Err(reason) if reason.kind() == ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        if found.len() > MAX_BYTES {
            return Ok(None);
        }
        let bytes = Zeroizing::new(fs::read(&self.0)?);
        let text = std::str::from_utf8(&bytes).ok();
        let is_marked = |text: &&str| text.lines().nth(1) == Some(MARK);
        Ok(text.filter(is_marked).and_then(Secret::first_line_of))
    }

    /// Writes a token atomically. Only the owner can read the file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written. The file is unchanged then.
    pub fn write(&self, token: &Secret) -> io::Result<()> {
        let text = Zeroizing::new(format!("{}\n{MARK}\n", token.expose()));
        private_files::replace(&self.0, text.as_bytes(), true)
    }

    /// Replaces the old token with the new one, if this program wrote the file and the file has the old token. Returns
    /// whether it did.
    ///
    /// If the file has another token, a user has given consent again, or another process was faster.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or written. The file is unchanged then.
    pub fn rotate(&self, old: &Secret, new: &Secret) -> io::Result<bool> {
        let is_old = self.token()?.is_some_and(|token| token == *old);
        if is_old {
            self.write(new)?;
        }
        Ok(is_old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_this_program_with_the_old_token_is_changed() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = TokenFile::new(folder.path().join("work.refresh-token"));
        let [old, new] = ["0ld", "n3w"].map(Secret::new);
        assert!(!file.rotate(&old, &new).expect("a missing file is not an error"));
        assert!(!file.is_foreign().expect("it can be looked up"));
        for foreign in ["0ld\n", "0ld\n# mine\n", "0ld", ""] {
            fs::write(file.path(), foreign).expect("it can be written");
            assert!(!file.rotate(&old, &new).expect("it can be read"), "{foreign:?}");
            assert!(file.is_foreign().expect("it can be read"), "{foreign:?}");
            assert_eq!(fs::read_to_string(file.path()).expect("it is there"), foreign);
        }
        fs::remove_file(file.path()).expect("it is ours");
        file.write(&old).expect("it can be written");
        assert!(!file.is_foreign().expect("it can be read"));
        assert!(!file.rotate(&new, &Secret::new("other")).expect("it can be read"));
        assert!(file.rotate(&old, &new).expect("it can be written"));
        assert_eq!(file.token().expect("it can be read"), Some(new));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(file.path()).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
