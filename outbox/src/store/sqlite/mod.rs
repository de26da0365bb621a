//! The store in an SQLite database, for the processes of one machine.

mod claims;
mod enqueue;
mod fault;
mod files;
mod folder;
#[cfg_attr(
    not(all(feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "a move needs both stores")
)]
mod moving;
mod open;
mod owners;
mod place;
mod queries;
mod rows;
mod schema;
mod settle;
mod upkeep;
mod webhooks;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use smtp_connector_smtp::BoxFuture;
use tokio::sync::Notify;

use super::{
    Change, ClaimId, Claimed, NewRun, Owner, OwnerId, Posted, Pruned, Recovered, Reports,
    Retention, Settlement, Share, Store, StoredInput, StoredWebhook, TakenWebhook, WebhookClaim,
};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::run::{Counts, Filter, PausedAccount, Run, RunId, RunState, Ticket};
use crate::store::moving::Source;
use crate::store::unsure::Unsure;
use crate::timestamp::Timestamp;
use claims::Taker;
use fault::of_sqlite;
use files::Files;
use moving::Move;
use owners::Owners;
use place::Place;
use writer::Writer;

/// A store in an SQLite database.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    writer: Writer,
    reader: Arc<Mutex<Connection>>,
    files: Files,
    owners: Owners,
    place: Place,
    unsure: Unsure,
    changed: Notify,
}

/// How often the store is asked for changes by other processes. A question takes a few microseconds.
const POLL: Duration = Duration::from_millis(200);

