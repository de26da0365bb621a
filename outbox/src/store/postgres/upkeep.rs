//! Changes that no attempt makes: a person's, and those that time and dead workers require.

use deadpool_postgres::Transaction;
use tokio_postgres::Row;

use super::database::Session;
use super::enqueue;
use super::fault::Fault;
use super::rows::{self, from_now};
use super::settle::note;
use crate::error::{Error, ErrorKind};
use crate::event::EventKind;
use crate::run::{RunId, RunState};
use crate::store::{Change, MOST_CRASHES, OwnerId, Pruned, Recovered, Reports, Retention, verdict};
use crate::timestamp::Timestamp;

/// The most runs that one transaction ends or deletes.
const MOST: i64 = 500;

/// Makes a change that a person asks for, if the run's state allows it. Returns the state before.
pub(super) async fn change(
    session: &mut Session,
    id: RunId,
    change: Change,
) -> Result<Option<RunState>, Fault> {
    let transaction = session.transaction().await?;
    let lock = "SELECT account, state, has_input FROM run WHERE run_id = $1 FOR UPDATE";
    let found = rows::query(&transaction, lock, &[&id.as_str()]).await?;
    let Some(row) = found.first() else { return Ok(None) };
    let before = rows::name(row, "state")?;
    if !change.from().contains(&before) {
        return Ok(Some(before));
    }
    if matches!(change, Change::Retry { .. }) && !row.get::<_, bool>("has_input") {
        let message = format!("the input of run {id} was deleted, so it cannot be tried again");
        let error = Error::new(ErrorKind::WrongState, message);
        return Err(error.hint_of("queue the mail again").into());
    }
    let lifetime = match change {
        Change::Retry { expires_at } | Change::Release { expires_at } => Some(from_now(expires_at)),
        _ => None,
    };
    let sql = "
        UPDATE run SET state = $2, next_try = CASE WHEN $2 = 'ready' THEN clock_timestamp() ELSE next_try END,
                       expires_at = coalesce(clock_timestamp() + make_interval(secs => $3), expires_at),
                       lease_owner = NULL, updated_at = clock_timestamp()
         WHERE run_id = $1";
    rows::execute(&transaction, sql, &[&id.as_str(), &change.to().as_str(), &lifetime]).await?;
    if change == Change::Cancel {
        let event = (EventKind::Cancelled, row.get("account"), Some(&id));
        note(&transaction, event, None).await?;
    }
    transaction.commit().await?;
    Ok(Some(before))
}

/// Returns the runs of dead owners: those with a mark become unknown, the others ready.
pub(super) async fn recover(session: &mut Session, owner: OwnerId) -> Result<Recovered, Fault> {
    let transaction = session.transaction().await?;
    // If the server's clock was set back, a lease seems to last longer than it can.
    let shorten = "UPDATE worker SET lease_until = clock_timestamp() + lease
                    WHERE lease_until > clock_timestamp() + 2 * lease";
    rows::execute(&transaction, shorten, &[]).await?;
    let end = "DELETE FROM worker WHERE id IN (
                 SELECT id FROM worker WHERE lease_until < clock_timestamp() AND id <> $1 FOR UPDATE SKIP LOCKED)
               RETURNING id";
    rows::execute(&transaction, end, &[&owner.0]).await?;
    let dead = "SELECT DISTINCT lease_owner FROM run WHERE state IN ('leased', 'sending')
                   AND NOT EXISTS (SELECT FROM worker WHERE worker.id = lease_owner)";
    let dead = rows::query(&transaction, dead, &[]).await?;
    let dead: Vec<String> = dead.iter().map(|row| row.get(0)).collect();
    let recovered = match dead.is_empty() {
        true => Recovered::default(),
        false => take_from(&transaction, &dead).await?,
    };
    transaction.commit().await?;
    Ok(recovered)
}

async fn take_from(transaction: &Transaction<'_>, dead: &[String]) -> Result<Recovered, Fault> {
    // Locked in order, like everywhere, so that no two transactions wait for each other.
    let lock = "SELECT FROM run WHERE state IN ('leased', 'sending') AND lease_owner = ANY($1)
                 ORDER BY id FOR UPDATE";
    rows::query(transaction, lock, &[&dead]).await?;
    let sql = "
        UPDATE run SET crashes = crashes + (state = 'leased')::int, updated_at = clock_timestamp(),
                       lease_owner = CASE state WHEN 'sending' THEN lease_owner END,
                       state = CASE WHEN state = 'sending' THEN 'unknown' WHEN crashes + 1 < $2 THEN 'ready'
                                    ELSE 'failed' END
         WHERE state IN ('leased', 'sending') AND lease_owner = ANY($1)
        RETURNING id, run_id, account, state";
    let most = MOST_CRASHES as i32;
    let mut recovered = Recovered::default();
    for row in rows::query(transaction, sql, &[&dead, &most]).await? {
        let id = RunId::from(row.get::<_, String>("run_id"));
        let (result, kind) = match rows::name(&row, "state")? {
            RunState::Ready => {
                recovered.ready += 1;
                continue;
            }
            RunState::Unknown => {
                recovered.unknown += 1;
                (verdict::died_sending(id.as_str()), EventKind::Unknown)
            }
            _ => (verdict::died_often(MOST_CRASHES), EventKind::Failed),
        };
        end(transaction, &row, (kind, &id), &result.to_string()).await?;
    }
    Ok(recovered)
}

