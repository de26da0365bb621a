//! The stores of an outbox. Each keeps the same table, and passes the same suite of tests.

#[cfg_attr(
    not(all(feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "a move needs both stores")
)]
pub(crate) mod moving;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod reports;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod stored_input;
#[cfg(test)]
mod suite;
mod unsure;
mod verdict;
mod webhook;

use std::time::Duration;

use smtp_connector_smtp::BoxFuture;

use crate::error::Result;
use crate::event::{Event, EventKind};
use crate::run::{Counts, Filter, PausedAccount, Run, RunId, RunRecipient, RunState, Ticket};
use crate::timestamp::Timestamp;
use moving::{Receiver, Source};
pub(crate) use webhook::{
    LONGEST_WEBHOOK_PAUSE, Posted, StoredWebhook, TakenWebhook, WebhookClaim,
};

pub(crate) use reports::{REPORT, ReportInput, Reports};
#[cfg(feature = "postgres")]
pub(crate) use stored_input::Later;
pub(crate) use stored_input::{StoredInput, Text, Texts};

/// A store of runs, shared by all processes that use it.
///
/// Each method is one transaction. A method that changes a run on behalf of a worker names the worker's [`Owner`], and
/// changes nothing if the run is no longer the owner's.
pub(crate) trait Store: Send + Sync + 'static {
    /// Stores a run. If its key is known, returns the first run's ticket, or an error if the input differs.
    fn enqueue(&self, run: NewRun) -> BoxFuture<'_, Result<Ticket>>;
    fn run(&self, id: RunId) -> BoxFuture<'_, Result<Option<Run>>>;
    /// Returns the runs that match, the newest first.
    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Vec<Run>>>;
    fn counts(&self) -> BoxFuture<'_, Result<Counts>>;
    /// Returns the input of a run, and its keywords, unless they were pruned.
    fn input(&self, id: RunId) -> BoxFuture<'_, Result<Option<StoredInput>>>;
    /// Makes a change that a person asks for. Returns the run's state before, or `None` if there is no such run. If the
    /// change does not allow that state, nothing changes.
    fn change(&self, id: RunId, change: Change) -> BoxFuture<'_, Result<Option<RunState>>>;

    /// Registers a worker. The registration ends when the owner is dropped, or its process dies.
    fn register(&self) -> BoxFuture<'_, Result<Owner>>;
    /// Returns up to `most` accounts that have runs to try now and are not paused, in the order of their names, from
    /// the first name after `after`.
    fn due_accounts(&self, after: String, most: usize) -> BoxFuture<'_, Result<Vec<String>>>;
    /// Takes runs of these accounts for an owner, within each share and pace.
    fn claim<'a>(
        &'a self,
        owner: &'a Owner,
        shares: Vec<Share>,
    ) -> BoxFuture<'a, Result<Vec<Claimed>>>;
    /// Marks that the end of a run's message is about to be sent. Returns whether the run is still the owner's.
    fn mark(&self, owner: OwnerId, claim: ClaimId) -> BoxFuture<'static, Result<bool>>;
    /// Stores what became of an attempt. Returns whether the run is still the owner's.
    fn settle<'a>(
        &'a self,
        owner: &'a Owner,
        settlement: Settlement,
    ) -> BoxFuture<'a, Result<bool>>;
    /// Gives back runs that were not begun. Their attempts do not count.
    fn give_back<'a>(&'a self, owner: &'a Owner, claims: Vec<ClaimId>)
    -> BoxFuture<'a, Result<()>>;
    /// Returns the runs of dead owners: those with a mark become unknown, the others ready.
    fn recover<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Recovered>>;
    /// Returns the accounts that have runs which wait and have expired.
    fn expiring_accounts(&self) -> BoxFuture<'_, Result<Vec<String>>>;
    /// Ends an account's runs that wait and have expired, at most a few hundred, and adds the reports about them. Returns
    /// their number.
    fn expire(&self, account: String, reports: Option<Reports>) -> BoxFuture<'_, Result<usize>>;

    fn paused_accounts(&self) -> BoxFuture<'_, Result<Vec<PausedAccount>>>;
    /// Ends the pause of an account, because a person asks for it. Returns whether it was paused.
    fn resume(&self, account: String) -> BoxFuture<'_, Result<bool>>;

    /// Returns up to `most` events after this one, in order.
    fn events(&self, after: i64, most: usize) -> BoxFuture<'_, Result<Vec<Event>>>;
    /// Returns the number of the latest event, or 0.
    fn latest_event(&self) -> BoxFuture<'_, Result<i64>>;
    /// Deletes a few hundred runs that ended before the retention's times. Returns what was deleted.
    fn prune(&self, retention: Retention) -> BoxFuture<'_, Result<Pruned>>;

    /// Takes a webhook for an owner, for as long as the lease says, or renews the lease. A webhook that is new begins with
    /// the next event. Returns `None` if another owner has it, or if it pauses or was given up, unless this is the
    /// owner's first try.
    fn take_webhook<'a>(
        &'a self,
        owner: &'a Owner,
        claim: WebhookClaim,
    ) -> BoxFuture<'a, Result<Option<TakenWebhook>>>;
    /// Stores the outcome of a post, and renews the lease. Returns whether the webhook is still the owner's.
    fn settle_webhook<'a>(
        &'a self,
        owner: &'a Owner,
        claim: WebhookClaim,
        posted: Posted,
    ) -> BoxFuture<'a, Result<bool>>;
    /// Returns the webhooks, in the order of their places.
    fn webhooks(&self) -> BoxFuture<'_, Result<Vec<StoredWebhook>>>;

    /// Checks that a change can be made now, without making one.
    fn check(&self) -> BoxFuture<'_, Result<()>>;
    /// Completes when the store may have changed: a run was added, or something became due. It may complete too often.
    fn changed(&self) -> BoxFuture<'_, ()>;

    /// Returns the store as one that an outbox can move away from.
    fn as_source(&self) -> Option<&dyn Source> {
        None
    }
    /// Returns the store as one that an outbox can move to.
    fn as_receiver(&self) -> Option<&dyn Receiver> {
        None
    }
}

