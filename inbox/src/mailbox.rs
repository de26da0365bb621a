//! A folder of messages. Each message is one file, with its envelope in a second file beside it.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::query::Query;
use super::received::{Received, Store};
use super::stored::Stored;
use smtp_connector_smtp::private_files;

/// A folder of messages that an inbox caught. On Unix, only their owner can access the folder and the messages.
#[derive(Clone, Debug)]
pub struct Mailbox {
    directory: PathBuf,
}

/// An error in reading or writing a folder or one of its messages.
#[derive(Debug)]
pub struct MailboxError {
    what: String,
    /// The cause; `None` if the message does not exist.
    source: Option<io::Error>,
}

impl Mailbox {
    /// Opens a folder of messages. The folder does not need to exist yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Writes a message to disk and returns it with its number.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be written to. The message's files are then removed.
    pub fn put(&self, message: &Received) -> Result<Stored, MailboxError> {
        let failed = |source| self.failed("cannot be written to", source);
        private_files::create_directory(&self.directory).map_err(failed)?;
        private_files::close_directory(&self.directory);
        let id = self.put_content(&message.content)?;
        let stored = Stored::of(message, id);
        let written = serde_json::to_vec(&stored).map_err(io::Error::from).and_then(|envelope| {
            // The envelope is written last, so a message is listed only when it is complete.
            private_files::write_new(&self.envelope_path(id), &envelope)?;
            private_files::sync_directory(&self.directory)
        });
        written.map_err(|reason| {
            for path in [self.envelope_path(id), self.content_path(id)] {
                // The file may not exist. If it cannot be removed, it is left.
                let _ = fs::remove_file(path);
            }
            failed(reason)
        })?;
        Ok(stored)
    }

    /// Writes the content under the first free number and returns that number. The new file reserves the number, since
    /// another inbox may write to the same folder.
    fn put_content(&self, content: &[u8]) -> Result<u64, MailboxError> {
        let failed = |source| self.failed("cannot be written to", source);
        let mut id =
            self.numbers("eml")?.chain(self.numbers("json")?).max().unwrap_or_default() + 1;
        loop {
            match private_files::write_new(&self.content_path(id), content) {
                Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => id += 1,
                written => return written.map(|()| id).map_err(failed),
            }
        }
    }

