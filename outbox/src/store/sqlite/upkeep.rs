//! Changes that no attempt makes: a person's, and those that time and dead workers require.

use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::enqueue::{self, InputFiles};
use super::files::Files;
use super::settle::note;
pub(super) use super::settle::resume;
use super::writer::Failed;
use super::{rows, settle, webhooks};
use crate::error::{Error, ErrorKind};
use crate::event::EventKind;
use crate::run::{RunId, RunState};
use crate::store::{Change, MOST_CRASHES, OwnerId, Pruned, Recovered, Reports, Retention, verdict};
use crate::timestamp::Timestamp;

/// The most runs that one transaction ends or deletes: other commits wait for it.
const MOST: i64 = 500;

/// Makes a change that a person asks for, if the run's state allows it. Returns the state before.
pub(super) fn change(
    connection: &Connection,
    id: &RunId,
    change: Change,
    now: Timestamp,
) -> Result<Option<RunState>, Failed> {
    let read = |row: &Row<'_>| {
        Ok((
            row.get::<_, String>("account")?,
            rows::name(row, "state")?,
            row.get::<_, bool>("has_input")?,
        ))
    };
    let found = connection
        .prepare_cached("SELECT account, state, has_input FROM run WHERE run_id = ?1")?
        .query_row([id.as_str()], read)
        .optional()?;
    let Some((account, before, has_input)) = found else { return Ok(None) };
    if !change.from().contains(&before) {
        return Ok(Some(before));
    }
    if matches!(change, Change::Retry { .. }) && !has_input {
        let message = format!("the input of run {id} was deleted, so it cannot be tried again");
        let error = Error::new(ErrorKind::WrongState, message);
        return Err(error.hint_of("queue the mail again").into());
    }
    let expires_at = match change {
        Change::Retry { expires_at } | Change::Release { expires_at } => {
            Some(expires_at.as_millis())
        }
        _ => None,
    };
    connection
        .prepare_cached(
            "UPDATE run SET state = ?2, next_try = CASE WHEN ?2 = 'ready' THEN ?3 ELSE next_try END,
                            expires_at = coalesce(?4, expires_at), lease_owner = NULL, updated_at = ?3
              WHERE run_id = ?1",
        )?
        .execute(params![id.as_str(), change.to().as_str(), now.as_millis(), expires_at])?;
    if change == Change::Cancel {
        note(connection, (EventKind::Cancelled, &account, Some(id.as_str())), None, now)?;
    }
    Ok(Some(before))
}

/// Returns the owners of runs.
pub(super) fn owners(connection: &Connection) -> rusqlite::Result<Vec<OwnerId>> {
    let sql = "SELECT DISTINCT lease_owner FROM run WHERE state IN ('leased', 'sending') AND lease_owner IS NOT NULL";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map([], |row| row.get(0).map(OwnerId))?.collect()
}

/// Returns the runs of dead owners: those with a mark become unknown, the others ready.
pub(super) fn recover(
    connection: &Connection,
    dead: &[OwnerId],
    now: Timestamp,
) -> rusqlite::Result<Recovered> {
    let mut recovered = Recovered::default();
    for owner in dead {
        // The condition with both states is the index's.
        let mut statement = connection.prepare_cached(
            "UPDATE run SET crashes = crashes + (state = 'leased'), updated_at = ?2,
                            lease_owner = CASE state WHEN 'sending' THEN lease_owner END,
                            state = CASE WHEN state = 'sending' THEN 'unknown' WHEN crashes + 1 < ?3 THEN 'ready' ELSE 'failed' END
              WHERE state IN ('leased', 'sending') AND lease_owner = ?1
              RETURNING id, run_id, account, state",
        )?;
        let values = params![owner.0, now.as_millis(), MOST_CRASHES];
        let run = |row: &Row<'_>| {
            Ok((row.get("id")?, row.get("run_id")?, row.get("account")?, rows::name(row, "state")?))
        };
        let runs: Vec<(i64, String, String, RunState)> =
            statement.query_map(values, run)?.collect::<Result<_, _>>()?;
        for (id, run_id, account, state) in runs {
            let result = match state {
                RunState::Ready => {
                    recovered.ready += 1;
                    continue;
                }
                RunState::Unknown => {
                    recovered.unknown += 1;
                    verdict::died_sending(&run_id)
                }
                _ => verdict::died_often(MOST_CRASHES),
            };
            let event = (settle::event_of(state), account.as_str(), Some(run_id.as_str()));
            end(connection, id, event, &result.to_string(), now)?;
        }
    }
    Ok(recovered)
}