/// A run to store.
#[derive(Clone, Debug)]
pub(crate) struct NewRun {
    pub(crate) id: RunId,
    pub(crate) account: String,
    pub(crate) action: String,
    pub(crate) key: Option<String>,
    /// Set if there is a key.
    pub(crate) hash: Option<Vec<u8>>,
    pub(crate) input: String,
    pub(crate) keywords: Option<String>,
    /// The captured attachments, as JSON.
    pub(crate) captured: Option<String>,
    /// Seconds since 1970, for the message's date.
    pub(crate) started_at: u64,
    pub(crate) is_held: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) next_try: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// A change that a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Ready, held, failed or unknown: it is never tried again.
    Cancel,
    /// Failed, unknown, or waiting for a later attempt: it is tried now, until the time given.
    Retry { expires_at: Timestamp },
    /// Ready: it waits for a person.
    Hold,
    /// Held: it is tried, until the time given.
    Release { expires_at: Timestamp },
}

impl Change {
    /// Returns the states from which the change can be made.
    pub(crate) fn from(self) -> &'static [RunState] {
        use RunState::{Failed, Held, Ready, Unknown};
        match self {
            Self::Cancel => &[Ready, Held, Failed, Unknown],
            Self::Retry { .. } => &[Ready, Failed, Unknown],
            Self::Hold => &[Ready],
            Self::Release { .. } => &[Held],
        }
    }

    /// Returns the state after the change.
    pub(crate) fn to(self) -> RunState {
        match self {
            Self::Cancel => RunState::Cancelled,
            Self::Retry { .. } | Self::Release { .. } => RunState::Ready,
            Self::Hold => RunState::Held,
        }
    }

    /// Returns the word for what was done.
    pub(crate) fn done(self) -> &'static str {
        match self {
            Self::Cancel => "cancelled",
            Self::Retry { .. } => "retried",
            Self::Hold => "held",
            Self::Release { .. } => "released",
        }
    }
}

