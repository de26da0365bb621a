//! Takes runs for a worker, fairly between accounts, and within the limits of each.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::files::Files;
use super::rows;
use crate::run::RunId;
use crate::store::{ClaimId, Claimed, OwnerId, Pace, Share};
use crate::timestamp::Timestamp;

const MINUTE: i64 = 60_000;

/// Returns the accounts that have runs to try now and are not paused, after a name.
pub(super) fn due_accounts(
    connection: &Connection,
    after: &str,
    most: usize,
    now: Timestamp,
) -> rusqlite::Result<Vec<String>> {
    // Jumps from account to account in the index, so that a long backlog of one is not read. Left to choose, SQLite takes
    // another index and reads the backlog: 18 ms for 100,000 runs.
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE waiting (name) AS (
           SELECT (SELECT min(account) FROM run INDEXED BY run_ready WHERE state = 'ready' AND account > ?1)
           UNION ALL
           SELECT (SELECT min(account) FROM run INDEXED BY run_ready WHERE state = 'ready' AND account > waiting.name)
             FROM waiting WHERE waiting.name IS NOT NULL
         )
         SELECT name FROM waiting
          WHERE name IS NOT NULL
            AND EXISTS (SELECT 1 FROM run WHERE state = 'ready' AND account = waiting.name AND next_try <= ?2)
            AND NOT EXISTS (SELECT 1 FROM account WHERE account.name = waiting.name AND paused_until > ?2)
          LIMIT ?3",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    statement.query_map(params![after, now.as_millis(), most], |row| row.get(0))?.collect()
}

/// A worker that takes runs.
pub(super) struct Taker {
    pub(super) owner: OwnerId,
    /// The number of this claim.
    pub(super) claim: i64,
    /// Earlier claims whose answers were lost.
    pub(super) unsure: Vec<i64>,
}

/// Takes runs of each account.
pub(super) fn claim(
    connection: &Connection,
    files: &Files,
    taker: &Taker,
    shares: &[Share],
    now: Timestamp,
) -> rusqlite::Result<Vec<Claimed>> {
    taker.unsure.iter().try_for_each(|&claim| undo(connection, &taker.owner, claim, now))?;
    let mut all = Vec::new();
    for share in shares {
        let room = room(connection, share, now)?;
        if room == 0 {
            continue;
        }
        let taken = take(connection, files, taker, &share.account, room, now)?;
        count(connection, share, taken.len(), now)?;
        all.extend(taken);
    }
    Ok(all)
}

/// Returns how many runs of an account may be taken now.
fn room(connection: &Connection, share: &Share, now: Timestamp) -> rusqlite::Result<usize> {
    let Share { account, most, pace } = share;
    let taken: u32 = connection
        .prepare_cached(
            "SELECT count(*) FROM run INDEXED BY run_taken WHERE account = ?1 AND state IN ('leased', 'sending')",
        )?
        .query_row([account], |row| row.get(0))?;
    let mut room = pace.connections.saturating_sub(taken);
    let paused = connection
        .prepare_cached("SELECT paused_until FROM account WHERE name = ?1")?
        .query_row([account], |row| row.get::<_, Option<i64>>(0))
        .optional()?
        .flatten();
    match paused {
        Some(until) if until > now.as_millis() => return Ok(0),
        // One run tries whether the account works again.
        Some(_) => room = 1_u32.saturating_sub(taken),
        None => {}
    }
    if let Some(limit) = pace.per_minute {
        room = room.min(limit.saturating_sub(taken_in_minute(connection, account, now)?));
    }
    if let Some(limit) = most_today(connection, account, pace, now)? {
        room = room.min(limit);
    }
    Ok(usize::try_from(room).unwrap_or(usize::MAX).min(*most))
}

fn taken_in_minute(
    connection: &Connection,
    account: &str,
    now: Timestamp,
) -> rusqlite::Result<u32> {
    // A time in the future is from before the clock was set back.
    connection
        .prepare_cached("DELETE FROM minute WHERE account = ?1 AND (at <= ?2 OR at > ?3)")?
        .execute(params![account, now.as_millis() - MINUTE, now.as_millis()])?;
    connection
        .prepare_cached("SELECT coalesce(sum(taken), 0) FROM minute WHERE account = ?1")?
        .query_row([account], |row| row.get(0))
}