impl SqliteStore {
    /// Opens the database at `path`, and makes it if it is not there. Its large inputs and its locks are in the folder
    /// `PATH-files`.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let writer = Writer::start(open::database(path)?, path.to_owned())?;
        let reader = Arc::new(Mutex::new(open::reader(path)?));
        let place = Place::of(path)?;
        let mut beside = path.as_os_str().to_owned();
        beside.push("-files");
        let beside = PathBuf::from(beside);
        Ok(Self {
            writer,
            reader,
            files: Files::new(beside.join("inputs")),
            owners: Owners::new(beside.join("owners")),
            place,
            unsure: Unsure::default(),
            changed: Notify::new(),
        })
    }

    /// Refuses a file whose outbox was moved elsewhere.
    async fn refuse_if_moved(&self) -> Result<()> {
        match self.read(Move::of).await? {
            Some(moved) => Err(moved.refusal()),
            None => Ok(()),
        }
    }

    /// Reads, beside the writing thread.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let reader = Arc::clone(&self.reader);
        let done = tokio::task::spawn_blocking(move || {
            // A panic under this lock leaves the connection as it was: it only reads.
            read(&reader.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let read = done.await.map_err(|_| stopped())?;
        read.map_err(|reason| of_sqlite("the outbox could not be read", &reason))
    }
}

impl Store for SqliteStore {
    fn enqueue(&self, run: NewRun) -> BoxFuture<'_, Result<Ticket>> {
        Box::pin(async move {
            let ticket = enqueue::enqueue(&self.writer, &self.files, run).await?;
            self.changed.notify_one();
            Ok(ticket)
        })
    }

    fn run(&self, id: RunId) -> BoxFuture<'_, Result<Option<Run>>> {
        Box::pin(self.read(move |connection| queries::run(connection, &id)))
    }

    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Vec<Run>>> {
        Box::pin(self.read(move |connection| queries::list(connection, &filter)))
    }

    fn counts(&self) -> BoxFuture<'_, Result<Counts>> {
        Box::pin(self.read(|connection| queries::counts(connection, Timestamp::now())))
    }

    fn input(&self, id: RunId) -> BoxFuture<'_, Result<Option<StoredInput>>> {
        let files = self.files.clone();
        Box::pin(self.read(move |connection| queries::input(connection, &files, &id)))
    }

    fn change(&self, id: RunId, change: Change) -> BoxFuture<'_, Result<Option<RunState>>> {
        Box::pin(async move {
            let what = "the run could not be changed";
            let now = Timestamp::now();
            let work = move |connection: &Connection| upkeep::change(connection, &id, change, now);
            let before = self.writer.write(what, work).await?;
            self.changed.notify_one();
            Ok(before)
        })
    }

    fn register(&self) -> BoxFuture<'_, Result<Owner>> {
        Box::pin(async {
            self.refuse_if_moved().await?;
            self.owners.register().map_err(|reason| {
                let message =
                    format!("the worker could not be registered beside the outbox: {reason}");
                Error::new(ErrorKind::Forbidden, message)
                    .hint_of("check that this user can write to the folder of the outbox")
                    .caused_by(reason)
            })
        })
    }

    fn due_accounts(&self, after: String, most: usize) -> BoxFuture<'_, Result<Vec<String>>> {
        let now = Timestamp::now();
        Box::pin(self.read(move |connection| claims::due_accounts(connection, &after, most, now)))
    }

    fn claim<'a>(
        &'a self,
        owner: &'a Owner,
        shares: Vec<Share>,
    ) -> BoxFuture<'a, Result<Vec<Claimed>>> {
        Box::pin(async move {
            let under_way = self.unsure.begin(&owner.id);
            let taker = Taker {
                owner: owner.id.clone(),
                claim: under_way.claim,
                unsure: self.unsure.of(&owner.id),
            };
            let files = self.files.clone();
            let work = move |connection: &Connection| {
                Ok(claims::claim(connection, &files, &taker, &shares, Timestamp::now())?)
            };
            let claimed =
                self.writer.write("runs could not be taken from the outbox", work).await?;
            under_way.answered();
            Ok(claimed)
        })
    }

    fn mark(&self, owner: OwnerId, claim: ClaimId) -> BoxFuture<'static, Result<bool>> {
        let work = move |connection: &Connection| {
            Ok(settle::mark(connection, &owner, claim, Timestamp::now())?)
        };
        self.writer.write("the mark before the message's end could not be written", work)
    }

    fn settle<'a>(
        &'a self,
        owner: &'a Owner,
        settlement: Settlement,
    ) -> BoxFuture<'a, Result<bool>> {
        let owner = owner.id.clone();
        let work = move |connection: &Connection| {
            Ok(settle::settle(connection, &owner, &settlement, Timestamp::now())?)
        };
        self.writer.write("the result could not be written to the outbox", work)
    }

    fn give_back<'a>(
        &'a self,
        owner: &'a Owner,
        claims: Vec<ClaimId>,
    ) -> BoxFuture<'a, Result<()>> {
        let owner = owner.id.clone();
        let work = move |connection: &Connection| {
            Ok(settle::give_back(connection, &owner, &claims, Timestamp::now())?)
        };
        self.writer.write("runs could not be given back to the outbox", work)
    }

    fn recover<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Recovered>> {
        Box::pin(async move {
            let held = self.read(upkeep::owners).await?;
            let others = held.into_iter().filter(|id| *id != owner.id).collect();
            let dead = self.owners.dead(others);
            if dead.is_empty() {
                return Ok(Recovered::default());
            }
            let ids = dead.clone();
            let what = "the runs of a dead worker could not be recovered";
            let work = move |connection: &Connection| {
                Ok(upkeep::recover(connection, &ids, Timestamp::now())?)
            };
            let recovered = self.writer.write(what, work).await?;
            dead.iter().for_each(|id| self.owners.forget(id));
            self.changed.notify_one();
            Ok(recovered)
        })
    }

    fn expiring_accounts(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(self.read(|connection| upkeep::expiring_accounts(connection, Timestamp::now())))
    }

    fn expire(&self, account: String, reports: Option<Reports>) -> BoxFuture<'_, Result<usize>> {
        Box::pin(async move {
            let work = move |connection: &Connection| {
                upkeep::expire(connection, &account, reports.as_ref(), Timestamp::now())
            };
            let ended = self.writer.write("expired runs could not be ended", work).await?;
            self.changed.notify_one();
            Ok(ended)
        })
    }

    fn paused_accounts(&self) -> BoxFuture<'_, Result<Vec<PausedAccount>>> {
        Box::pin(self.read(queries::paused_accounts))
    }

    fn resume(&self, account: String) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move {
            let work = move |connection: &Connection| {
                Ok(upkeep::resume(connection, &account, Timestamp::now())?)
            };
            let resumed = self.writer.write("the account could not be resumed", work).await?;
            self.changed.notify_one();
            Ok(resumed)
        })
    }

    fn events(&self, after: i64, most: usize) -> BoxFuture<'_, Result<Vec<Event>>> {
        Box::pin(self.read(move |connection| queries::events(connection, after, most)))
    }

    fn latest_event(&self) -> BoxFuture<'_, Result<i64>> {
        Box::pin(self.read(queries::latest_event))
    }

    fn prune(&self, retention: Retention) -> BoxFuture<'_, Result<Pruned>> {
        let files = self.files.clone();
        let work = move |connection: &Connection| Ok(upkeep::prune(connection, &files, retention)?);
        self.writer.write("ended runs could not be deleted", work)
    }

    fn take_webhook<'a>(
        &'a self,
        owner: &'a Owner,
        claim: WebhookClaim,
    ) -> BoxFuture<'a, Result<Option<TakenWebhook>>> {
        let owner = owner.id.clone();
        let work = move |connection: &Connection| {
            Ok(webhooks::take(connection, &owner, &claim, Timestamp::now())?)
        };
        self.writer.write("the webhook could not be taken", work)
    }

    fn settle_webhook<'a>(
        &'a self,
        owner: &'a Owner,
        claim: WebhookClaim,
        posted: Posted,
    ) -> BoxFuture<'a, Result<bool>> {
        let owner = owner.id.clone();
        let work = move |connection: &Connection| {
            Ok(webhooks::settle(connection, &owner, &claim, &posted, Timestamp::now())?)
        };
        self.writer.write("the outcome of a post to a webhook could not be written", work)
    }

    fn webhooks(&self) -> BoxFuture<'_, Result<Vec<StoredWebhook>>> {
        Box::pin(self.read(webhooks::all))
    }

    fn check(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            // A transaction that takes the lock of a writer. It commits nothing, so it costs no write.
            self.writer.write("the outbox cannot be written", |_| Ok(())).await?;
            self.refuse_if_moved().await?;
            self.place.check()
        })
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // The end of the wait is as good as a change.
            let _ = tokio::time::timeout(POLL, self.changed.notified()).await;
        })
    }

    fn as_source(&self) -> Option<&dyn Source> {
        Some(self)
    }
}

