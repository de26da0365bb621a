//! The error type of the outbox.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::run::{RunId, names};

/// The error of an operation on the outbox.
///
/// `Display` is one sentence, [`hint`](Error::hint) says what to do, and `source` is the cause.
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result type of the outbox.
pub type Result<T, E = Error> = std::result::Result<T, E>;

names! {
    /// The kind of an error.
    ErrorKind {
        /// The request cannot be queued as it is.
        Invalid => "invalid",
        /// The same key was used before, with another input.
        KeyReused => "key-reused",
        /// There is no such run.
        NotFound => "not-found",
        /// The run's state does not allow this.
        WrongState => "wrong-state",
        /// The outbox was moved to another database.
        Moved => "moved",
        /// The database is not an outbox, or one of another version.
        NotAnOutbox => "not-an-outbox",
        /// The database cannot be opened or written: permissions, a login, a read-only disk.
        Forbidden => "forbidden",
        /// The disk is full.
        DiskFull => "disk-full",
        /// The store cannot be reached or does not answer, for now.
        Unavailable => "unavailable",
        /// The disk or the database is damaged.
        Damaged => "damaged",
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// Returns the error for an id that no run has.
    pub fn no_such_run(id: &RunId) -> Self {
        Self::new(ErrorKind::NotFound, format!("there is no run {id}"))
            .hint_of("list the runs to find its id; runs that ended are deleted after a time")
    }

    /// Returns the error for a key that belongs to another mail.
    pub(crate) fn key_reused(key: &str, id: &RunId) -> Self {
        let message =
            format!("the idempotency key {key:?} was used before, for another mail: run {id}");
        Self::new(ErrorKind::KeyReused, message).hint_of(
            "use a new key for a new mail, or send the same input to get the first mail's outcome",
        )
    }

    /// Returns the error for an id that another run has.
    pub(crate) fn id_used(id: &RunId) -> Self {
        Self::new(ErrorKind::KeyReused, format!("there is a run with the id {id}"))
            .hint_of("give each mail its own id, or leave it out")
    }

    pub(crate) fn hint_of(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn caused_by(
        self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns what the user can do.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Reports whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::DiskFull | ErrorKind::Unavailable)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("hint", &self.hint)
            .field("source", &self.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