/// Returns the accounts that have expired runs.
pub(super) async fn expiring_accounts(session: &mut Session) -> Result<Vec<String>, Fault> {
    let sql = "SELECT DISTINCT account FROM run WHERE state = 'ready' AND expires_at <= statement_timestamp()";
    Ok(rows::query(session, sql, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// Ends an account's runs that have expired, and adds the reports about them.
pub(super) async fn expire(
    session: &mut Session,
    account: &str,
    reports: Option<&Reports>,
) -> Result<usize, Fault> {
    let transaction = session.transaction().await?;
    let sql = "
        UPDATE run SET state = 'failed', updated_at = clock_timestamp()
         WHERE id = ANY (ARRAY (
           SELECT id FROM run WHERE state = 'ready' AND expires_at <= statement_timestamp() AND account = $2
            ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))
        RETURNING id, run_id, account, action, result::text";
    let expired = rows::query(&transaction, sql, &[&MOST, &account]).await?;
    for row in &expired {
        let last: Option<&str> = row.get("result");
        let last = last.and_then(|last| serde_json::from_str(last).ok());
        let result = verdict::expired(last.as_ref()).to_string();
        let id = RunId::from(row.get::<_, String>("run_id"));
        end(&transaction, row, (EventKind::Expired, &id), &result).await?;
        let report = reports.and_then(|to| to.about(&id, row.get("action"), Timestamp::now()));
        if let Some(report) = report {
            enqueue::insert(&transaction, &report).await?;
        }
    }
    transaction.commit().await?;
    Ok(expired.len())
}

/// Stores the result of a run that ended without an attempt, and the event.
async fn end(
    transaction: &Transaction<'_>,
    row: &Row,
    (kind, id): (EventKind, &RunId),
    result: &str,
) -> Result<(), Fault> {
    let sql = "UPDATE run SET result = $2::text::json WHERE id = $1";
    rows::execute(transaction, sql, &[&row.get::<_, i64>("id"), &result]).await?;
    note(transaction, (kind, row.get("account"), Some(id)), Some(result)).await
}

/// Deletes inputs, runs and events that are older than their retention.
pub(super) async fn prune(session: &mut Session, retention: Retention) -> Result<Pruned, Fault> {
    // Ages, by the server's clock: a wrong clock of this machine must not delete what is new.
    let (inputs, runs) = (from_now(retention.inputs_before), from_now(retention.runs_before));
    let transaction = session.transaction().await?;
    let sql = "
        WITH old AS (
          UPDATE run SET has_input = false
           WHERE id = ANY (ARRAY (
             SELECT id FROM run WHERE state IN ('sent', 'failed', 'cancelled') AND has_input
                AND updated_at < statement_timestamp() + make_interval(secs => $1)
              ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED))
          RETURNING id)
        DELETE FROM run_input WHERE run IN (SELECT id FROM old)";
    let inputs = rows::execute(&transaction, sql, &[&inputs, &MOST]).await?;
    let sql = "
        DELETE FROM run WHERE id = ANY (ARRAY (
          SELECT id FROM run WHERE state IN ('sent', 'failed', 'cancelled')
             AND updated_at < statement_timestamp() + make_interval(secs => $1)
           ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED))";
    let deleted = rows::execute(&transaction, sql, &[&runs, &MOST]).await?;
    let sql = "
        DELETE FROM event WHERE id = ANY (ARRAY (
          SELECT id FROM event WHERE at < statement_timestamp() + make_interval(secs => $1)
           ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))";
    rows::execute(&transaction, sql, &[&runs, &MOST]).await?;
    let sql =
        "DELETE FROM webhook WHERE used_at < statement_timestamp() + make_interval(secs => $1)";
    rows::execute(&transaction, sql, &[&from_now(retention.webhooks_before)]).await?;
    transaction.commit().await?;
    let number = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
    Ok(Pruned { inputs: number(inputs), runs: number(deleted) })
}
