//! The way out of a file: closes it, and reads everything in it.
//!
//! A table says where the outbox moves, and how far it is. Triggers refuse each change of a run. So even a process that has
//! had the file open since before, or an older version of this library, can neither queue a mail here nor send one.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use smtp_connector_smtp::BoxFuture;

use super::files::Files;
use super::writer::Failed;
use super::{SqliteStore, rows, upkeep};
use crate::error::{Error, ErrorKind, Result};
use crate::run::RunId;
use crate::store::moving::{Destination, Progress, Source, StoredAccount, StoredRun, WithInput};
use crate::timestamp::Timestamp;

/// The table has one row. A file has it only once it is closed, so the schema does not list it.
const CLOSE: &str = "
    CREATE TABLE moved (
      destination TEXT NOT NULL,
      destination_id TEXT NOT NULL,
      keeps_numbers INTEGER,
      event INTEGER NOT NULL DEFAULT 0,
      run INTEGER NOT NULL DEFAULT 0,
      is_finished INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TRIGGER moved_insert BEFORE INSERT ON run BEGIN SELECT RAISE(ABORT, WHY); END;
    CREATE TRIGGER moved_update BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, WHY); END;
    CREATE TRIGGER moved_account BEFORE UPDATE ON account BEGIN SELECT RAISE(ABORT, WHY); END";

/// The move of a closed file.
pub(super) struct Move {
    to: Destination,
    progress: Progress,
}

impl Move {
    /// Returns the move, if the file is closed.
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Option<Self>> {
        let is_closed =
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'moved')";
        if !connection.prepare_cached(is_closed)?.query_row([], |row| row.get::<_, bool>(0))? {
            return Ok(None);
        }
        let sql =
            "SELECT destination, destination_id, keeps_numbers, event, run, is_finished FROM moved";
        let read = |row: &Row<'_>| {
            Ok(Self {
                to: Destination { name: row.get(0)?, id: row.get(1)? },
                progress: Progress {
                    keeps_numbers: row.get(2)?,
                    event: row.get(3)?,
                    run: row.get(4)?,
                    is_finished: row.get(5)?,
                },
            })
        };
        connection.prepare_cached(sql)?.query_row([], read).optional()
    }

    /// Returns the error of an operation that a closed file does not allow.
    pub(super) fn refusal(&self) -> Error {
        Error::new(ErrorKind::Moved, why(&self.to)).hint_of(HINT)
    }
}

/// The hint for a closed file.
pub(super) const HINT: &str = "name the new outbox with --outbox or SMTP_CONNECTOR_OUTBOX";

fn why(to: &Destination) -> String {
    format!("this outbox was moved to the database {}", to.name)
}

impl Source for SqliteStore {
    fn close(&self, to: Destination) -> BoxFuture<'_, Result<Progress>> {
        Box::pin(async move {
            if let Some(begun) = self.read(Move::of).await? {
                return match begun.to.id == to.id {
                    true => Ok(begun.progress),
                    false => Err(begun.refusal()),
                };
            }
            let workers = self.owners.alive();
            let held = self.read(upkeep::owners).await?;
            let dead = self.owners.dead(held.clone());
            if workers > 0 || dead.len() < held.len() {
                return Err(in_use(workers.max(held.len() - dead.len())));
            }
            let work = move |connection: &Connection| close(connection, &dead, &to);
            self.writer.write("the outbox could not be closed", work).await?;
            Ok(Progress::default())
        })
    }

    fn advance(&self, progress: Progress) -> BoxFuture<'_, Result<()>> {
        let work = move |connection: &Connection| {
            // Two moves at the same time copy the same runs. The one that is ahead counts.
            let sql = "UPDATE moved SET keeps_numbers = coalesce(keeps_numbers, ?1), event = max(event, ?2),
                                        run = max(run, ?3), is_finished = max(is_finished, ?4)";
            let Progress { keeps_numbers, event, run, is_finished } = progress;
            connection.prepare_cached(sql)?.execute(params![
                keeps_numbers,
                event,
                run,
                is_finished
            ])?;
            Ok(())
        };
        self.writer.write("the progress of the move could not be stored", work)
    }

    fn accounts(&self) -> BoxFuture<'_, Result<Vec<StoredAccount>>> {
        Box::pin(self.read(accounts))
    }

    fn runs(&self, after: i64, most: usize) -> BoxFuture<'_, Result<Vec<WithInput>>> {
        let files = self.files.clone();
        Box::pin(self.read(move |connection| runs(connection, &files, after, most)))
    }
}

