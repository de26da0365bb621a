//! The way into a database, for an outbox that was in a file. Each call is one transaction, and stores only what is not
//! there: a move that was interrupted is repeated.

use std::collections::HashMap;
use std::time::SystemTime;

use deadpool_postgres::Transaction;
use smtp_connector_smtp::BoxFuture;

use super::PostgresStore;
use super::database::Session;
use super::fault::Fault;
use super::queries::lock_numbers;
use super::rows::{self, Value, moment, storable};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::run::{RunId, RunState};
use crate::store::Texts;
use crate::store::moving::{Destination, Received, Receiver, StoredAccount, StoredRun};

impl Receiver for PostgresStore {
    fn destination(&self) -> BoxFuture<'_, Result<Destination>> {
        Box::pin(async move {
            // The time when the schema was made is another one in each database.
            let sql =
                "SELECT extract(epoch FROM applied_at)::text FROM migration WHERE version = 1";
            let id = self
                .database
                .run("the new outbox could not be read", move |session| {
                    Box::pin(async move { Ok(rows::query(session, sql, &[]).await?[0].get(0)) })
                })
                .await?;
            Ok(Destination { name: self.database.place().to_owned(), id })
        })
    }

    fn reserve_events(&self, latest: i64) -> BoxFuture<'_, Result<bool>> {
        self.database.run(MOVE, move |session| Box::pin(reserve(session, latest)))
    }

    fn receive_events(&self, events: Vec<Event>, with_numbers: bool) -> BoxFuture<'_, Result<u64>> {
        self.database
            .run(MOVE, move |session| Box::pin(receive_events(session, events, with_numbers)))
    }

    fn receive_accounts(&self, accounts: Vec<StoredAccount>) -> BoxFuture<'_, Result<()>> {
        self.database.run(MOVE, move |session| Box::pin(receive_accounts(session, accounts)))
    }

    fn receive_runs(
        &self,
        runs: Vec<(StoredRun, Option<Texts>)>,
    ) -> BoxFuture<'_, Result<Received>> {
        Box::pin(async move {
            let bytes = runs.iter().filter_map(|(_, texts)| texts.as_ref()).map(Texts::bytes).sum();
            let received = self
                .database
                .run_with(bytes, MOVE, |session| Box::pin(receive_runs(session, runs)))
                .await?;
            self.bell.ring();
            Ok(received)
        })
    }
}

const MOVE: &str = "the outbox could not be moved";

async fn reserve(session: &mut Session, latest: i64) -> Result<bool, Fault> {
    let transaction = session.transaction().await?;
    lock_numbers(&transaction).await?;
    let used = "SELECT is_called OR EXISTS (SELECT FROM event) FROM event_position";
    if rows::query(&transaction, used, &[]).await?[0].get(0) {
        return Ok(false);
    }
    // The role of a worker may only take numbers, so it takes each.
    let take = "SELECT count(nextval('event_position')) FROM generate_series(1, $1::bigint)";
    rows::query(&transaction, take, &[&latest]).await?;
    transaction.commit().await?;
    Ok(true)
}

async fn receive_events(
    session: &mut Session,
    events: Vec<Event>,
    with_numbers: bool,
) -> Result<u64, Fault> {
    let numbers: Vec<_> = events.iter().map(|event| event.id).collect();
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    let times: Vec<_> = events.iter().map(|event| moment(event.at)).collect();
    let accounts: Vec<_> = events.iter().map(|event| storable(&event.account)).collect();
    let runs: Vec<_> = events.iter().map(|event| event.run.as_ref().map(RunId::as_str)).collect();
    let results: Vec<_> =
        events.iter().map(|event| event.result.as_ref().map(ToString::to_string)).collect();
    // Without numbers, an event is known by everything else. Its time is an index.
    let sql = "
        INSERT INTO event (position, kind, at, account, run_id, result)
        SELECT CASE WHEN $7 THEN number END, kind, at, account, run_id, result::json
          FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[])
               AS new (number, kind, at, account, run_id, result)
         WHERE $7 OR NOT EXISTS (
           SELECT FROM event WHERE event.at = new.at AND event.kind = new.kind AND event.account = new.account
                               AND event.run_id IS NOT DISTINCT FROM new.run_id)
         ORDER BY number
        ON CONFLICT (position) DO NOTHING";
    let values: [Value<'_>; 7] =
        [&numbers, &kinds, &times, &accounts, &runs, &results, &with_numbers];
    Ok(rows::execute(session, sql, &values).await?)
}

