//! What each webhook has got, and which worker serves it.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::queries;
use crate::store::{
    LONGEST_WEBHOOK_PAUSE, OwnerId, Posted, StoredWebhook, TakenWebhook, WebhookClaim,
};
use crate::timestamp::Timestamp;

/// Takes a webhook, or keeps it. A webhook that is new begins with the next event.
///
/// A lease or a pause that is longer than it can be comes from a clock that was set back, and does not count.
pub(super) fn take(
    connection: &Connection,
    owner: &OwnerId,
    claim: &WebhookClaim,
    now: Timestamp,
) -> rusqlite::Result<Option<TakenWebhook>> {
    let prefix = uuid::Uuid::new_v4().to_string();
    let latest = queries::latest_event(connection)?;
    connection
        .prepare_cached(
            "INSERT INTO webhook (key, place, prefix, last_event, used_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![claim.key, claim.place, prefix, latest, now.as_millis()])?;
    let taken = |row: &Row<'_>| {
        Ok(TakenWebhook {
            after: row.get("last_event")?,
            failures: row.get("failures")?,
            prefix: row.get("prefix")?,
        })
    };
    connection
        .prepare_cached(
            "UPDATE webhook SET lease_owner = ?2, lease_until = ?4, used_at = ?3, is_gone = 0
              WHERE key = ?1 AND (lease_owner IS NULL OR lease_owner = ?2 OR lease_until NOT BETWEEN ?3 AND ?7)
                AND (?6 OR (NOT is_gone AND (next_try IS NULL OR next_try NOT BETWEEN ?3 AND ?5)))
              RETURNING last_event, failures, prefix",
        )?
        .query_row(
            params![
                claim.key,
                owner.0,
                now.as_millis(),
                now.after(claim.lease).as_millis(),
                now.after(LONGEST_WEBHOOK_PAUSE).as_millis(),
                claim.is_first,
                now.after(2 * claim.lease).as_millis(),
            ],
            taken,
        )
        .optional()
}

/// Stores the outcome of a post. Returns whether the webhook is still the owner's.
pub(super) fn settle(
    connection: &Connection,
    owner: &OwnerId,
    claim: &WebhookClaim,
    posted: &Posted,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let until = now.after(claim.lease).as_millis();
    let changed = match posted {
        Posted::Accepted { event } => connection
            .prepare_cached(
                "UPDATE webhook SET last_event = ?3, failures = 0, reason = NULL, next_try = NULL, lease_until = ?4
                  WHERE key = ?1 AND lease_owner = ?2 AND last_event < ?3",
            )?
            .execute(params![claim.key, owner.0, event, until])?,
        Posted::Refused { pause, why } => connection
            .prepare_cached(
                "UPDATE webhook SET failures = failures + 1, reason = ?3, next_try = ?4, lease_until = ?5
                  WHERE key = ?1 AND lease_owner = ?2",
            )?
            .execute(params![claim.key, owner.0, why, now.after(*pause).as_millis(), until])?,
        Posted::Gone { why } => connection
            .prepare_cached(
                "UPDATE webhook SET failures = failures + 1, reason = ?3, next_try = NULL, is_gone = 1,
                                    lease_owner = NULL, lease_until = 0
                  WHERE key = ?1 AND lease_owner = ?2",
            )?
            .execute(params![claim.key, owner.0, why])?,
        Posted::Freed => connection
            .prepare_cached(
                "UPDATE webhook SET lease_owner = NULL, lease_until = 0 WHERE key = ?1 AND lease_owner = ?2",
            )?
            .execute(params![claim.key, owner.0])?,
    };
    Ok(changed > 0)
}

pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<StoredWebhook>> {
    let sql = "SELECT place, last_event, failures, reason, next_try, is_gone FROM webhook ORDER BY place, key";
    let stored = |row: &Row<'_>| {
        Ok(StoredWebhook {
            place: row.get("place")?,
            after: row.get("last_event")?,
            failures: row.get("failures")?,
            next_try: row.get::<_, Option<i64>>("next_try")?.map(Timestamp::from_millis),
            why: row.get("reason")?,
            is_gone: row.get("is_gone")?,
        })
    };
    connection.prepare_cached(sql)?.query_map([], stored)?.collect()
}

/// Deletes webhooks that no worker has served since a time.
pub(super) fn forget(connection: &Connection, before: Timestamp) -> rusqlite::Result<()> {
    let sql = "DELETE FROM webhook WHERE used_at < ?1";
    connection.prepare_cached(sql)?.execute([before.as_millis()]).map(drop)
}
