//! Takes runs for a worker, fairly between accounts, and within the limits of each over all workers.

use std::collections::HashMap;
use std::time::SystemTime;

use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::Row;

use super::database::{Database, Session};
use super::fault::Fault;
use super::rows::Value;
use super::{Lease, owners, rows};
use crate::run::RunId;
use crate::store::{ClaimId, Claimed, Later, OwnerId, Share, StoredInput, Text};

/// A text of this many bytes is read when its run begins. A claim takes many runs at once, which must fit into memory.
const LARGE: i32 = 64 * 1024;

/// The bits of a [`ClaimId`] that hold the attempt. The run's id has the others.
const ATTEMPT_BITS: u32 = 16;

/// Returns the id of a claim: the run and its attempt. A worker that lost a run and took it again has two attempts under
/// way, and only the second may change the run.
fn claim_id(run: i64, attempt: i32) -> ClaimId {
    ClaimId((run << ATTEMPT_BITS) | i64::from(attempt & 0xffff))
}

/// Returns the run and the low bits of the attempt of a claim.
pub(super) fn parts(claim: ClaimId) -> (i64, i32) {
    // The mask leaves 16 bits.
    (claim.0 >> ATTEMPT_BITS, (claim.0 & 0xffff) as i32)
}

/// Returns the accounts that have runs to try now and are not paused, after a name.
pub(super) async fn due_accounts(
    session: &Session,
    after: &str,
    most: usize,
) -> Result<Vec<String>, Fault> {
    // Jumps from account to account in the index, so that a long backlog of one is not read. The statement's time is the
    // same for all its rows, so the index can be searched for it.
    let sql = "
        WITH RECURSIVE waiting (name) AS (
          SELECT (SELECT min(account) FROM run WHERE state = 'ready' AND account > $1)
          UNION ALL
          SELECT (SELECT min(account) FROM run WHERE state = 'ready' AND account > waiting.name)
            FROM waiting WHERE waiting.name IS NOT NULL
        )
        SELECT name FROM waiting
         WHERE name IS NOT NULL
           AND EXISTS (SELECT FROM run WHERE state = 'ready' AND run.account = waiting.name
                                         AND next_try <= statement_timestamp())
           AND NOT EXISTS (SELECT FROM account WHERE account.name = waiting.name
                                                 AND paused_until > statement_timestamp())
         LIMIT $2";
    let found = rows::query(session, sql, &[&after, &rows::count(most)]).await?;
    Ok(found.iter().map(|row| row.get(0)).collect())
}

/// A worker that takes runs.
#[derive(Clone)]
pub(super) struct Taker {
    pub(super) owner: OwnerId,
    pub(super) lease: Lease,
    /// The number of this claim.
    pub(super) claim: i64,
    /// Earlier claims whose answers were lost.
    pub(super) unsure: Vec<i64>,
}

/// Takes runs of each account.
pub(super) async fn claim(
    session: &mut Session,
    database: Database,
    taker: Taker,
    mut shares: Vec<Share>,
) -> Result<Vec<Claimed>, Fault> {
    // Each transaction locks accounts in this order, so no two wait for each other.
    shares.sort_by(|one, other| one.account.cmp(&other.account));
    let transaction = session.transaction().await?;
    // A worker whose lease ended has a new one before it takes runs.
    owners::renew(&transaction, &taker.owner, taker.lease).await?;
    if !taker.unsure.is_empty() {
        undo(&transaction, &taker).await?;
    }
    let rooms = rooms(&transaction, &taker.owner, &shares).await?;
    let now = rooms.now;
    let claimed = take(&transaction, &database, &taker, &rooms).await?;
    count(&transaction, &shares, &claimed, now).await?;
    transaction.commit().await?;
    Ok(claimed)
}

/// Undoes claims whose answers were lost: their runs are this worker's, and it does not know them. Their attempts count,
/// so that each attempt has its own number.
async fn undo(transaction: &Transaction<'_>, taker: &Taker) -> Result<(), Fault> {
    let sql = "UPDATE run SET state = 'ready', lease_owner = NULL, updated_at = clock_timestamp()
                WHERE state = 'leased' AND lease_owner = $1 AND claim = ANY($2)";
    rows::execute(transaction, sql, &[&taker.owner.0, &taker.unsure]).await?;
    Ok(())
}

/// The number of runs of each account that may be taken, at a time.
struct Rooms {
    accounts: Vec<String>,
    most: Vec<i64>,
    now: SystemTime,
}