/// Stores accounts. Where an account is known, the larger counts hold: a sum would grow with each repetition. A pause that
/// is not taken over comes again with the first attempt.
async fn receive_accounts(session: &mut Session, all: Vec<StoredAccount>) -> Result<(), Fault> {
    let transaction = session.transaction().await?;
    for account in &all {
        let name = storable(&account.name);
        let sql = "
            INSERT INTO account (name, paused_until, pause_code, pause_reason, pauses, first_day, day, day_taken)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (name) DO UPDATE SET
              first_day = least(account.first_day, excluded.first_day),
              day = greatest(account.day, excluded.day),
              day_taken = CASE WHEN account.day > excluded.day THEN account.day_taken
                               WHEN account.day < excluded.day THEN excluded.day_taken
                               ELSE greatest(account.day_taken, excluded.day_taken) END";
        let values: [Value<'_>; 8] = [
            &name,
            &account.paused_until.map(moment),
            &account.pause_code.as_deref().map(storable),
            &account.pause_reason.as_deref().map(storable),
            &i32::try_from(account.pauses).unwrap_or(i32::MAX),
            &account.first_day,
            &account.day,
            &account.day_taken,
        ];
        rows::execute(&transaction, sql, &values).await?;
        for (at, taken) in &account.minute {
            let sql = "INSERT INTO minute (account, at, taken) VALUES ($1, $2, $3)
                       ON CONFLICT (account, at) DO UPDATE SET taken = greatest(minute.taken, excluded.taken)";
            rows::execute(&transaction, sql, &[&name, &moment(*at), taken]).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

async fn receive_runs(
    session: &mut Session,
    mut runs: Vec<(StoredRun, Option<Texts>)>,
) -> Result<Received, Fault> {
    let transaction = session.transaction().await?;
    let without_key = give_up_keys(&transaction, &mut runs).await?;
    let stored = store_runs(&transaction, &runs).await?;
    check_ids(&transaction, &runs).await?;
    store_inputs(&transaction, &runs, &stored).await?;
    store_recipients(&transaction, &runs, &stored).await?;
    transaction.commit().await?;
    let without_key = without_key.into_iter().filter(|id| stored.contains_key(id.as_str()));
    Ok(Received { without_key: without_key.collect(), new: stored.len() as u64 })
}

/// Takes the keys from runs whose keys belong to other runs here. Those that wait are held: a person decides whether both
/// mails are sent.
async fn give_up_keys(
    transaction: &Transaction<'_>,
    runs: &mut [(StoredRun, Option<Texts>)],
) -> Result<Vec<RunId>, Fault> {
    let ids: Vec<_> = runs.iter().map(|(run, _)| run.id.as_str()).collect();
    let accounts: Vec<_> = runs.iter().map(|(run, _)| storable(&run.account)).collect();
    let keys: Vec<_> = runs.iter().map(|(run, _)| run.key.as_deref()).collect();
    let sql = "SELECT new.run_id FROM unnest($1::text[], $2::text[], $3::text[]) AS new (run_id, account, key)
                 JOIN run ON run.account = new.account AND run.idem_key = new.key AND run.run_id <> new.run_id";
    let found = rows::query(transaction, sql, &[&ids, &accounts, &keys]).await?;
    let found: Vec<_> = found.iter().map(|row| RunId::from(row.get::<_, String>(0))).collect();
    for (run, _) in runs.iter_mut().filter(|(run, _)| found.contains(&run.id)) {
        (run.key, run.hash) = (None, None);
        if run.state == RunState::Ready {
            run.state = RunState::Held;
        }
    }
    Ok(found)
}

/// Checks that each run is there now, and not another one with its id: platforms may choose ids.
async fn check_ids(
    transaction: &Transaction<'_>,
    runs: &[(StoredRun, Option<Texts>)],
) -> Result<(), Fault> {
    let ids: Vec<_> = runs.iter().map(|(run, _)| run.id.as_str()).collect();
    let accounts: Vec<_> = runs.iter().map(|(run, _)| storable(&run.account)).collect();
    let times: Vec<_> = runs.iter().map(|(run, _)| moment(run.created_at)).collect();
    let sql = "SELECT new.run_id FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS new (run_id, account, at)
                 JOIN run ON run.run_id = new.run_id AND (run.account, run.created_at) <> (new.account, new.at)";
    let found = rows::query(transaction, sql, &[&ids, &accounts, &times]).await?;
    let Some(id) = found.first().map(|row| row.get::<_, &str>(0)) else { return Ok(()) };
    let message = format!("run {id} could not be moved: another mail in the new outbox has its id");
    Err(Error::new(ErrorKind::KeyReused, message)
        .hint_of("queue this mail there under another id, or repeat the move once the other mail was pruned")
        .into())
}

/// Stores the runs that are not there. Returns their rows, by their ids.
async fn store_runs(
    transaction: &Transaction<'_>,
    all: &[(StoredRun, Option<Texts>)],
) -> Result<HashMap<String, i64>, Fault> {
    /// Returns a column of the runs.
    fn column<'r, T>(
        all: &'r [(StoredRun, Option<Texts>)],
        of: impl Fn(&'r StoredRun) -> T,
    ) -> Vec<T> {
        all.iter().map(|(run, _)| of(run)).collect()
    }
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let times = |of: fn(&StoredRun) -> crate::Timestamp| -> Vec<SystemTime> {
        column(all, |run| moment(of(run)))
    };
    let has_input: Vec<bool> = all.iter().map(|(_, texts)| texts.is_some()).collect();
    let sql = "
        INSERT INTO run (run_id, account, action, idem_key, idem_hash, state, attempts, crashes, started_at, next_try,
                         expires_at, result, has_input, created_at, updated_at)
        SELECT run_id, account, action, idem_key, idem_hash, state, attempts, crashes, started_at, next_try,
               expires_at, result::json, has_input, created_at, updated_at
          FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[],
                      $8::integer[], $9::integer[], $10::bigint[], $11::timestamptz[], $12::timestamptz[],
                      $13::text[], $14::boolean[], $15::timestamptz[], $16::timestamptz[])
               AS new (number, run_id, account, action, idem_key, idem_hash, state, attempts, crashes, started_at,
                       next_try, expires_at, result, has_input, created_at, updated_at)
         ORDER BY number
        ON CONFLICT (run_id) DO NOTHING
        RETURNING run_id, id";
    let values: [Value<'_>; 16] = [
        &column(all, |run| run.number),
        &column(all, |run| run.id.as_str()),
        &column(all, |run| storable(&run.account)),
        &column(all, |run| storable(&run.action)),
        &column(all, |run| run.key.as_deref()),
        &column(all, |run| run.hash.as_deref()),
        &column(all, |run| run.state.as_str()),
        &column(all, |run| number(run.attempts)),
        &column(all, |run| number(run.crashes)),
        &column(all, |run| run.started_at),
        &times(|run| run.next_try),
        &times(|run| run.expires_at),
        &column(all, |run| run.result.as_deref()),
        &has_input,
        &times(|run| run.created_at),
        &times(|run| run.updated_at),
    ];
    let stored = rows::query(transaction, sql, &values).await?;
    Ok(stored.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn store_inputs(
    transaction: &Transaction<'_>,
    all: &[(StoredRun, Option<Texts>)],
    stored: &HashMap<String, i64>,
) -> Result<(), Fault> {
    let (mut runs, mut inputs, mut keywords, mut captured) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (run, texts) in all {
        let (Some(id), Some(texts)) = (stored.get(run.id.as_str()), texts) else {
            continue;
        };
        runs.push(*id);
        inputs.push(storable(&texts.input));
        keywords.push(texts.keywords.as_deref().map(storable));
        captured.push(texts.captured.as_deref().map(storable));
    }
    let sql = "INSERT INTO run_input (run, input, keywords, captured)
               SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[])";
    rows::execute(transaction, sql, &[&runs, &inputs, &keywords, &captured]).await?;
    Ok(())
}

async fn store_recipients(
    transaction: &Transaction<'_>,
    all: &[(StoredRun, Option<Texts>)],
    stored: &HashMap<String, i64>,
) -> Result<(), Fault> {
    let of_run = |(run, _): &'_ (StoredRun, Option<Texts>)| {
        let id = stored.get(run.id.as_str()).copied();
        id.map(|id| run.recipients.iter().map(move |one| (id, one.clone())).collect::<Vec<_>>())
    };
    let all: Vec<_> = all.iter().filter_map(of_run).flatten().collect();
    let runs: Vec<_> = all.iter().map(|(run, _)| *run).collect();
    let addresses: Vec<_> = all.iter().map(|(_, one)| storable(&one.address)).collect();
    let fields: Vec<_> = all.iter().map(|(_, one)| one.field.as_deref().map(storable)).collect();
    let states: Vec<_> = all.iter().map(|(_, one)| one.state.as_str()).collect();
    let codes: Vec<_> = all.iter().map(|(_, one)| one.code.map(i32::from)).collect();
    let enhanced: Vec<_> =
        all.iter().map(|(_, one)| one.enhanced.as_deref().map(storable)).collect();
    let replies: Vec<_> = all.iter().map(|(_, one)| one.reply.as_deref().map(storable)).collect();
    let sql = "INSERT INTO recipient (run, address, field, state, code, enhanced, reply)
               SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[])";
    let values: [Value<'_>; 7] = [&runs, &addresses, &fields, &states, &codes, &enhanced, &replies];
    rows::execute(transaction, sql, &values).await?;
    Ok(())
}
