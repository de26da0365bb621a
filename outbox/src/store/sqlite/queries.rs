//! What people and programs ask about runs.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::files::Files;
use super::rows::{self, RUN};
use crate::event::Event;
use crate::run::{Counts, Filter, PausedAccount, Run, RunId, RunState};
use crate::store::StoredInput;
use crate::timestamp::Timestamp;

/// The number of runs that a list has if the filter does not say.
const PAGE: u32 = 100;

pub(super) fn run(connection: &Connection, id: &RunId) -> rusqlite::Result<Option<Run>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {RUN} FROM run WHERE run_id = ?1"))?;
    statement.query_row([id.as_str()], |row| rows::run(connection, row)).optional()
}

pub(super) fn list(connection: &Connection, filter: &Filter) -> rusqlite::Result<Vec<Run>> {
    let mut conditions = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    if !filter.states.is_empty() {
        let marks = vec!["?"; filter.states.len()].join(", ");
        conditions.push(format!("state IN ({marks})"));
        values.extend(filter.states.iter().map(|state| Value::from(state.as_str().to_owned())));
    }
    if let Some(account) = &filter.account {
        conditions.push("account = ?".to_owned());
        values.push(Value::from(account.clone()));
    }
    if let Some(before) = &filter.before {
        conditions.push("id < (SELECT id FROM run WHERE run_id = ?)".to_owned());
        values.push(Value::from(before.as_str().to_owned()));
    }
    let condition = match conditions.is_empty() {
        true => String::new(),
        false => format!("WHERE {}", conditions.join(" AND ")),
    };
    values.push(Value::from(i64::from(filter.limit.unwrap_or(PAGE))));
    let sql = format!("SELECT {RUN} FROM run {condition} ORDER BY id DESC LIMIT ?");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map(params_from_iter(values), |row| rows::run(connection, row))?.collect()
}

pub(super) fn counts(connection: &Connection, now: Timestamp) -> rusqlite::Result<Counts> {
    let mut statement =
        connection.prepare_cached("SELECT state, count(*) AS number FROM run GROUP BY state")?;
    let count = |row: &Row<'_>| {
        let number: i64 = row.get("number")?;
        Ok((rows::name(row, "state")?, number.unsigned_abs()))
    };
    let mut states: Vec<(RunState, u64)> =
        statement.query_map([], count)?.collect::<Result<_, _>>()?;
    states.sort();
    let oldest: Option<i64> = connection
        .prepare_cached("SELECT min(next_try) FROM run WHERE state = 'ready' AND next_try <= ?1")?
        .query_row([now.as_millis()], |row| row.get(0))?;
    Ok(Counts { states, oldest_due: oldest.map(Timestamp::from_millis) })
}

pub(super) fn input(
    connection: &Connection,
    files: &Files,
    id: &RunId,
) -> rusqlite::Result<Option<StoredInput>> {
    let sql = format!(
        "SELECT {} FROM run_input WHERE run = (SELECT id FROM run WHERE run_id = ?1)",
        rows::INPUT
    );
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_row([id.as_str()], |row| rows::input(files, row)).optional()
}

pub(super) fn paused_accounts(connection: &Connection) -> rusqlite::Result<Vec<PausedAccount>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, paused_until, pause_code, pause_reason FROM account WHERE paused_until IS NOT NULL ORDER BY name",
    )?;
    let paused = |row: &Row<'_>| {
        Ok(PausedAccount {
            account: row.get("name")?,
            until: rows::time(row, "paused_until")?,
            code: row.get::<_, Option<_>>("pause_code")?.unwrap_or_default(),
            reason: row.get::<_, Option<_>>("pause_reason")?.unwrap_or_default(),
        })
    };
    statement.query_map([], paused)?.collect()
}

pub(super) fn events(
    connection: &Connection,
    after: i64,
    most: usize,
) -> rusqlite::Result<Vec<Event>> {
    let sql = "SELECT id, kind, at, account, run_id, result FROM event WHERE id > ?1 ORDER BY id LIMIT ?2";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    connection.prepare_cached(sql)?.query_map(params![after, most], rows::event)?.collect()
}

pub(super) fn latest_event(connection: &Connection) -> rusqlite::Result<i64> {
    // The sequence remembers deleted events.
    let sql = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}
