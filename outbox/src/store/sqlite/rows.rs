//! Rows of the database as values.

use std::str::FromStr;

use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, Row};

use super::files::Files;
use crate::event::Event;
use crate::run::{Run, RunId, RunRecipient};
use crate::store::{StoredInput, Text};
use crate::timestamp::Timestamp;

/// The columns that [`run`] reads.
pub(super) const RUN: &str = "id, run_id, account, action, idem_key, state, attempts, created_at, updated_at, next_try, \
                              expires_at, result";

pub(super) fn run(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Run> {
    let result: Option<String> = row.get("result")?;
    Ok(Run {
        id: RunId::from(row.get::<_, String>("run_id")?),
        account: row.get("account")?,
        action: row.get("action")?,
        key: row.get("idem_key")?,
        state: name(row, "state")?,
        attempts: row.get("attempts")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        next_try: time(row, "next_try")?,
        expires_at: time(row, "expires_at")?,
        // It was written as JSON.
        result: result.and_then(|json| serde_json::from_str(&json).ok()),
        recipients: recipients(connection, row.get("id")?)?,
    })
}

pub(super) fn recipients(connection: &Connection, run: i64) -> rusqlite::Result<Vec<RunRecipient>> {
    let sql = "SELECT address, field, state, code, enhanced, reply FROM recipient WHERE run = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let recipient = |row: &Row<'_>| {
        Ok(RunRecipient {
            address: row.get("address")?,
            field: row.get("field")?,
            state: name(row, "state")?,
            code: row.get("code")?,
            enhanced: row.get("enhanced")?,
            reply: row.get("reply")?,
        })
    };
    statement.query_map([run], recipient)?.collect()
}

/// The columns that [`input`] reads.
pub(super) const INPUT: &str =
    "input, input_file, keywords, keywords_file, captured, captured_file";

pub(super) fn input(files: &Files, row: &Row<'_>) -> rusqlite::Result<StoredInput> {
    let text = |inline, file| -> rusqlite::Result<Option<Text>> {
        let (inline, file) =
            (row.get::<_, Option<_>>(inline)?, row.get::<_, Option<String>>(file)?);
        Ok(inline.map(Text::Inline).or(file.map(|name| Text::File(files.path(&name)))))
    };
    Ok(StoredInput {
        // A constraint of the table: there is either a text or a file.
        input: text("input", "input_file")?.unwrap_or(Text::Inline(String::new())),
        keywords: text("keywords", "keywords_file")?,
        captured: text("captured", "captured_file")?,
    })
}

pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let result: Option<String> = row.get("result")?;
    Ok(Event {
        id: row.get("id")?,
        kind: name(row, "kind")?,
        at: time(row, "at")?,
        account: row.get("account")?,
        run: row.get::<_, Option<String>>("run_id")?.map(RunId::from),
        result: result.and_then(|json| serde_json::from_str(&json).ok()),
    })
}

pub(super) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

/// Reads a value that is stored by name.
pub(super) fn name<T: FromStr<Err = String>>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|reason: String| {
        let reason = FromSqlError::Other(reason.into());
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(reason))
    })
}
