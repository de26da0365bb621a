//! Errors of SQLite, as errors of the outbox.

use rusqlite::ErrorCode;

use super::moving;
use crate::error::{Error, ErrorKind};

/// Converts an error of SQLite. `what` says what could not be done.
pub(super) fn of_sqlite(what: &str, reason: &rusqlite::Error) -> Error {
    let is_closed = reason
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_TRIGGER);
    let (kind, hint) = match reason.sqlite_error_code() {
        // The only triggers are those of an outbox that was moved.
        _ if is_closed => (ErrorKind::Moved, moving::HINT),
        Some(ErrorCode::DiskFull) => {
            (ErrorKind::DiskFull, "free some space: nothing was lost, and nothing was accepted")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => (
            ErrorKind::Forbidden,
            "check that this user can write to the file and to its folder, and that the disk is not read-only",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            ErrorKind::Unavailable,
            "another process holds the database for a long time: try again, and end long queries",
        ),
        Some(ErrorCode::SystemIoFailure) => {
            (ErrorKind::Unavailable, "the disk reported an error: check it, and try again")
        }
        Some(ErrorCode::NotADatabase) => {
            (ErrorKind::NotAnOutbox, "the file is not an SQLite database: choose another one")
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            (ErrorKind::Damaged, "restore the database from a backup: see docs/outbox.md")
        }
        _ => (ErrorKind::Damaged, "report this, with the text of the error"),
    };
    Error::new(kind, format!("{what}: {reason}")).hint_of(hint)
}

/// Reports whether the connection should be opened again after this error.
pub(super) fn breaks_connection(reason: &rusqlite::Error) -> bool {
    matches!(
        reason.sqlite_error_code(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}