fn close(
    connection: &Connection,
    dead: &[crate::store::OwnerId],
    to: &Destination,
) -> Result<(), Failed> {
    upkeep::recover(connection, dead, Timestamp::now())?;
    // A worker that has started since the check may have taken runs. It takes none after this transaction.
    let taken = "SELECT count(*) FROM run WHERE state IN ('leased', 'sending')";
    if connection.query_row(taken, [], |row| row.get::<_, i64>(0))? > 0 {
        return Err(in_use(1).into());
    }
    // The reason is a literal: older versions of SQLite, which people use to look into the file, know nothing else.
    let why = format!("'{}'", why(to).replace('\'', "''"));
    connection.execute_batch(&CLOSE.replace("WHY", &why))?;
    let sql = "INSERT INTO moved (destination, destination_id) VALUES (?1, ?2)";
    connection.execute(sql, params![to.name, to.id])?;
    Ok(())
}

fn in_use(workers: usize) -> Error {
    let workers = match workers {
        1 => "a worker still uses it".to_owned(),
        more => format!("{more} workers still use it"),
    };
    let message = format!("the outbox cannot be moved: {workers}");
    Error::new(ErrorKind::WrongState, message)
        .hint_of("stop all workers of this outbox (SIGTERM lets them finish the mails under way), and move it again")
}

fn runs(
    connection: &Connection,
    files: &Files,
    after: i64,
    most: usize,
) -> rusqlite::Result<Vec<WithInput>> {
    let run = |row: &Row<'_>| {
        let number = row.get("id")?;
        let run = StoredRun {
            number,
            id: RunId::from(row.get::<_, String>("run_id")?),
            account: row.get("account")?,
            action: row.get("action")?,
            key: row.get("idem_key")?,
            hash: row.get("idem_hash")?,
            state: rows::name(row, "state")?,
            attempts: row.get("attempts")?,
            crashes: row.get("crashes")?,
            started_at: row.get("started_at")?,
            next_try: rows::time(row, "next_try")?,
            expires_at: rows::time(row, "expires_at")?,
            result: row.get("result")?,
            created_at: rows::time(row, "created_at")?,
            updated_at: rows::time(row, "updated_at")?,
            recipients: rows::recipients(connection, number)?,
        };
        let sql = format!("SELECT {} FROM run_input WHERE run = ?1", rows::INPUT);
        let mut statement = connection.prepare_cached(&sql)?;
        let input = statement.query_row([number], |row| rows::input(files, row)).optional()?;
        Ok((run, input))
    };
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    connection
        .prepare_cached("SELECT * FROM run WHERE id > ?1 ORDER BY id LIMIT ?2")?
        .query_map([after, most], run)?
        .collect()
}

fn accounts(connection: &Connection) -> rusqlite::Result<Vec<StoredAccount>> {
    let taken = |row: &Row<'_>| Ok((rows::time(row, "at")?, row.get("taken")?));
    let account = |row: &Row<'_>| {
        let name: String = row.get("name")?;
        let minute = connection
            .prepare_cached("SELECT at, taken FROM minute WHERE account = ?1 ORDER BY at")?
            .query_map([&name], taken)?
            .collect::<rusqlite::Result<_>>()?;
        Ok(StoredAccount {
            name,
            paused_until: row.get::<_, Option<i64>>("paused_until")?.map(Timestamp::from_millis),
            pause_code: row.get("pause_code")?,
            pause_reason: row.get("pause_reason")?,
            pauses: row.get("pauses")?,
            first_day: row.get("first_day")?,
            day: row.get("day")?,
            day_taken: row.get("day_taken")?,
            minute,
        })
    };
    // An account with a limit for each minute alone has no row of its other numbers.
    let sql = "SELECT name, paused_until, pause_code, pause_reason, pauses, first_day, day, day_taken FROM account
               UNION ALL
               SELECT DISTINCT account, NULL, NULL, NULL, 0, NULL, 0, 0 FROM minute
                WHERE account NOT IN (SELECT name FROM account)
               ORDER BY name";
    connection.prepare_cached(sql)?.query_map([], account)?.collect()
}