    /// Lists all messages, the oldest first.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Stored>, MailboxError> {
        private_files::close_directory(&self.directory);
        let mut messages = Vec::new();
        for id in self.numbers("json")? {
            match self.read_envelope(&self.envelope_path(id)) {
                // The message was deleted in the meantime.
                Err(error) if error.is_not_found() => {}
                stored => messages.push(stored?),
            }
        }
        messages.sort_by_key(|message| message.id);
        Ok(messages)
    }

    /// Returns the numbers of the files with this extension. Other files do not belong to the inbox.
    fn numbers(&self, ending: &str) -> Result<impl Iterator<Item = u64> + use<>, MailboxError> {
        let failed = |source| self.failed("cannot be read", source);
        let mut numbers = Vec::new();
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(numbers.into_iter()),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let path = PathBuf::from(entry.map_err(failed)?.file_name());
            if path.extension().is_some_and(|extension| extension == ending) {
                let stem = path.file_stem().and_then(|stem| stem.to_str());
                numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
            }
        }
        Ok(numbers.into_iter())
    }

    /// Returns the message with this number, or the latest message.
    ///
    /// # Errors
    ///
    /// Returns an error if the message does not exist or the folder cannot be read.
    pub fn get(&self, id: Option<u64>) -> Result<(Stored, Vec<u8>), MailboxError> {
        private_files::close_directory(&self.directory);
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

    /// Returns the messages that match a query, the oldest first.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be read.
    pub fn search(&self, query: &Query) -> Result<Vec<Entry>, MailboxError> {
        self.search_after(query, 0)
    }

    /// Returns the messages that match a query and arrived after the message with this number, the oldest first.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be read.
    pub fn search_after(&self, query: &Query, after: u64) -> Result<Vec<Entry>, MailboxError> {
        private_files::close_directory(&self.directory);
        let mut numbers: Vec<_> = self.numbers("json")?.filter(|&id| id > after).collect();
        numbers.sort_unstable();
        let mut found = Vec::new();
        for id in numbers {
            match self.get(Some(id)) {
                Ok((stored, content)) => found.push(Entry::of(stored, &content)),
                // The message was deleted in the meantime.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        found.retain(|entry| query.matches(entry));
        Ok(found)
    }

    /// Returns the number of the latest message, or 0 if there is none.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be read.
    pub fn latest(&self) -> Result<u64, MailboxError> {
        Ok(self.numbers("json")?.max().unwrap_or_default())
    }

    /// Deletes a message.
    ///
    /// # Errors
    ///
    /// Returns an error if the message does not exist or the folder cannot be written to.
    pub fn delete(&self, id: u64) -> Result<(), MailboxError> {
        let envelope = fs::remove_file(self.envelope_path(id));
        envelope.map_err(|reason| match reason.kind() {
            io::ErrorKind::NotFound => nothing(format!("there is no message {id}")),
            _ => self.failed("cannot be written to", reason),
        })?;
        match fs::remove_file(self.content_path(id)) {
            Err(reason) if reason.kind() != io::ErrorKind::NotFound => {
                Err(self.failed("cannot be written to", reason))
            }
            _ => Ok(()),
        }
    }

    /// Deletes all messages and returns their number.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be written to.
    pub fn clear(&self) -> Result<usize, MailboxError> {
        let messages = self.list()?;
        for message in &messages {
            for path in [self.envelope_path(message.id), self.content_path(message.id)] {
                match fs::remove_file(path) {
                    Err(reason) if reason.kind() != io::ErrorKind::NotFound => {
                        return Err(self.failed("cannot be cleared", reason));
                    }
                    _ => {}
                }
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
            source: Some(source),
        }
    }
}

/// Returns the error for a message that does not exist.
fn nothing(what: String) -> MailboxError {
    MailboxError { what, source: None }
}

impl MailboxError {
    fn is_not_found(&self) -> bool {
        self.source.as_ref().is_none_or(|source| source.kind() == io::ErrorKind::NotFound)
    }
}

impl Store for Mailbox {
    fn store(&self, message: &Received) -> io::Result<u64> {
        let stored = self.put(message);
        stored.map(|stored| stored.id).map_err(|error| {
            let kind = error.source.as_ref().map_or(io::ErrorKind::Other, io::Error::kind);
            io::Error::new(kind, error)
        })
    }
}

impl fmt::Display for MailboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for MailboxError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn message(text: &str) -> Received {
        Received {
            id: 0,
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
    fn messages_are_found_and_deleted_one_by_one() {
        let directory = tempfile::tempdir().unwrap();
        let mailbox = Mailbox::new(directory.path());
        for subject in ["one", "two", "one again"] {
            mailbox.put(&message(&format!("Subject: {subject}\r\n\r\nx\r\n"))).unwrap();
        }
        let find = |query: &str, after| {
            let found = mailbox.search_after(&query.parse().unwrap(), after).unwrap();
            found.iter().map(|entry| entry.stored.id).collect::<Vec<_>>()
        };
        assert_eq!(
            [find("subject:one", 0), find("subject:one", 1), find("three", 0)],
            [vec![1, 3], vec![3], vec![]]
        );
        mailbox.delete(1).unwrap();
        assert_eq!(find("", 0), [2, 3]);
        assert_eq!(mailbox.delete(1).unwrap_err().to_string(), "there is no message 1");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4, "nothing is left over");
        assert_eq!(
            Mailbox::new(directory.path().join("none")).search(&Query::default()).unwrap(),
            []
        );
    }

    #[test]
    fn several_inboxes_in_one_folder_share_its_numbers() {
        let directory = tempfile::tempdir().unwrap();
        let mailbox = Mailbox::new(directory.path());
        // Files of an inbox that was killed, and of another program.
        for name in ["7.eml", "notes.json", "x.eml"] {
            fs::write(directory.path().join(name), "half").unwrap();
        }
        let ids: Vec<u64> = std::thread::scope(|scope| {
            let put = |number| {
                let mailbox = &mailbox;
                scope.spawn(move || {
                    let text = format!("message {number}");
                    let id = mailbox.put(&message(&text)).unwrap().id;
                    assert_eq!(mailbox.get(Some(id)).unwrap().1, text.as_bytes());
                    id
                })
            };
            let threads: Vec<_> = (0..8).map(put).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let listed: Vec<_> = mailbox.list().unwrap().iter().map(|stored| stored.id).collect();
        assert_eq!(listed, (8..16).collect::<Vec<_>>());
        assert_eq!(ids.len(), 8);
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