fn stopped() -> Error {
    Error::new(ErrorKind::Unavailable, "the outbox was read while the program stops")
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use smtp_connector_host::Invocation;

    use super::*;
    use crate::enqueue::Enqueue;
    use crate::store::Pace;

    async fn open(_name: &str) -> Option<(SqliteStore, tempfile::TempDir)> {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("outbox.db")).expect("it opens");
        Some((store, folder))
    }

    crate::store::suite::suite!(open);

    #[tokio::test]
    async fn a_claim_whose_answer_was_lost_is_undone() {
        let (store, _folder) = open("").await.expect("it opens");
        let mail = Invocation::send_mail("{}").account("work");
        let run = Enqueue::new(mail).into_run(Timestamp::now(), Duration::from_secs(60));
        let id = store.enqueue(run.expect("it is right")).await.expect("it is stored").id;
        let owner = store.register().await.expect("it registers");
        let pace = Pace { connections: 1, per_minute: None, per_day: None, warm_up: Vec::new() };
        let shares = || vec![Share { account: "work".to_owned(), most: 1, pace: pace.clone() }];
        // The first poll queues the claim. The worker does not wait for its answer.
        let mut lost = store.claim(&owner, shares());
        let polled = std::future::poll_fn(|context| Poll::Ready(lost.as_mut().poll(context)));
        assert!(polled.await.is_pending());
        drop(lost);
        // In the order of the thread, the next claim comes after the lost one.
        let again = store.claim(&owner, shares()).await.expect("it takes runs");
        assert_eq!((again.len(), &again[0].id, again[0].attempt), (1, &id, 2));
    }

    #[tokio::test]
    async fn a_file_that_is_gone_or_replaced_is_noticed() {
        let (store, folder) = open("").await.expect("it opens");
        let path = folder.path().join("outbox.db");
        store.check().await.expect("it is there");
        std::fs::rename(&path, folder.path().join("moved.db")).expect("it is moved");
        let error = store.check().await.expect_err("it is gone");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("outbox.db is not there any more"), "{error}");
        drop(SqliteStore::open(&path).expect("another one is made"));
        #[cfg(unix)]
        {
            let error = store.check().await.expect_err("it is another file");
            assert!(error.to_string().contains("outbox.db was replaced"), "{error}");
        }
    }
}
