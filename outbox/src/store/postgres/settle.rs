//! The mark before a message's end, and what became of an attempt. Each changes a run only if it is still the owner's.

use std::time::Duration;

use deadpool_postgres::GenericClient;

use super::claims::parts;
use super::database::Session;
use super::fault::Fault;
use super::rows::{self, Value, from_now, storable};
use crate::event::EventKind;
use crate::run::RunId;
use crate::store::{ClaimId, Effect, OwnerId, Settlement};

/// The longest pause of an account that does not work. Then one run tries it again.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Marks that the end of the message is about to be sent. The owner's lease must last, by the server's clock. The run's
/// row is the fence: if another worker recovers the run at the same time, one of the two statements changes nothing.
pub(super) async fn mark(
    session: &Session,
    owner: &OwnerId,
    claim: ClaimId,
) -> Result<bool, Fault> {
    let (run, attempt) = parts(claim);
    let sql = "
        UPDATE run SET state = 'sending', updated_at = clock_timestamp()
         WHERE id = $1 AND attempts & 65535 = $2 AND state = 'leased' AND lease_owner = $3
           AND EXISTS (SELECT FROM worker WHERE worker.id = $3 AND lease_until > clock_timestamp())";
    Ok(rows::execute(session, sql, &[&run, &attempt, &owner.0]).await? == 1)
}

