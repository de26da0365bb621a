//! Stores a run.

use deadpool_postgres::GenericClient;

use super::database::Session;
use super::fault::Fault;
use super::rows::{self, Value, between, moment};
use crate::error::{Error, ErrorKind, Result};
use crate::run::{RunId, RunState, Ticket};
use crate::store::NewRun;

/// Checks what PostgreSQL cannot store.
pub(super) fn check(run: &NewRun) -> Result<()> {
    let texts = [Some(&run.account), Some(&run.action), Some(&run.input), run.keywords.as_ref()];
    if texts.into_iter().flatten().any(|text| text.contains('\0')) || run.id.as_str().contains('\0')
    {
        let message =
            "the mail was not accepted: it contains a NUL character, which PostgreSQL cannot store";
        return Err(Error::new(ErrorKind::Invalid, message).hint_of("write \\u0000 in JSON"));
    }
    Ok(())
}

/// Stores a run durably, in one statement. If its key is known, returns the first run's ticket.
pub(super) async fn enqueue(session: &mut Session, run: NewRun) -> Result<Ticket, Fault> {
    // A run that is deleted after the conflict leaves its key free: the second attempt stores the new one.
    for _ in 0..2 {
        if insert(session, &run).await? {
            let state = state(&run);
            return Ok(Ticket { id: run.id, state, is_new: true });
        }
        if let Some(ticket) = known(session, &run).await? {
            return Ok(ticket);
        }
        let same_id = "SELECT FROM run WHERE run_id = $1";
        if !rows::query(session, same_id, &[&run.id.as_str()]).await?.is_empty() {
            return Err(Error::id_used(&run.id).into());
        }
    }
    let message = "the mail was not accepted: its key is in use and not in use";
    Err(Error::new(ErrorKind::Unavailable, message).hint_of("try again").into())
}

fn state(run: &NewRun) -> RunState {
    if run.is_held { RunState::Held } else { RunState::Ready }
}

/// Stores a run, unless its key or its id is known. Returns whether it was stored.
pub(super) async fn insert(client: &impl GenericClient, run: &NewRun) -> Result<bool, Fault> {
    // The time that a caller asks for is used as it is. Without one, the server's clock decides.
    let not_before = (run.next_try > run.created_at).then(|| moment(run.next_try));
    let lifetime = between(run.next_try, run.expires_at);
    let sql = "
        WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
              new AS (
                INSERT INTO run (run_id, account, action, idem_key, idem_hash, state, started_at, next_try, expires_at,
                                 created_at, updated_at)
                SELECT $1, $2, $3, $4, $5::bytea, $6, $7::bigint, coalesce($8, now),
                       coalesce($8, now) + make_interval(secs => $9), now, now
                  FROM clock
                ON CONFLICT DO NOTHING
                RETURNING id)
         INSERT INTO run_input (run, input, keywords, captured) SELECT id, $10, $11, $12 FROM new";
    let values: [Value<'_>; 12] = [
        &run.id.as_str(),
        &run.account,
        &run.action,
        &run.key,
        &run.hash,
        &state(run).as_str(),
        &i64::try_from(run.started_at).unwrap_or(i64::MAX),
        &not_before,
        &lifetime,
        &run.input,
        &run.keywords,
        &run.captured,
    ];
    Ok(rows::execute(client, sql, &values).await? == 1)
}

/// Returns the ticket of an earlier run with the same key.
async fn known(session: &Session, run: &NewRun) -> Result<Option<Ticket>, Fault> {
    let Some(key) = &run.key else { return Ok(None) };
    let sql = "SELECT run_id, state, idem_hash FROM run WHERE account = $1 AND idem_key = $2";
    let found = rows::query(session, sql, &[&run.account, key]).await?;
    let Some(row) = found.first() else { return Ok(None) };
    let id = RunId::from(row.get::<_, String>("run_id"));
    if row.get::<_, Option<Vec<u8>>>("idem_hash") != run.hash {
        return Err(Error::key_reused(key, &id).into());
    }
    Ok(Some(Ticket { id, state: rows::name(row, "state")?, is_new: false }))
}
