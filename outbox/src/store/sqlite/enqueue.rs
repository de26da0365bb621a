//! Stores a run.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::files::{Files, LARGE};
use super::rows;
use super::writer::{Failed, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::run::{RunId, RunState, Ticket};
use crate::store::NewRun;

/// Stores a run durably. Large texts are files, which are durable before the row is.
pub(super) async fn enqueue(writer: &Writer, files: &Files, run: NewRun) -> Result<Ticket> {
    let run = Arc::new(run);
    // The files of a second attempt are there: only an orphan of an hour ago can vanish between the file and the row.
    for _ in 0..2 {
        let stored = store_files(files, &run).await?;
        let (run, files) = (Arc::clone(&run), files.clone());
        let insert = move |connection: &Connection| {
            if stored.names().any(|name| !files.has(name)) {
                return Ok(None);
            }
            insert(connection, &run, &stored).map(Some)
        };
        if let Some(ticket) = writer.write("the mail was not accepted", insert).await? {
            return Ok(ticket);
        }
    }
    let message =
        "the mail was not accepted: its input disappears from the folder beside the outbox";
    Err(Error::new(ErrorKind::Damaged, message)
        .hint_of("nothing else may remove files from the folder; check who does"))
}

/// The names of the files with the large texts of a run.
#[derive(Debug, Default)]
pub(super) struct InputFiles {
    input: Option<String>,
    keywords: Option<String>,
    captured: Option<String>,
}

impl InputFiles {
    fn names(&self) -> impl Iterator<Item = &String> {
        [&self.input, &self.keywords, &self.captured].into_iter().flatten()
    }
}

/// Stores the large texts of a run.
async fn store_files(files: &Files, run: &Arc<NewRun>) -> Result<InputFiles> {
    let is_large = |text: &&String| text.len() >= LARGE;
    let texts = [Some(&run.input), run.keywords.as_ref(), run.captured.as_ref()];
    if !texts.iter().flatten().any(is_large) {
        return Ok(InputFiles::default());
    }
    let (files, run) = (files.clone(), Arc::clone(run));
    let stored = tokio::task::spawn_blocking(move || {
        let store =
            |text: Option<&String>| text.filter(is_large).map(|text| files.store(text)).transpose();
        std::io::Result::Ok(InputFiles {
            input: store(Some(&run.input))?,
            keywords: store(run.keywords.as_ref())?,
            captured: store(run.captured.as_ref())?,
        })
    });
    let stored = stored.await.map_err(|_| super::stopped())?;
    stored.map_err(|reason| {
        let kind = match reason.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                ErrorKind::DiskFull
            }
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                ErrorKind::Forbidden
            }
            _ => ErrorKind::Unavailable,
        };
        let message = format!("the mail was not accepted: its input could not be stored: {reason}");
        Error::new(kind, message)
            .hint_of("check the disk of the outbox, and the folder beside it")
            .caused_by(reason)
    })
}

/// Stores the row of a run, whose large texts are in files.
pub(super) fn insert(
    connection: &Connection,
    run: &NewRun,
    files: &InputFiles,
) -> Result<Ticket, Failed> {
    if let Some(key) = &run.key
        && let Some(ticket) = known(connection, run, key)?
    {
        return Ok(ticket);
    }
    let state = if run.is_held { RunState::Held } else { RunState::Ready };
    let inserted = connection
        .prepare_cached(
            "INSERT INTO run (run_id, account, action, idem_key, idem_hash, state, started_at, next_try, expires_at, \
             created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
        )?
        .execute(params![
            run.id.as_str(),
            run.account,
            run.action,
            run.key,
            run.hash,
            state.as_str(),
            i64::try_from(run.started_at).unwrap_or(i64::MAX),
            run.next_try.as_millis(),
            run.expires_at.as_millis(),
            run.created_at.as_millis(),
        ]);
    match inserted {
        Err(rusqlite::Error::SqliteFailure(reason, _))
            if reason.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE =>
        {
            return Err(Failed::Refused(Error::id_used(&run.id)));
        }
        inserted => inserted?,
    };
    fn inline<'r>(text: Option<&'r String>, file: Option<&String>) -> Option<&'r String> {
        text.filter(|_| file.is_none())
    }
    connection
        .prepare_cached(
            "INSERT INTO run_input (run, input, input_file, keywords, keywords_file, captured, captured_file) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            connection.last_insert_rowid(),
            inline(Some(&run.input), files.input.as_ref()),
            files.input,
            inline(run.keywords.as_ref(), files.keywords.as_ref()),
            files.keywords,
            inline(run.captured.as_ref(), files.captured.as_ref()),
            files.captured,
        ])?;
    Ok(Ticket { id: run.id.clone(), state, is_new: true })
}

/// Returns the ticket of an earlier run with the same key.
fn known(connection: &Connection, run: &NewRun, key: &str) -> Result<Option<Ticket>, Failed> {
    let sql = "SELECT run_id, state, idem_hash FROM run WHERE account = ?1 AND idem_key = ?2";
    let read = |row: &Row<'_>| {
        let id = RunId::from(row.get::<_, String>("run_id")?);
        let ticket = Ticket { id, state: rows::name(row, "state")?, is_new: false };
        Ok((ticket, row.get::<_, Option<Vec<u8>>>("idem_hash")?))
    };
    let found = connection.prepare_cached(sql)?.query_row([&run.account, key], read).optional()?;
    match found {
        None => Ok(None),
        Some((ticket, hash)) if hash == run.hash => Ok(Some(ticket)),
        Some((ticket, _)) => Err(Failed::Refused(Error::key_reused(key, &ticket.id))),
    }
}