/// Returns how many more runs an account may have today, if that is limited.
fn most_today(
    connection: &Connection,
    account: &str,
    pace: &Pace,
    now: Timestamp,
) -> rusqlite::Result<Option<u32>> {
    if pace.per_day.is_none() && pace.warm_up.is_empty() {
        return Ok(None);
    }
    let read = |row: &Row<'_>| {
        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?, row.get::<_, u32>(2)?))
    };
    let row = connection
        .prepare_cached("SELECT first_day, day, day_taken FROM account WHERE name = ?1")?
        .query_row([account], read)
        .optional()?;
    let (first, day, taken) = row.unwrap_or((None, now.day(), 0));
    let taken = if day == now.day() { taken } else { 0 };
    let most = pace.most_on(now.day() - first.unwrap_or(now.day()));
    Ok(most.map(|most| most.saturating_sub(taken)))
}

/// Undoes a claim whose answer was lost. Its attempts count.
fn undo(
    connection: &Connection,
    owner: &OwnerId,
    claim: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    // The condition with both states is the index's.
    connection
        .prepare_cached(
            "UPDATE run SET state = 'ready', lease_owner = NULL, updated_at = ?3
              WHERE state IN ('leased', 'sending') AND state = 'leased' AND lease_owner = ?1 AND claim = ?2",
        )?
        .execute(params![owner.0, claim, now.as_millis()])?;
    Ok(())
}

fn take(
    connection: &Connection,
    files: &Files,
    taker: &Taker,
    account: &str,
    room: usize,
    now: Timestamp,
) -> rusqlite::Result<Vec<Claimed>> {
    let mut statement = connection.prepare_cached(
        "UPDATE run SET state = 'leased', attempts = attempts + 1, lease_owner = ?1, claim = ?5, updated_at = ?2
          WHERE id IN (SELECT id FROM run INDEXED BY run_ready
                        WHERE state = 'ready' AND account = ?3 AND next_try <= ?2 AND expires_at > ?2
                        ORDER BY next_try, id LIMIT ?4)
          RETURNING id, run_id, action, started_at, attempts",
    )?;
    let room = i64::try_from(room).unwrap_or(i64::MAX);
    let claimed = |row: &Row<'_>| {
        let id: i64 = row.get("id")?;
        let sql = format!("SELECT {} FROM run_input WHERE run = ?1", rows::INPUT);
        Ok(Claimed {
            claim: ClaimId(id),
            id: RunId::from(row.get::<_, String>("run_id")?),
            account: account.to_owned(),
            action: row.get("action")?,
            input: connection
                .prepare_cached(&sql)?
                .query_row([id], |row| rows::input(files, row))?,
            // It was stored from an unsigned number.
            started_at: row.get::<_, i64>("started_at")?.unsigned_abs(),
            attempt: row.get("attempts")?,
            recipients: rows::recipients(connection, id)?,
        })
    };
    let mut taken: Vec<Claimed> = statement
        .query_map(params![taker.owner.0, now.as_millis(), account, room, taker.claim], claimed)?
        .collect::<Result<_, _>>()?;
    // RETURNING has no order.
    taken.sort_by_key(|one| one.claim.0);
    Ok(taken)
}

/// Counts the runs that were taken, for an account with limits.
fn count(
    connection: &Connection,
    share: &Share,
    taken: usize,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let taken = i64::try_from(taken).unwrap_or(i64::MAX);
    if taken == 0 {
        return Ok(());
    }
    if share.pace.per_minute.is_some() {
        connection
            .prepare_cached(
                "INSERT INTO minute (account, at, taken) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET taken = taken + excluded.taken",
            )?
            .execute(params![share.account, now.as_millis(), taken])?;
    }
    if share.pace.per_day.is_some() || !share.pace.warm_up.is_empty() {
        connection
            .prepare_cached(
                "INSERT INTO account (name, first_day, day, day_taken) VALUES (?1, ?2, ?2, ?3)
                 ON CONFLICT DO UPDATE SET first_day = coalesce(first_day, excluded.day), day = excluded.day,
                   day_taken = CASE day WHEN excluded.day THEN day_taken ELSE 0 END + excluded.day_taken",
            )?
            .execute(params![share.account, now.day(), taken])?;
    }
    Ok(())
}