/// Stores what became of an attempt. A run that another worker thinks is lost is `unknown`, and keeps its owner: the
/// owner's late answer settles it.
pub(super) async fn settle(
    session: &mut Session,
    owner: OwnerId,
    settlement: Settlement,
) -> Result<bool, Fault> {
    let Effect::Pause { wait, code, reason } = &settlement.effect else {
        return Ok(write(session, &owner, &settlement).await?.is_some());
    };
    let transaction = session.transaction().await?;
    let Some(account) = write(&transaction, &owner, &settlement).await? else { return Ok(false) };
    let (code, reason) = (storable(code), storable(reason));
    let began = pause(&transaction, &account, *wait, (&code, &reason)).await?;
    if began {
        let event = (EventKind::AccountPaused, account.as_str(), None);
        note(&transaction, event, Some(&settlement.result)).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

/// Writes the result, the recipients and the event in one statement, and ends the pause of an account that works.
/// Returns the account if the run was the owner's.
async fn write(
    client: &impl GenericClient,
    owner: &OwnerId,
    settlement: &Settlement,
) -> Result<Option<String>, Fault> {
    let (run, attempt) = parts(settlement.claim);
    let next = from_now(settlement.next_try).max(0.0);
    let recipients = &settlement.recipients;
    let addresses: Vec<_> = recipients.iter().map(|one| storable(&one.address)).collect();
    let fields: Vec<_> = recipients.iter().map(|one| one.field.as_deref().map(storable)).collect();
    let states: Vec<_> = recipients.iter().map(|one| one.state.as_str()).collect();
    let codes: Vec<_> = recipients.iter().map(|one| one.code.map(i32::from)).collect();
    let enhanced: Vec<_> =
        recipients.iter().map(|one| one.enhanced.as_deref().map(storable)).collect();
    let replies: Vec<_> = recipients.iter().map(|one| one.reply.as_deref().map(storable)).collect();
    let works = settlement.effect == Effect::Works;
    let sql = "
        WITH done AS (
          UPDATE run SET state = $4, result = $5::text::json, updated_at = clock_timestamp(),
                         next_try = clock_timestamp() + make_interval(secs => $6),
                         lease_owner = CASE WHEN $4 = 'unknown' THEN lease_owner END
           WHERE id = $1 AND attempts & 65535 = $2 AND lease_owner = $3 AND state IN ('leased', 'sending', 'unknown')
          RETURNING id, run_id, account),
        put AS (
          INSERT INTO recipient (run, address, field, state, code, enhanced, reply)
          SELECT done.id, one.*
            FROM done, unnest($8::text[], $9::text[], $10::text[], $11::int[], $12::text[], $13::text[]) AS one
          ON CONFLICT (run, address) DO UPDATE SET
            field = excluded.field, state = excluded.state, code = excluded.code, enhanced = excluded.enhanced,
            reply = excluded.reply),
        noted AS (
          INSERT INTO event (kind, account, run_id, result) SELECT $7, account, run_id, $5::text::json FROM done),
        resumed AS (
          UPDATE account SET paused_until = NULL, pause_code = NULL, pause_reason = NULL, pauses = 0
            FROM done WHERE $14 AND name = done.account AND paused_until IS NOT NULL
          RETURNING name),
        told AS (INSERT INTO event (kind, account) SELECT 'account-resumed', name FROM resumed)
        SELECT account FROM done";
    let values: [Value<'_>; 14] = [
        &run,
        &attempt,
        &owner.0,
        &settlement.state.as_str(),
        &settlement.result,
        &next,
        &settlement.event.as_str(),
        &addresses,
        &fields,
        &states,
        &codes,
        &enhanced,
        &replies,
        &works,
    ];
    Ok(rows::query(client, sql, &values).await?.first().map(|row| row.get(0)))
}

/// Begins or extends the pause of an account. Returns whether it began.
async fn pause(
    client: &impl GenericClient,
    account: &str,
    wait: Duration,
    (code, reason): (&str, &str),
) -> Result<bool, Fault> {
    // Runs that were under way when the pause began do not make it longer. Each pause in a row is twice as long.
    let sql = "
        INSERT INTO account (name, paused_until, pause_code, pause_reason, pauses)
        VALUES ($1, clock_timestamp() + make_interval(secs => $2), $4, $5, 1)
        ON CONFLICT (name) DO UPDATE SET
          paused_until = clock_timestamp()
            + make_interval(secs => least($2 * power(2, least(account.pauses, 32)), greatest($3, $2))),
          pause_code = excluded.pause_code, pause_reason = excluded.pause_reason, pauses = account.pauses + 1
        WHERE account.paused_until IS NULL OR account.paused_until <= clock_timestamp()
        RETURNING pauses";
    let (wait, longest) = (wait.as_secs_f64().min(1e9), LONGEST_PAUSE.as_secs_f64());
    let written = rows::query(client, sql, &[&account, &wait, &longest, &code, &reason]).await?;
    // An account that was tried and still does not work is not news. Resuming sets the number to 0.
    Ok(written.first().is_some_and(|row| row.get::<_, i32>(0) == 1))
}

/// Gives back runs that were not begun.
pub(super) async fn give_back(
    session: &Session,
    owner: &OwnerId,
    claims: &[ClaimId],
) -> Result<(), Fault> {
    let (runs, attempts): (Vec<i64>, Vec<i32>) = claims.iter().copied().map(parts).unzip();
    let sql = "
        UPDATE run SET state = 'ready', attempts = attempts - 1, lease_owner = NULL, updated_at = clock_timestamp()
          FROM unnest($1::bigint[], $2::int[]) AS claim (run, attempt)
         WHERE id = claim.run AND attempts & 65535 = claim.attempt AND state = 'leased' AND lease_owner = $3";
    rows::execute(session, sql, &[&runs, &attempts, &owner.0]).await?;
    Ok(())
}

/// Ends the pause of an account. Returns whether it was paused.
pub(super) async fn resume(session: &Session, account: &str) -> Result<bool, Fault> {
    let sql = "
        WITH resumed AS (
          UPDATE account SET paused_until = NULL, pause_code = NULL, pause_reason = NULL, pauses = 0
           WHERE name = $1 AND paused_until IS NOT NULL RETURNING name)
        INSERT INTO event (kind, account) SELECT 'account-resumed', name FROM resumed";
    Ok(rows::execute(session, sql, &[&account]).await? > 0)
}

/// Stores an event.
pub(super) async fn note(
    client: &impl GenericClient,
    (kind, account, run): (EventKind, &str, Option<&RunId>),
    result: Option<&str>,
) -> Result<(), Fault> {
    let sql =
        "INSERT INTO event (kind, account, run_id, result) VALUES ($1, $2, $3, $4::text::json)";
    let run = run.map(RunId::as_str);
    rows::execute(client, sql, &[&kind.as_str(), &account, &run, &result]).await?;
    Ok(())
}
