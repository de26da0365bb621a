//! Rows of the database as values, and values as parameters.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use deadpool_postgres::GenericClient;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::fault::Fault;
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::run::{Run, RunId, RunRecipient};
use crate::timestamp::Timestamp;

/// A parameter of a statement.
pub(super) type Value<'a> = &'a (dyn ToSql + Sync);

/// The columns that [`run`] reads.
pub(super) const RUN: &str = "id, run_id, account, action, idem_key, state, attempts, created_at, updated_at, next_try, \
                              expires_at, result::text";

/// Queries with a statement that the connection keeps.
pub(super) async fn query(
    client: &impl GenericClient,
    sql: &str,
    values: &[Value<'_>],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    client.query(&client.prepare_cached(sql).await?, values).await
}

/// Executes a statement that the connection keeps. Returns the number of rows.
pub(super) async fn execute(
    client: &impl GenericClient,
    sql: &str,
    values: &[Value<'_>],
) -> Result<u64, tokio_postgres::Error> {
    client.execute(&client.prepare_cached(sql).await?, values).await
}

/// Reads runs, with their recipients.
pub(super) async fn runs(client: &impl GenericClient, rows: &[Row]) -> Result<Vec<Run>, Fault> {
    let ids: Vec<i64> = rows.iter().map(|row| row.get("id")).collect();
    let mut recipients = recipients(client, &ids).await?;
    rows.iter()
        .map(|row| {
            Ok(Run {
                id: RunId::from(row.get::<_, String>("run_id")),
                account: row.get("account"),
                action: row.get("action"),
                key: row.get("idem_key"),
                state: name(row, "state")?,
                attempts: number(row, "attempts"),
                created_at: time(row.get("created_at")),
                updated_at: time(row.get("updated_at")),
                next_try: time(row.get("next_try")),
                expires_at: time(row.get("expires_at")),
                result: json(row, "result"),
                recipients: take(&mut recipients, row.get("id")),
            })
        })
        .collect()
}

/// Reads the recipients of runs, each with its run.
pub(super) async fn recipients(
    client: &impl GenericClient,
    runs: &[i64],
) -> Result<Vec<(i64, RunRecipient)>, Fault> {
    let sql = "SELECT run, address, field, state, code, enhanced, reply FROM recipient
                WHERE run = ANY($1) ORDER BY run, address";
    let recipient = |row: &Row| {
        let recipient = RunRecipient {
            address: row.get("address"),
            field: row.get("field"),
            state: name(row, "state")?,
            // It was stored from this type.
            code: row.get::<_, Option<i32>>("code").and_then(|code| u16::try_from(code).ok()),
            enhanced: row.get("enhanced"),
            reply: row.get("reply"),
        };
        Ok((row.get("run"), recipient))
    };
    query(client, sql, &[&runs]).await?.iter().map(recipient).collect()
}

/// Takes the recipients of one run.
pub(super) fn take(all: &mut Vec<(i64, RunRecipient)>, run: i64) -> Vec<RunRecipient> {
    all.extract_if(.., |(of, _)| *of == run).map(|(_, recipient)| recipient).collect()
}

pub(super) fn event(row: &Row) -> Result<Event, Fault> {
    Ok(Event {
        id: row.get("position"),
        kind: name(row, "kind")?,
        at: time(row.get("at")),
        account: row.get("account"),
        run: row.get::<_, Option<String>>("run_id").map(RunId::from),
        result: json(row, "result"),
    })
}

fn json(row: &Row, column: &str) -> Option<serde_json::Value> {
    // It was written as JSON.
    row.get::<_, Option<&str>>(column).and_then(|json| serde_json::from_str(json).ok())
}

/// Reads a count, which is not negative.
pub(super) fn number(row: &Row, column: &str) -> u32 {
    row.get::<_, i32>(column).unsigned_abs()
}

/// Reads a value that is stored by name.
pub(super) fn name<T: FromStr<Err = String>>(row: &Row, column: &str) -> Result<T, Fault> {
    row.get::<_, &str>(column).parse().map_err(|reason| {
        let message = format!("the outbox holds a value that this program does not know: {reason}");
        let error = Error::new(ErrorKind::Damaged, message);
        error.hint_of("use the newest version of this program").into()
    })
}

pub(super) fn time(time: SystemTime) -> Timestamp {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(match time.duration_since(UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    })
}

/// Returns a time as a parameter.
pub(super) fn moment(time: Timestamp) -> SystemTime {
    let millis = u64::try_from(time.as_millis()).unwrap_or(0);
    UNIX_EPOCH + Duration::from_millis(millis.min(LATEST))
}

/// The end of the year 2286. PostgreSQL has more years, but arithmetic with them must not overflow.
const LATEST: u64 = 9_999_999_999_999;

/// Returns the seconds from now until a time, which is negative for a past time. The server adds them to its clock: the
/// clock of this machine may be wrong.
pub(super) fn from_now(time: Timestamp) -> f64 {
    between(Timestamp::now(), time)
}

/// Returns the seconds from one time until another.
pub(super) fn between(from: Timestamp, until: Timestamp) -> f64 {
    // About 300 years, to stay within PostgreSQL's times.
    const MOST: f64 = 1e10;
    let millis = until.as_millis().saturating_sub(from.as_millis());
    (millis as f64 / 1000.0).clamp(-MOST, MOST)
}

/// Returns a count as a parameter.
pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Returns a text that PostgreSQL can store: it has no NUL. Servers' replies are from outside.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_the_way_through_the_database() {
        for millis in [0, 1, 1_700_000_000_123] {
            let stamp = Timestamp::from_millis(millis);
            assert_eq!(time(moment(stamp)), stamp);
        }
        assert_eq!(time(UNIX_EPOCH - Duration::from_millis(5)), Timestamp::from_millis(-5));
        let forever = Timestamp::from_millis(i64::MAX);
        assert_eq!(time(moment(forever)).as_millis(), 9_999_999_999_999);
        assert_eq!(between(Timestamp::from_millis(0), forever), 1e10);
        assert_eq!(between(Timestamp::from_millis(1500), Timestamp::from_millis(0)), -1.5);
    }
}
