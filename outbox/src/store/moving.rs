//! The move of an outbox from one store to another: the two sides, and the values that pass between them.

use smtp_connector_smtp::BoxFuture;

use super::{StoredInput, Texts};
use crate::error::Result;
use crate::event::Event;
use crate::run::{RunId, RunRecipient, RunState};
use crate::timestamp::Timestamp;

/// The store that an outbox moves away from.
pub(crate) trait Source: Send + Sync {
    /// Recovers the runs of dead workers, and closes the store: from now on, no run is added to it or changed in it, by
    /// any process. Returns how far the move is: a store may be closed already, for the same destination.
    fn close(&self, to: Destination) -> BoxFuture<'_, Result<Progress>>;
    /// Stores how far the move is.
    fn advance(&self, progress: Progress) -> BoxFuture<'_, Result<()>>;
    /// Returns all accounts, in the order of their names.
    fn accounts(&self) -> BoxFuture<'_, Result<Vec<StoredAccount>>>;
    /// Returns up to `most` runs after this one, in order, with their inputs unless they were pruned.
    fn runs(&self, after: i64, most: usize) -> BoxFuture<'_, Result<Vec<WithInput>>>;
}

/// The store that an outbox moves to. What it has already is not stored again.
pub(crate) trait Receiver: Send + Sync {
    fn destination(&self) -> BoxFuture<'_, Result<Destination>>;
    /// Keeps the numbers up to this one for events that are received, if no event has a number yet. Returns whether they
    /// are kept.
    fn reserve_events(&self, latest: i64) -> BoxFuture<'_, Result<bool>>;
    /// Stores events, with their numbers if these are kept. Returns how many are new.
    fn receive_events(&self, events: Vec<Event>, with_numbers: bool) -> BoxFuture<'_, Result<u64>>;
    fn receive_accounts(&self, accounts: Vec<StoredAccount>) -> BoxFuture<'_, Result<()>>;
    /// Stores runs with their texts. A run whose key belongs to another run loses its key, and is held if it waits.
    fn receive_runs(
        &self,
        runs: Vec<(StoredRun, Option<Texts>)>,
    ) -> BoxFuture<'_, Result<Received>>;
}

/// A run with its input, unless that was pruned.
pub(crate) type WithInput = (StoredRun, Option<StoredInput>);

/// The outbox that another one moves to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// The database and its server, for people.
    pub(crate) name: String,
    /// Tells the outbox from others, whatever the name of its server is.
    pub(crate) id: String,
}

/// The progress of a move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Whether events keep their numbers. `None` before the first event is moved.
    pub(crate) keeps_numbers: Option<bool>,
    /// The last event that was moved.
    pub(crate) event: i64,
    /// The last run that was moved, by its number in the source.
    pub(crate) run: i64,
    pub(crate) is_finished: bool,
}

/// The runs that a store received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// The number of new ones.
    pub(crate) new: u64,
    /// Those whose keys belong to other runs.
    pub(crate) without_key: Vec<RunId>,
}

/// A run with everything that a store knows about it, except for its input. No worker has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredRun {
    /// The run's number in the source: numbers are in the order of acceptance.
    pub(crate) number: i64,
    pub(crate) id: RunId,
    pub(crate) account: String,
    pub(crate) action: String,
    pub(crate) key: Option<String>,
    pub(crate) hash: Option<Vec<u8>>,
    pub(crate) state: RunState,
    pub(crate) attempts: u32,
    pub(crate) crashes: u32,
    pub(crate) started_at: i64,
    pub(crate) next_try: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// JSON.
    pub(crate) result: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) recipients: Vec<RunRecipient>,
}

/// An account's pause, and how many of its runs were taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredAccount {
    pub(crate) name: String,
    pub(crate) paused_until: Option<Timestamp>,
    pub(crate) pause_code: Option<String>,
    pub(crate) pause_reason: Option<String>,
    pub(crate) pauses: u32,
    pub(crate) first_day: Option<i64>,
    pub(crate) day: i64,
    pub(crate) day_taken: i64,
    /// Times within the last minute, with the numbers of runs that were taken then.
    pub(crate) minute: Vec<(Timestamp, i64)>,
}
