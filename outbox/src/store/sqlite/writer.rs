//! The thread that writes. It commits the changes of many callers together, because each commit waits for the disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rusqlite::{Connection, TransactionBehavior};
use smtp_connector_smtp::BoxFuture;
use tokio::sync::oneshot;

use super::fault::{breaks_connection, of_sqlite};
use crate::error::{Error, ErrorKind, Result};

/// The handle of the writing thread. The thread ends with the last handle.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    work: Sender<Work>,
}

/// A change that waits for the thread.
type Work = Box<dyn Change>;
/// An error that several callers get.
type Shared = Arc<rusqlite::Error>;
/// Answers the caller of a change, once the transaction has ended. The error is the reason why the commit failed.
type Answer = Box<dyn FnOnce(Result<(), &Shared>) + Send>;

/// The most changes in one commit. A commit of this many takes a few milliseconds longer than a small one.
const MOST: usize = 256;

impl Writer {
    /// Starts the thread with an open connection to the database at `path`.
    pub(super) fn start(connection: Connection, path: PathBuf) -> Result<Self> {
        let (work, queue) = channel();
        let named = thread::Builder::new().name("outbox-writer".to_owned());
        let started = named.spawn(move || Thread { connection, path, queue }.run());
        started.map_err(|reason| {
            let message = format!("the outbox could not start its thread: {reason}");
            Error::new(ErrorKind::Unavailable, message)
        })?;
        Ok(Self { work })
    }

    /// Makes a change, and returns once it is durable. A change that fails leaves nothing.
    ///
    /// The change is queued before this returns, so that changes are made in the order of the calls.
    pub(super) fn write<T: Send + 'static>(
        &self,
        what: &'static str,
        change: impl FnOnce(&Connection) -> Result<T, Failed> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(Request { what, change, answer });
        let sent = self.work.send(work);
        Box::pin(async move {
            sent.map_err(|_| ended())?;
            answered.await.map_err(|_| ended())?
        })
    }
}

/// Why a change was not made.
#[derive(Debug)]
pub(super) enum Failed {
    Sqlite(Arc<rusqlite::Error>),
    /// The change itself does not apply.
    Refused(Error),
}

impl From<rusqlite::Error> for Failed {
    fn from(reason: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(reason))
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// A change with its caller.
trait Change: Send {
    /// Makes the change in a transaction. Returns how to answer the caller, and the error of SQLite if there was one.
    fn make(self: Box<Self>, transaction: &Connection) -> (Answer, Option<Shared>);
    /// Answers the caller of a change that was not made.
    fn refuse(self: Box<Self>, reason: &Shared);
}

struct Request<T, F> {
    what: &'static str,
    change: F,
    answer: oneshot::Sender<Result<T>>,
}

impl<T, F> Change for Request<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, Failed> + Send + 'static,
{
    fn make(self: Box<Self>, transaction: &Connection) -> (Answer, Option<Shared>) {
        let Self { what, change, answer } = *self;
        let outcome = apart(transaction, change);
        let fault = match &outcome {
            Err(Failed::Sqlite(reason)) => Some(Arc::clone(reason)),
            _ => None,
        };
        let answer: Answer = Box::new(move |committed| {
            let outcome = match (committed, outcome) {
                (_, Err(Failed::Sqlite(reason))) => Err(of_sqlite(what, &reason)),
                (_, Err(Failed::Refused(error))) => Err(error),
                (Err(reason), Ok(_)) => Err(of_sqlite(what, reason)),
                (Ok(()), Ok(value)) => Ok(value),
            };
            // A caller that no longer waits does not want to know.
            let _ = answer.send(outcome);
        });
        (answer, fault)
    }

    fn refuse(self: Box<Self>, reason: &Shared) {
        let _ = self.answer.send(Err(of_sqlite(self.what, reason)));
    }
}

struct Thread {
    connection: Connection,
    path: PathBuf,
    queue: Receiver<Work>,
}

impl Thread {
    fn run(mut self) {
        while let Ok(first) = self.queue.recv() {
            let batch = std::iter::once(first).chain(self.queue.try_iter()).take(MOST);
            if let Err(reason) = commit(&mut self.connection, batch)
                && breaks_connection(&reason)
                && let Ok(again) = super::open::connection(&self.path)
            {
                self.connection = again;
            }
        }
    }
}

/// Makes changes in one transaction, and answers their callers. Returns why the transaction failed, if it did.
fn commit(connection: &mut Connection, batch: impl Iterator<Item = Work>) -> Result<(), Shared> {
    let mut batch = batch;
    // A deferred transaction that reads first fails when another process writes meanwhile, in spite of the busy timeout.
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = match begun.map_err(Arc::new) {
        Ok(transaction) => transaction,
        Err(reason) => {
            batch.for_each(|change| change.refuse(&reason));
            return Err(reason);
        }
    };
    let mut answers = Vec::new();
    let mut rolled_back = None;
    for change in batch.by_ref() {
        let (answer, fault) = change.make(&transaction);
        answers.push(answer);
        // After some errors, SQLite rolls back the whole transaction. Then no change of it is there.
        if transaction.is_autocommit() {
            rolled_back = fault;
            break;
        }
    }
    let committed = match rolled_back {
        Some(reason) => Err(reason),
        None => transaction.commit().map_err(Arc::new),
    };
    for answer in answers {
        answer(committed.as_ref().copied());
    }
    committed
}

/// Makes one change. If it fails, it leaves nothing in the transaction.
fn apart<T>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> Result<T, Failed>,
) -> Result<T, Failed> {
    connection.prepare_cached("SAVEPOINT change")?.execute([])?;
    let outcome = change(connection);
    if connection.is_autocommit() {
        return outcome;
    }
    if outcome.is_err() {
        connection.prepare_cached("ROLLBACK TO change")?.execute([])?;
    }
    connection.prepare_cached("RELEASE change")?.execute([])?;
    outcome
}

fn ended() -> Error {
    Error::new(ErrorKind::Unavailable, "the outbox is closed")
}
