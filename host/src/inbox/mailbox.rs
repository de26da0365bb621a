//! Messages kept in a folder: each as a file of its own, with its envelope beside it.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::Received;
use crate::private_files;

/// A folder of messages that an inbox caught. On Unix, it and they are for their owner alone.
#[derive(Clone, Debug)]
pub struct Mailbox {
    directory: PathBuf,
}

/// A message in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// Its number.
    pub id: u64,
    /// When it arrived, in seconds since 1970.
    pub at: u64,
    /// What the client called itself.
    pub client_name: String,
    /// Whether it came through TLS.
    pub encrypted: bool,
    /// Who was logged in.
    pub user: Option<String>,
    /// MAIL FROM.
    pub sender: String,
    /// What else stood in MAIL FROM.
    pub parameters: Vec<String>,
    /// RCPT TO.
    pub recipients: Vec<String>,
    /// Octets.
    pub size: u64,
}

/// A folder or a message in it that cannot be read or written.
#[derive(Debug)]
pub struct MailboxError {
    what: String,
    source: io::Error,
}

impl Mailbox {
    /// The messages in a folder, which need not be there yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Keeps a message.
    ///
    /// # Errors
    ///
    /// A folder that cannot be written to.
    pub fn put(&self, message: &Received) -> Result<Stored, MailboxError> {
        let failed = |source| self.failed("cannot be written to", source);
        private_files::create_directory(&self.directory).map_err(failed)?;
        let id = self.list()?.last().map_or(1, |last| last.id + 1);
        let at = message.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let stored = Stored {
            id,
            at,
            client_name: message.client_name.clone(),
            encrypted: message.encrypted,
            user: message.user.clone(),
            sender: message.sender.clone(),
            parameters: message.parameters.clone(),
            recipients: message.recipients.clone(),
            size: message.content.len() as u64,
        };
        let envelope = serde_json::to_vec(&stored).map_err(|error| failed(error.into()))?;
        // The envelope last: a message is there once it is whole.
        private_files::write(&self.content_path(id), &message.content).map_err(failed)?;
        private_files::write(&self.envelope_path(id), &envelope).map_err(failed)?;
        Ok(stored)
    }

    /// Every message, the oldest first.
    ///
    /// # Errors
    ///
    /// A folder that cannot be read.
    pub fn list(&self) -> Result<Vec<Stored>, MailboxError> {
        let failed = |source| self.failed("cannot be read", source);
        private_files::close_directory(&self.directory);
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut messages = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                messages.push(self.read_envelope(&path)?);
            }
        }
        messages.sort_by_key(|message| message.id);
        Ok(messages)
    }

    /// A message by its number, or the latest.
    ///
    /// # Errors
    ///
    /// No such message, or a folder that cannot be read.
    pub fn get(&self, id: Option<u64>) -> Result<(Stored, Vec<u8>), MailboxError> {
        private_files::close_directory(&self.directory);
        let nothing = |what: String| MailboxError { what, source: io::ErrorKind::NotFound.into() };
        let stored = match id {
            Some(id) if self.envelope_path(id).is_file() => {
                self.read_envelope(&self.envelope_path(id))?
            }
            Some(id) => return Err(nothing(format!("there is no message {id}"))),
            None => {
                self.list()?.pop().ok_or_else(|| nothing("there is no message yet".to_owned()))?
            }
        };
        let content = fs::read(self.content_path(stored.id));
        Ok((stored, content.map_err(|source| self.failed("cannot be read", source))?))
    }

    /// Throws every message away, and says how many there were.
    ///
    /// # Errors
    ///
    /// A folder that cannot be written to.
    pub fn clear(&self) -> Result<usize, MailboxError> {
        let messages = self.list()?;
        for message in &messages {
            for path in [self.envelope_path(message.id), self.content_path(message.id)] {
                fs::remove_file(path).map_err(|source| self.failed("cannot be cleared", source))?;
            }
        }
        Ok(messages.len())
    }

    fn read_envelope(&self, path: &Path) -> Result<Stored, MailboxError> {
        let read = fs::read(path).and_then(|text| Ok(serde_json::from_slice(&text)?));
        read.map_err(|source| self.failed("cannot be read", source))
    }

    fn content_path(&self, id: u64) -> PathBuf {
        self.directory.join(format!("{id}.eml"))
    }

    fn envelope_path(&self, id: u64) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }

    fn failed(&self, what: &str, source: io::Error) -> MailboxError {
        MailboxError {
            what: format!("the inbox's folder {} {what}", self.directory.display()),
            source,
        }
    }
}

impl Stored {
    /// When it arrived.
    pub fn arrived(&self) -> SystemTime {
        UNIX_EPOCH + std::time::Duration::from_secs(self.at)
    }
}

impl fmt::Display for MailboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for MailboxError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Received {
        Received {
            at: UNIX_EPOCH,
            client_name: "client.test".into(),
            encrypted: false,
            user: None,
            sender: "a@x.test".into(),
            parameters: Vec::new(),
            recipients: vec!["b@x.test".into()],
            content: text.into(),
        }
    }

    #[cfg(unix)]
    #[test]
    fn messages_are_their_owners_alone_and_so_are_those_of_earlier_versions() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("inbox");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let mailbox = Mailbox::new(&directory);
        for number in 1..=2 {
            mailbox.put(&message("private")).unwrap();
            let files = fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path());
            let files: Vec<_> = files.collect();
            assert_eq!(files.len(), 2 * number, "nothing is left over");
            assert_eq!(mode(&directory), 0o700);
            files.iter().for_each(|file| assert_eq!(mode(file), 0o600));
            files.iter().for_each(|file| set(file, 0o644));
            set(&directory, 0o755);
        }
        let list = || mailbox.list().map(|_| ());
        let get = || mailbox.get(Some(1)).map(|_| ());
        for read in [&list as &dyn Fn() -> Result<(), MailboxError>, &get] {
            let file = directory.join("1.eml");
            set(&directory, 0o755);
            set(&file, 0o644);
            read().unwrap();
            assert_eq!((mode(&directory), mode(&file)), (0o700, 0o600));
        }
    }

    #[test]
    fn messages_are_kept_in_order_and_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let mailbox = Mailbox::new(directory.path().join("inbox"));
        assert!(mailbox.list().unwrap().is_empty());
        assert!(mailbox.get(None).is_err());
        for number in 1..=11 {
            let stored = mailbox.put(&message(&format!("message {number}"))).unwrap();
            assert_eq!(stored.id, number);
        }
        assert_eq!(mailbox.list().unwrap().len(), 11);
        assert_eq!(mailbox.get(Some(2)).unwrap().1, b"message 2");
        assert_eq!(mailbox.get(None).unwrap().1, b"message 11");
        assert!(mailbox.get(Some(12)).is_err());
        assert_eq!(mailbox.clear().unwrap(), 11);
        assert!(mailbox.list().unwrap().is_empty());
    }
}