/// The id of a worker, new for each start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnerId(pub(crate) String);

/// A registered worker.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) id: OwnerId,
    /// Ends the registration when it is dropped.
    pub(crate) _registration: Box<dyn std::fmt::Debug + Send + Sync>,
}

/// The store's own id of a run that was taken. Ids are in the order of the runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClaimId(pub(crate) i64);

/// The number of runs of an account that a worker can take now, and the account's limits over all workers.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pub(crate) account: String,
    /// The most runs to take.
    pub(crate) most: usize,
    pub(crate) pace: Pace,
}

/// The limits of an account over all workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// The most runs that all workers have at the same time.
    pub(crate) connections: u32,
    /// The most runs taken in any 60 seconds.
    pub(crate) per_minute: Option<u32>,
    /// The most runs taken on a day of UTC.
    pub(crate) per_day: Option<u32>,
    /// The first days of the account, in order: for how many days, and the most runs on each.
    pub(crate) warm_up: Vec<(u32, u32)>,
}

impl Pace {
    /// Returns the most runs on a day, counted from the account's first.
    pub(crate) fn most_on(&self, day: i64) -> Option<u32> {
        let mut until = 0;
        let step = self.warm_up.iter().find(|(days, _)| {
            until += i64::from(*days);
            day < until
        });
        match (step, self.per_day) {
            (Some((_, most)), Some(limit)) => Some(limit.min(*most)),
            (Some((_, most)), None) => Some(*most),
            (None, limit) => limit,
        }
    }
}

/// A run that a worker has taken.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) claim: ClaimId,
    pub(crate) id: RunId,
    pub(crate) account: String,
    pub(crate) action: String,
    pub(crate) input: StoredInput,
    pub(crate) started_at: u64,
    /// The number of this attempt, from 1.
    pub(crate) attempt: u32,
    /// The recipients that earlier attempts reached. Empty before.
    pub(crate) recipients: Vec<RunRecipient>,
}

/// The outcome of an attempt, to store.
#[derive(Clone, Debug)]
pub(crate) struct Settlement {
    pub(crate) claim: ClaimId,
    pub(crate) state: RunState,
    /// For a run that is ready again.
    pub(crate) next_try: Timestamp,
    /// The result or `{"error": ...}`, as JSON.
    pub(crate) result: String,
    /// The state of every recipient that an attempt reached.
    pub(crate) recipients: Vec<RunRecipient>,
    pub(crate) event: EventKind,
    pub(crate) effect: Effect,
}

/// A conclusion about an account, from an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    None,
    /// The account works: its pause ends.
    Works,
    /// Each run of the account would fail in the same way. They wait for this long.
    Pause { wait: Duration, code: String, reason: String },
}

/// The runs of dead owners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    /// Runs that are ready again.
    pub(crate) ready: usize,
    /// Runs that may have been delivered.
    pub(crate) unknown: usize,
}

/// How long ended runs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    /// Inputs of runs that ended before this time are deleted.
    pub(crate) inputs_before: Timestamp,
    /// Runs that ended before this time are deleted, and events that happened before it.
    pub(crate) runs_before: Timestamp,
    /// Webhooks that no worker has served since this time are deleted.
    pub(crate) webhooks_before: Timestamp,
}

/// The numbers of deleted inputs and runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pruned {
    pub(crate) inputs: usize,
    pub(crate) runs: usize,
}

/// The number of times that a worker may die with a run before the run fails. A run that kills each worker would be
/// tried forever.
pub(crate) const MOST_CRASHES: u32 = 5;