/// Locks the accounts, and returns how many runs of each may be taken now.
async fn rooms(
    transaction: &Transaction<'_>,
    owner: &OwnerId,
    shares: &[Share],
) -> Result<Rooms, Fault> {
    let names: Vec<_> = shares.iter().map(|share| share.account.as_str()).collect();
    let make = "INSERT INTO account (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING";
    rows::execute(transaction, make, &[&names]).await?;
    let lock =
        "SELECT name, paused_until, first_day, day, day_taken FROM account WHERE name = ANY($1)
                 ORDER BY name FOR NO KEY UPDATE";
    let accounts = rows::query(transaction, lock, &[&names]).await?;
    // The time under the lock: not before that of another worker's claim, whose runs are counted below.
    let clock = "SELECT clock_timestamp(), (SELECT count(*) FROM worker WHERE lease_until > clock_timestamp())";
    let clock = &rows::query(transaction, clock, &[]).await?[0];
    let (now, workers): (SystemTime, i64) = (clock.get(0), clock.get(1));
    let taken = "SELECT account, count(*), count(*) FILTER (WHERE lease_owner = $2)
                   FROM run WHERE account = ANY($1) AND state IN ('leased', 'sending') GROUP BY account";
    let taken = rows::query(transaction, taken, &[&names, &owner.0]).await?;
    let taken = |account: &str| {
        let row = taken.iter().find(|row| row.get::<_, &str>(0) == account);
        row.map_or((0, 0), |row| (row.get(1), row.get(2)))
    };
    let in_minute = match shares.iter().any(|share| share.pace.per_minute.is_some()) {
        true => taken_in_minute(transaction, &names, now).await?,
        false => HashMap::new(),
    };
    let mut rooms = Rooms { accounts: Vec::new(), most: Vec::new(), now };
    for (share, account) in shares.iter().zip(&accounts) {
        let in_minute = in_minute.get(&share.account).copied().unwrap_or(0);
        let (by_all, by_owner) = taken(&share.account);
        let taken = Taken { by_all, by_owner, in_minute };
        let most = room(share, account, taken, workers, now);
        if most > 0 {
            rooms.accounts.push(share.account.clone());
            rooms.most.push(most);
        }
    }
    Ok(rooms)
}

/// The runs of an account that are taken.
#[derive(Clone, Copy)]
struct Taken {
    by_all: i64,
    by_owner: i64,
    in_minute: i64,
}

fn room(share: &Share, account: &Row, taken: Taken, workers: i64, now: SystemTime) -> i64 {
    let pace = &share.pace;
    let connections = i64::from(pace.connections);
    // Equal parts for the workers, rounded up. A worker that ends a run is the first to know that another one may be taken,
    // so without this, those that started first keep all connections.
    let part = (connections + workers - 1) / workers.max(1);
    let mut room =
        (connections - taken.by_all).min(part - taken.by_owner).min(rows::count(share.most));
    match account.get::<_, Option<SystemTime>>("paused_until") {
        Some(until) if until > now => return 0,
        // One run tries whether the account works again.
        Some(_) => room = room.min(1 - taken.by_all),
        None => {}
    }
    if let Some(limit) = pace.per_minute {
        room = room.min(i64::from(limit) - taken.in_minute);
    }
    let today = rows::time(now).day();
    let first = account.get::<_, Option<i64>>("first_day").unwrap_or(today);
    if let Some(limit) = pace.most_on(today - first) {
        let is_today = account.get::<_, i64>("day") == today;
        let taken_today: i64 = if is_today { account.get("day_taken") } else { 0 };
        room = room.min(i64::from(limit) - taken_today);
    }
    room
}

async fn taken_in_minute(
    transaction: &Transaction<'_>,
    names: &[&str],
    now: SystemTime,
) -> Result<HashMap<String, i64>, Fault> {
    // A time in the future is from before the clock was set back.
    let old = "DELETE FROM minute WHERE account = ANY($1) AND (at <= $2::timestamptz - interval '1 minute' OR at > $2)";
    rows::execute(transaction, old, &[&names, &now]).await?;
    let sum =
        "SELECT account, sum(taken)::bigint FROM minute WHERE account = ANY($1) GROUP BY account";
    Ok(numbers(&rows::query(transaction, sum, &[&names]).await?))
}

