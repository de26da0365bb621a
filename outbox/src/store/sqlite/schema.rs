//! The schema of the database, its version, and the checks when it is opened.

use rusqlite::{Connection, TransactionBehavior};

use super::fault::of_sqlite;
use crate::error::{Error, ErrorKind, Result};

/// Marks the file as an outbox, for `file` and for this library: "SMTC".
const APPLICATION_ID: i32 = 0x534d_5443;

/// The steps from each version to the next, beginning with an empty database. A step that was released never changes.
const MIGRATIONS: &[&str] = &[include_str!("schema/1.sql")];

/// The version after the last step.
const LATEST: i64 = MIGRATIONS.len() as i64;

/// SQLite before this version can corrupt a database in WAL mode when two connections reset the log at the same time.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Makes or upgrades the schema of an open database.
pub(super) fn prepare(connection: &mut Connection) -> Result<()> {
    let version = rusqlite::version_number();
    if version < OLDEST_SQLITE {
        let message = format!("SQLite {} can corrupt an outbox", rusqlite::version());
        return Err(
            Error::new(ErrorKind::Damaged, message).hint_of("build with SQLite 3.51.3 or later")
        );
    }
    // An immediate transaction, so that two processes do not both make the schema.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|reason| of_sqlite("the outbox could not be opened", &reason))?;
    let current = version_of(&transaction)?;
    for step in &MIGRATIONS[current..] {
        let applied = transaction.execute_batch(step);
        applied.map_err(|reason| of_sqlite("the outbox could not be upgraded", &reason))?;
    }
    if current < MIGRATIONS.len() {
        let written = transaction
            .pragma_update(None, "application_id", APPLICATION_ID)
            .and_then(|()| transaction.pragma_update(None, "user_version", LATEST));
        written.map_err(|reason| of_sqlite("the outbox could not be upgraded", &reason))?;
    }
    transaction.commit().map_err(|reason| of_sqlite("the outbox could not be upgraded", &reason))
}

/// Returns the version of the schema: 0 if the database is empty.
fn version_of(connection: &Connection) -> Result<usize> {
    let read = |what: &str| {
        let value = connection.query_row(&format!("PRAGMA {what}"), [], |row| row.get::<_, i64>(0));
        value.map_err(|reason| of_sqlite("the outbox could not be read", &reason))
    };
    let (application, version) = (read("application_id")?, read("user_version")?);
    if application == i64::from(APPLICATION_ID) {
        let known = usize::try_from(version).ok().filter(|&version| version <= MIGRATIONS.len());
        return known.ok_or_else(|| newer(version));
    }
    let tables = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        .map_err(|reason| of_sqlite("the outbox could not be read", &reason))?;
    if application != 0 || version != 0 || tables != 0 {
        let message = "the file is a database of another program, not an outbox";
        return Err(Error::new(ErrorKind::NotAnOutbox, message).hint_of("choose another file"));
    }
    Ok(0)
}

fn newer(version: i64) -> Error {
    let message = format!(
        "the outbox has version {version}, and this program knows versions up to {}",
        MIGRATIONS.len()
    );
    Error::new(ErrorKind::NotAnOutbox, message).hint_of("use a newer version of this program")
}
