//! Opens the database, with the settings that durability needs.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::fault::of_sqlite;
use super::folder;
use super::schema;
use crate::error::{Error, ErrorKind, Result};

/// How long a transaction waits for another process. Processes that write without a pause were seen to take half of it.
const BUSY: Duration = Duration::from_secs(10);

/// The size to which the log is cut after a checkpoint. A long reader makes it grow, and it would keep that size.
const LOG_BYTES: i64 = 16 << 20;

/// Creates the database if it is not there, and opens it with the current schema.
pub(super) fn database(path: &Path) -> Result<Connection> {
    create(path)?;
    let mut connection = connection(path)?;
    schema::prepare(&mut connection)?;
    Ok(connection)
}

/// Opens a database that is there.
pub(super) fn connection(path: &Path) -> Result<Connection> {
    let opened = with_settings(path, OpenFlags::SQLITE_OPEN_READ_WRITE);
    let connection = opened.map_err(|reason| cannot_open(path, &reason))?;
    Ok(connection)
}

/// Opens a database that is there, to read it.
pub(super) fn reader(path: &Path) -> Result<Connection> {
    // A read-only connection could not read a database whose log must be recovered first.
    let connection = connection(path)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(|reason| cannot_open(path, &reason))?;
    Ok(connection)
}

fn with_settings(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // NORMAL loses the last transactions in a power cut, and OFF loses the database.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    Ok(connection)
}

/// Creates the file for this user only: inputs are private. SQLite gives its other files the same mode.
fn create(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let created = folder::make(folder::above(path)).and_then(|()| options.open(path));
    created.map(|_| ()).map_err(|reason| {
        let message = format!("the outbox {} cannot be created: {reason}", path.display());
        Error::new(ErrorKind::Forbidden, message)
            .hint_of("choose a file in a folder that this user can write to")
            .caused_by(reason)
    })
}

fn cannot_open(path: &Path, reason: &rusqlite::Error) -> Error {
    of_sqlite(&format!("the outbox {} cannot be opened", path.display()), reason)
}