fn numbers(rows: &[Row]) -> HashMap<String, i64> {
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn take(
    transaction: &Transaction<'_>,
    database: &Database,
    taker: &Taker,
    rooms: &Rooms,
) -> Result<Vec<Claimed>, Fault> {
    if rooms.accounts.is_empty() {
        return Ok(Vec::new());
    }
    // The array is filled once, before the update: as a join, the planner could read the whole table.
    let sql = "
        UPDATE run SET state = 'leased', attempts = attempts + 1, lease_owner = $1, claim = $5, updated_at = $2
         WHERE id = ANY (ARRAY (
           SELECT due.id
             FROM unnest($3::text[], $4::bigint[]) AS room (account, most)
            CROSS JOIN LATERAL (
              SELECT id FROM run WHERE state = 'ready' AND run.account = room.account
                                   AND next_try <= $2 AND expires_at > $2
               ORDER BY next_try, id LIMIT room.most FOR UPDATE SKIP LOCKED) AS due))
        RETURNING id, run_id, account, action, started_at, attempts";
    let values: [Value<'_>; 5] =
        [&taker.owner.0, &rooms.now, &rooms.accounts, &rooms.most, &taker.claim];
    let mut taken = rows::query(transaction, sql, &values).await?;
    // RETURNING has no order.
    taken.sort_by_key(|row| row.get::<_, i64>("id"));
    let ids: Vec<i64> = taken.iter().map(|row| row.get("id")).collect();
    let mut recipients = rows::recipients(transaction, &ids).await?;
    let mut inputs = inputs(transaction, database, &ids).await?;
    Ok(taken
        .iter()
        .filter_map(|row| {
            let id: i64 = row.get("id");
            let attempts: i32 = row.get("attempts");
            Some(Claimed {
                claim: claim_id(id, attempts),
                id: RunId::from(row.get::<_, String>("run_id")),
                account: row.get("account"),
                action: row.get("action"),
                // Each run that is not ended has its input: `prune` leaves it.
                input: inputs.remove(&id)?,
                // It was stored from an unsigned number.
                started_at: row.get::<_, i64>("started_at").unsigned_abs(),
                attempt: attempts.unsigned_abs(),
                recipients: rows::take(&mut recipients, id),
            })
        })
        .collect())
}

/// Reads the inputs of runs, except for large texts, which are read later.
async fn inputs(
    transaction: &impl GenericClient,
    database: &Database,
    ids: &[i64],
) -> Result<HashMap<i64, StoredInput>, Fault> {
    let sql = "SELECT run, CASE WHEN octet_length(input) < $2 THEN input END,
                      CASE WHEN octet_length(keywords) < $2 THEN keywords END, keywords IS NOT NULL,
                      CASE WHEN octet_length(captured) < $2 THEN captured END, captured IS NOT NULL
                 FROM run_input WHERE run = ANY($1)";
    let input = |row: &Row| {
        let id: i64 = row.get(0);
        let text = |column, which| match row.get::<_, Option<String>>(column) {
            Some(text) => Text::Inline(text),
            None => Text::Later(later(database, id, which)),
        };
        let keywords = row.get::<_, bool>(3).then(|| text(2, "keywords"));
        let captured = row.get::<_, bool>(5).then(|| text(4, "captured"));
        (id, StoredInput { input: text(1, "input"), keywords, captured })
    };
    Ok(rows::query(transaction, sql, &[&ids, &LARGE]).await?.iter().map(input).collect())
}

fn later(database: &Database, run: i64, column: &'static str) -> Later {
    let database = database.clone();
    Later::new(move || {
        // A size that a mail can have at most. The time for the transfer grows with it.
        const LARGEST: usize = 64 << 20;
        database.run_with(LARGEST, "the input could not be read", move |session| {
            Box::pin(async move {
                let sql = format!("SELECT {column} FROM run_input WHERE run = $1");
                let found = rows::query(session, &sql, &[&run]).await?;
                // The run is the caller's, so its input is there. An empty text is not a mail, which the attempt says.
                Ok(found.first().map(|row| row.get(0)).unwrap_or_default())
            })
        })
    })
}

/// Counts the runs that were taken, for accounts with limits.
async fn count(
    transaction: &Transaction<'_>,
    shares: &[Share],
    claimed: &[Claimed],
    now: SystemTime,
) -> Result<(), Fault> {
    let today = rows::time(now).day();
    let taken = |share: &Share| {
        rows::count(claimed.iter().filter(|run| run.account == share.account).count())
    };
    for (share, taken) in shares.iter().map(|share| (share, taken(share))) {
        if taken > 0 && share.pace.per_minute.is_some() {
            let sql = "INSERT INTO minute (account, at, taken) VALUES ($1, $2, $3)
                       ON CONFLICT (account, at) DO UPDATE SET taken = minute.taken + excluded.taken";
            rows::execute(transaction, sql, &[&share.account, &now, &taken]).await?;
        }
        if taken > 0 && (share.pace.per_day.is_some() || !share.pace.warm_up.is_empty()) {
            let sql = "UPDATE account SET first_day = coalesce(first_day, $2), day = $2,
                              day_taken = CASE day WHEN $2 THEN day_taken ELSE 0 END + $3
                        WHERE name = $1";
            rows::execute(transaction, sql, &[&share.account, &today, &taken]).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_a_run_and_an_attempt() {
        let claim = claim_id(123_456_789_012, 3);
        assert_eq!(parts(claim), (123_456_789_012, 3));
        assert_ne!(claim, claim_id(123_456_789_012, 4));
        assert!(claim < claim_id(123_456_789_013, 0), "claims are in the order of the runs");
    }
}
