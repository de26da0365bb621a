//! The mark before a message's end, and what became of an attempt. Each changes a run only if it is still the owner's.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::event::EventKind;
use crate::run::{RunRecipient, RunState};
use crate::store::{ClaimId, Effect, OwnerId, Settlement};
use crate::timestamp::Timestamp;

/// The longest pause of an account that does not work. Then one run tries it again.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Marks that the end of the message is about to be sent.
pub(super) fn mark(
    connection: &Connection,
    owner: &OwnerId,
    claim: ClaimId,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let marked = connection
        .prepare_cached(
            "UPDATE run SET state = 'sending', updated_at = ?3 WHERE id = ?1 AND state = 'leased' AND lease_owner = ?2",
        )?
        .execute(params![claim.0, owner.0, now.as_millis()])?;
    Ok(marked == 1)
}

/// Stores what became of an attempt. A run that another worker thinks is lost is `unknown`, and keeps its owner: the
/// owner's late answer settles it.
pub(super) fn settle(
    connection: &Connection,
    owner: &OwnerId,
    settlement: &Settlement,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let found = connection
        .prepare_cached(
            "UPDATE run SET state = ?3, result = ?4, next_try = ?5, updated_at = ?6,
                            lease_owner = CASE WHEN ?3 = 'unknown' THEN lease_owner END
              WHERE id = ?1 AND lease_owner = ?2 AND state IN ('leased', 'sending', 'unknown')
              RETURNING run_id, account",
        )?
        .query_row(
            params![
                settlement.claim.0,
                owner.0,
                settlement.state.as_str(),
                settlement.result,
                settlement.next_try.as_millis(),
                now.as_millis(),
            ],
            |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
        )
        .optional()?;
    let Some((run_id, account)) = found else { return Ok(false) };
    for recipient in &settlement.recipients {
        put(connection, settlement.claim, recipient)?;
    }
    affect(connection, &account, &settlement.effect, &settlement.result, now)?;
    let event = (settlement.event, account.as_str(), Some(run_id.as_str()));
    note(connection, event, Some(&settlement.result), now)?;
    Ok(true)
}

/// Gives back runs that were not begun.
pub(super) fn give_back(
    connection: &Connection,
    owner: &OwnerId,
    claims: &[ClaimId],
    now: Timestamp,
) -> rusqlite::Result<()> {
    for claim in claims {
        connection
            .prepare_cached(
                "UPDATE run SET state = 'ready', attempts = attempts - 1, lease_owner = NULL, updated_at = ?3
                  WHERE id = ?1 AND state = 'leased' AND lease_owner = ?2",
            )?
            .execute(params![claim.0, owner.0, now.as_millis()])?;
    }
    Ok(())
}

fn put(connection: &Connection, claim: ClaimId, one: &RunRecipient) -> rusqlite::Result<()> {
    let put = "INSERT OR REPLACE INTO recipient (run, address, field, state, code, enhanced, reply)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let state = one.state.as_str();
    connection.prepare_cached(put)?.execute(params![
        claim.0,
        one.address,
        one.field,
        state,
        one.code,
        one.enhanced,
        one.reply,
    ])?;
    Ok(())
}

/// Begins, extends or ends the pause of an account.
fn affect(
    connection: &Connection,
    account: &str,
    effect: &Effect,
    result: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    match effect {
        Effect::None => Ok(()),
        Effect::Works => resume(connection, account, now).map(drop),
        Effect::Pause { wait, code, reason } => {
            let read = |row: &Row<'_>| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, u32>(1)?));
            let before = connection
                .prepare_cached("SELECT paused_until, pauses FROM account WHERE name = ?1")?
                .query_row([account], read)
                .optional()?;
            let (paused_until, pauses) = before.unwrap_or((None, 0));
            // Runs that were under way when the pause began do not make it longer.
            if paused_until.is_some_and(|until| until > now.as_millis()) {
                return Ok(());
            }
            let until = now.after(pause(*wait, pauses));
            connection
                .prepare_cached(
                    "INSERT INTO account (name, paused_until, pause_code, pause_reason, pauses) VALUES (?1, ?2, ?3, ?4, 1)
                     ON CONFLICT DO UPDATE SET paused_until = ?2, pause_code = ?3, pause_reason = ?4, pauses = pauses + 1",
                )?
                .execute(params![account, until.as_millis(), code, reason])?;
            match paused_until {
                // The account was tried and still does not work. That is not news.
                Some(_) => Ok(()),
                None => {
                    note(connection, (EventKind::AccountPaused, account, None), Some(result), now)
                }
            }
        }
    }
}

/// Returns the length of a pause after this many pauses in a row.
fn pause(wait: Duration, pauses: u32) -> Duration {
    let longer = wait.saturating_mul(2_u32.saturating_pow(pauses));
    longer.min(LONGEST_PAUSE.max(wait))
}

/// Ends the pause of an account. Returns whether it was paused.
pub(super) fn resume(
    connection: &Connection,
    account: &str,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let resumed = connection
        .prepare_cached(
            "UPDATE account SET paused_until = NULL, pause_code = NULL, pause_reason = NULL, pauses = 0
              WHERE name = ?1 AND paused_until IS NOT NULL",
        )?
        .execute([account])?;
    if resumed > 0 {
        note(connection, (EventKind::AccountResumed, account, None), None, now)?;
    }
    Ok(resumed > 0)
}

/// Stores an event.
pub(super) fn note(
    connection: &Connection,
    (kind, account, run_id): (EventKind, &str, Option<&str>),
    result: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO event (kind, at, account, run_id, result) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![kind.as_str(), now.as_millis(), account, run_id, result];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Returns the event of a state that a run ends in.
pub(super) fn event_of(state: RunState) -> EventKind {
    match state {
        RunState::Sent => EventKind::Sent,
        RunState::Unknown => EventKind::Unknown,
        RunState::Cancelled => EventKind::Cancelled,
        RunState::Failed => EventKind::Failed,
        RunState::Held | RunState::Ready | RunState::Leased | RunState::Sending => {
            EventKind::Deferred
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let minutes =
            |wait: u64, pauses| pause(Duration::from_secs(wait * 60), pauses).as_secs() / 60;
        assert_eq!([0, 1, 5, 6, 40].map(|pauses| minutes(1, pauses)), [1, 2, 32, 60, 60]);
        assert_eq!(minutes(90, 3), 90);
    }
}
