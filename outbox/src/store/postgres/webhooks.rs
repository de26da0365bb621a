//! What each webhook has got, and which worker serves it. Times are the server's.

use super::database::Session;
use super::fault::Fault;
use super::{queries, rows};
use crate::store::{
    LONGEST_WEBHOOK_PAUSE, OwnerId, Posted, StoredWebhook, TakenWebhook, WebhookClaim,
};

/// Takes a webhook, or keeps it. A webhook that is new begins with the next event.
///
/// A lease or a pause that is longer than it can be comes from a clock that was set back, and does not count.
pub(super) async fn take(
    session: &mut Session,
    owner: OwnerId,
    claim: WebhookClaim,
) -> Result<Option<TakenWebhook>, Fault> {
    let known = "SELECT FROM webhook WHERE key = $1";
    if rows::query(session, known, &[&claim.key]).await?.is_empty() {
        let latest = queries::latest_event(session).await?;
        let prefix = uuid::Uuid::new_v4().to_string();
        let sql = "INSERT INTO webhook (key, place, prefix, last_event, used_at)
                   VALUES ($1, $2, $3, $4, clock_timestamp()) ON CONFLICT DO NOTHING";
        rows::execute(session, sql, &[&claim.key, &claim.place, &prefix, &latest]).await?;
    }
    let (lease, longest) = (claim.lease.as_secs_f64(), LONGEST_WEBHOOK_PAUSE.as_secs_f64());
    // The statement's clock: of two workers, the second waits for the row, and then sees the first one's lease.
    let sql = "
        UPDATE webhook SET lease_owner = $2, lease_until = clock_timestamp() + make_interval(secs => $3),
                           used_at = clock_timestamp(), is_gone = false
         WHERE key = $1
           AND (lease_owner IS NULL OR lease_owner = $2 OR lease_until < clock_timestamp()
                OR lease_until > clock_timestamp() + 2 * make_interval(secs => $3))
           AND ($5 OR (NOT is_gone AND (next_try IS NULL OR next_try < clock_timestamp()
                                        OR next_try > clock_timestamp() + make_interval(secs => $4))))
        RETURNING last_event, failures, prefix";
    let values: [rows::Value<'_>; 5] = [&claim.key, &owner.0, &lease, &longest, &claim.is_first];
    let taken = rows::query(session, sql, &values).await?;
    Ok(taken.first().map(|row| TakenWebhook {
        after: row.get("last_event"),
        failures: rows::number(row, "failures"),
        prefix: row.get("prefix"),
    }))
}

/// Stores the outcome of a post. Returns whether the webhook is still the owner's.
pub(super) async fn settle(
    session: &Session,
    owner: &OwnerId,
    claim: &WebhookClaim,
    posted: &Posted,
) -> Result<bool, Fault> {
    let lease = claim.lease.as_secs_f64();
    let changed = match posted {
        Posted::Accepted { event } => {
            let sql = "
                UPDATE webhook SET last_event = $3, failures = 0, reason = NULL, next_try = NULL,
                                   lease_until = clock_timestamp() + make_interval(secs => $4)
                 WHERE key = $1 AND lease_owner = $2 AND last_event < $3";
            rows::execute(session, sql, &[&claim.key, &owner.0, event, &lease]).await?
        }
        Posted::Refused { pause, why } => {
            let sql = "
                UPDATE webhook SET failures = failures + 1, reason = $3,
                                   next_try = clock_timestamp() + make_interval(secs => $4),
                                   lease_until = clock_timestamp() + make_interval(secs => $5)
                 WHERE key = $1 AND lease_owner = $2";
            let (why, pause) = (rows::storable(why), pause.as_secs_f64());
            rows::execute(session, sql, &[&claim.key, &owner.0, &why, &pause, &lease]).await?
        }
        Posted::Gone { why } => {
            let sql = "
                UPDATE webhook SET failures = failures + 1, reason = $3, next_try = NULL, is_gone = true,
                                   lease_owner = NULL, lease_until = NULL
                 WHERE key = $1 AND lease_owner = $2";
            rows::execute(session, sql, &[&claim.key, &owner.0, &rows::storable(why)]).await?
        }
        Posted::Freed => {
            let sql = "UPDATE webhook SET lease_owner = NULL, lease_until = NULL
                        WHERE key = $1 AND lease_owner = $2";
            rows::execute(session, sql, &[&claim.key, &owner.0]).await?
        }
    };
    Ok(changed > 0)
}

pub(super) async fn all(session: &Session) -> Result<Vec<StoredWebhook>, Fault> {
    let sql = "SELECT place, last_event, failures, reason, next_try, is_gone FROM webhook ORDER BY place, key";
    let stored = rows::query(session, sql, &[]).await?;
    let stored = stored.iter().map(|row| StoredWebhook {
        place: row.get("place"),
        after: row.get("last_event"),
        failures: rows::number(row, "failures"),
        next_try: row.get::<_, Option<_>>("next_try").map(rows::time),
        why: row.get("reason"),
        is_gone: row.get("is_gone"),
    });
    Ok(stored.collect())
}
