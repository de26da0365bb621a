//! What people and programs ask about runs.

use std::time::SystemTime;

use deadpool_postgres::Transaction;

use super::database::Session;
use super::fault::Fault;
use super::rows::{self, RUN, Value};
use crate::event::Event;
use crate::run::{Counts, Filter, PausedAccount, Run, RunId};
use crate::store::{StoredInput, Text};

/// The number of runs that a list has if the filter does not say.
const PAGE: u32 = 100;

pub(super) async fn run(session: &Session, id: &RunId) -> Result<Option<Run>, Fault> {
    let sql = format!("SELECT {RUN} FROM run WHERE run_id = $1");
    let found = rows::query(session, &sql, &[&id.as_str()]).await?;
    Ok(rows::runs(session, &found).await?.pop())
}

pub(super) async fn list(session: &Session, filter: &Filter) -> Result<Vec<Run>, Fault> {
    let states: Vec<_> = filter.states.iter().map(|state| state.as_str()).collect();
    let before = filter.before.as_ref().map(RunId::as_str);
    let limit = i64::from(filter.limit.unwrap_or(PAGE));
    let mut values: Vec<Value<'_>> = vec![&limit];
    // Only the conditions that apply: the planner chooses the index by them.
    let mut conditions = Vec::new();
    if !states.is_empty() {
        values.push(&states);
        conditions.push(format!("state = ANY(${})", values.len()));
    }
    if let Some(account) = &filter.account {
        values.push(account);
        conditions.push(format!("account = ${}", values.len()));
    }
    if let Some(before) = &before {
        values.push(before);
        conditions.push(format!("id < (SELECT id FROM run WHERE run_id = ${})", values.len()));
    }
    let condition = match conditions.is_empty() {
        true => String::new(),
        false => format!("WHERE {}", conditions.join(" AND ")),
    };
    let sql = format!("SELECT {RUN} FROM run {condition} ORDER BY id DESC LIMIT $1");
    let found = rows::query(session, &sql, &values).await?;
    rows::runs(session, &found).await
}

pub(super) async fn counts(session: &Session) -> Result<Counts, Fault> {
    let sql = "SELECT state, count(*) AS number FROM run GROUP BY state";
    let mut states = rows::query(session, sql, &[])
        .await?
        .iter()
        .map(|row| Ok((rows::name(row, "state")?, row.get::<_, i64>("number").unsigned_abs())))
        .collect::<Result<Vec<_>, Fault>>()?;
    states.sort();
    let sql =
        "SELECT min(next_try) FROM run WHERE state = 'ready' AND next_try <= statement_timestamp()";
    let oldest = rows::query(session, sql, &[]).await?;
    let oldest = oldest.first().and_then(|row| row.get::<_, Option<SystemTime>>(0));
    Ok(Counts { states, oldest_due: oldest.map(rows::time) })
}

pub(super) async fn input(session: &Session, id: &RunId) -> Result<Option<StoredInput>, Fault> {
    let sql = "SELECT input, keywords, captured FROM run_input WHERE run = (SELECT id FROM run WHERE run_id = $1)";
    let found = rows::query(session, sql, &[&id.as_str()]).await?;
    Ok(found.first().map(|row| StoredInput {
        input: Text::Inline(row.get(0)),
        keywords: row.get::<_, Option<_>>(1).map(Text::Inline),
        captured: row.get::<_, Option<_>>(2).map(Text::Inline),
    }))
}

pub(super) async fn paused_accounts(session: &Session) -> Result<Vec<PausedAccount>, Fault> {
    let sql = "SELECT name, paused_until, pause_code, pause_reason FROM account
                WHERE paused_until IS NOT NULL ORDER BY name";
    let paused = rows::query(session, sql, &[]).await?;
    let paused = paused.iter().map(|row| PausedAccount {
        account: row.get("name"),
        until: rows::time(row.get("paused_until")),
        code: row.get::<_, Option<_>>("pause_code").unwrap_or_default(),
        reason: row.get::<_, Option<_>>("pause_reason").unwrap_or_default(),
    });
    Ok(paused.collect())
}

/// Returns events in the order of their numbers.
pub(super) async fn events(
    session: &mut Session,
    after: i64,
    most: usize,
) -> Result<Vec<Event>, Fault> {
    number(session).await?;
    let sql = "SELECT position, kind, at, account, run_id, result::text FROM event
                WHERE position > $1 ORDER BY position LIMIT $2";
    let found = rows::query(session, sql, &[&after, &rows::count(most)]).await?;
    found.iter().map(rows::event).collect()
}

/// Returns the number of the latest event, or 0.
pub(super) async fn latest_event(session: &mut Session) -> Result<i64, Fault> {
    while number(session).await? {}
    // The sequence remembers deleted events.
    let sql = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM event_position";
    Ok(rows::query(session, sql, &[]).await?.first().map_or(0, |row| row.get(0)))
}

/// Locks the numbers of events until the transaction ends.
pub(super) async fn lock_numbers(transaction: &Transaction<'_>) -> Result<(), Fault> {
    /// The number of the lock.
    const LOCK: i64 = 0x534d_5445;
    rows::execute(transaction, "SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    Ok(())
}

/// Numbers events that have been committed since the last time. Returns whether there were any.
///
/// The lock is freed by the commit, so a reader that sees a number sees all smaller ones.
async fn number(session: &mut Session) -> Result<bool, Fault> {
    /// Enough for a reader, and few enough for one transaction.
    const MOST: i64 = 1000;
    let new = "SELECT FROM event WHERE position IS NULL LIMIT 1";
    if rows::query(session, new, &[]).await?.is_empty() {
        return Ok(false);
    }
    let transaction = session.transaction().await?;
    lock_numbers(&transaction).await?;
    let sql = "
        UPDATE event SET position = numbered.position
          FROM (SELECT id, nextval('event_position') AS position
                  FROM (SELECT id FROM event WHERE position IS NULL ORDER BY id LIMIT $1) AS new) AS numbered
         WHERE event.id = numbered.id";
    let numbered = rows::execute(&transaction, sql, &[&MOST]).await?;
    transaction.commit().await?;
    Ok(numbered > 0)
}