/// Returns the accounts that have expired runs.
pub(super) fn expiring_accounts(
    connection: &Connection,
    now: Timestamp,
) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT DISTINCT account FROM run INDEXED BY run_expiry WHERE state = 'ready' AND expires_at <= ?1";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map([now.as_millis()], |row| row.get(0))?.collect()
}

/// Ends an account's runs that have expired, and adds the reports about them.
pub(super) fn expire(
    connection: &Connection,
    account: &str,
    reports: Option<&Reports>,
    now: Timestamp,
) -> Result<usize, Failed> {
    let mut statement = connection.prepare_cached(
        "UPDATE run SET state = 'failed', updated_at = ?1
          WHERE id IN (SELECT id FROM run INDEXED BY run_expiry
                        WHERE state = 'ready' AND expires_at <= ?1 AND account = ?3 ORDER BY expires_at LIMIT ?2)
          RETURNING id, run_id, action, result",
    )?;
    let run = |row: &Row<'_>| {
        Ok((row.get("id")?, row.get("run_id")?, row.get("action")?, row.get("result")?))
    };
    let runs: Vec<(i64, String, String, Option<String>)> = statement
        .query_map(params![now.as_millis(), MOST, account], run)?
        .collect::<Result<_, _>>()?;
    for (id, run_id, action, last) in &runs {
        let last = last.as_deref().and_then(|last| serde_json::from_str(last).ok());
        let result = verdict::expired(last.as_ref()).to_string();
        end(connection, *id, (EventKind::Expired, account, Some(run_id)), &result, now)?;
        let about = RunId::from(run_id.as_str());
        if let Some(report) = reports.and_then(|reports| reports.about(&about, action, now)) {
            enqueue::insert(connection, &report, &InputFiles::default())?;
        }
    }
    Ok(runs.len())
}

/// Stores the result of a run that ended without an attempt, and the event.
fn end(
    connection: &Connection,
    id: i64,
    event: (EventKind, &str, Option<&str>),
    result: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let sql = "UPDATE run SET result = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![id, result])?;
    note(connection, event, Some(result), now)
}

/// Deletes inputs, runs and events that are older than their retention, and files that no run needs.
pub(super) fn prune(
    connection: &Connection,
    files: &Files,
    retention: Retention,
) -> rusqlite::Result<Pruned> {
    let inputs: Vec<i64> = connection
        .prepare_cached(
            "UPDATE run SET has_input = 0
              WHERE id IN (SELECT id FROM run INDEXED BY run_input_kept
                            WHERE state IN ('sent', 'failed', 'cancelled') AND has_input = 1
                              AND updated_at < ?1 ORDER BY updated_at LIMIT ?2)
              RETURNING id",
        )?
        .query_map(params![retention.inputs_before.as_millis(), MOST], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for run in &inputs {
        connection.prepare_cached("DELETE FROM run_input WHERE run = ?1")?.execute([run])?;
    }
    let runs = connection
        .prepare_cached(
            "DELETE FROM run
              WHERE id IN (SELECT id FROM run INDEXED BY run_ended WHERE state IN ('sent', 'failed', 'cancelled')
                              AND updated_at < ?1 ORDER BY updated_at LIMIT ?2)",
        )?
        .execute(params![retention.runs_before.as_millis(), MOST])?;
    connection
        .prepare_cached("DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at < ?1 ORDER BY id LIMIT ?2)")?
        .execute(params![retention.runs_before.as_millis(), MOST])?;
    webhooks::forget(connection, retention.webhooks_before)?;
    remove_orphans(connection, files)?;
    Ok(Pruned { inputs: inputs.len(), runs })
}

fn remove_orphans(connection: &Connection, files: &Files) -> rusqlite::Result<()> {
    let now = SystemTime::now();
    for name in files.old(now) {
        let is_used: bool = connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM run_input WHERE input_file = ?1)
                     OR EXISTS (SELECT 1 FROM run_input WHERE keywords_file = ?1)
                     OR EXISTS (SELECT 1 FROM run_input WHERE captured_file = ?1)",
            )?
            .query_row([&name], |row| row.get(0))?;
        if !is_used {
            files.remove_old(&name, now);
        }
    }
    Ok(())
}
