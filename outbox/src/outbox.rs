//! The outbox.

use std::fmt;
#[cfg(feature = "sqlite")]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::enqueue::Enqueue;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Events;
use crate::run::{Counts, Filter, PausedAccount, Run, RunId, Ticket};
#[cfg(feature = "postgres")]
use crate::store::postgres::{Migrated, PostgresStore};
#[cfg(feature = "sqlite")]
use crate::store::sqlite::SqliteStore;
use crate::store::{Change, Retention, Store, StoredWebhook};
use crate::timestamp::Timestamp;
use crate::webhook::WebhookState;

/// A durable queue of mails. Cheap to clone. Several processes can use the same one.
#[derive(Clone)]
pub struct Outbox {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) options: OutboxOptions,
}

/// How long an outbox tries and keeps mails.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxOptions {
    /// How long a mail is tried. Default: 4 days (RFC 5321 section 4.5.4.1 recommends 4 to 5).
    pub expires_after: Duration,
    /// How long the input of a mail is kept after the mail was sent, failed or was cancelled. Without its input, it
    /// cannot be retried. Default: 7 days.
    pub keep_inputs: Duration,
    /// How long the mail's result is kept after that end, and its key known. Default: 30 days.
    pub keep_runs: Duration,
}

const DAY: u64 = 24 * 60 * 60;

impl Default for OutboxOptions {
    fn default() -> Self {
        Self {
            expires_after: Duration::from_secs(4 * DAY),
            keep_inputs: Duration::from_secs(7 * DAY),
            keep_runs: Duration::from_secs(30 * DAY),
        }
    }
}

smtp_connector_smtp::setters!(OutboxOptions {
    expires_after: Duration,
    keep_inputs: Duration,
    keep_runs: Duration,
});

/// The number of events that a stream reads at once.
const EVENTS: usize = 100;

impl Outbox {
    /// Opens an outbox in an SQLite database, and makes it if it is not there. Its large inputs and its locks are in the
    /// folder `PATH-files`. All its processes must run on one machine, on a local disk.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be opened or written, if it is a database of another program, or if it was
    /// made by a newer version of this library.
    #[cfg(feature = "sqlite")]
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&path)).await;
        let store = opened.map_err(|_| {
            Error::new(ErrorKind::Unavailable, "the outbox was opened while the program stops")
        })??;
        Ok(Self { store: Arc::new(store), options: OutboxOptions::default() })
    }

    /// Connects to an outbox in a PostgreSQL database, for workers on many machines:
    /// `postgres://user:password@host/database`. Without a password in the URL, `PGPASSWORD` has it.
    ///
    /// Over a network, the connection is encrypted and the server's certificate is checked, unless the URL has
    /// `sslmode=disable`. `sslrootcert=PATH` names a file with the certificate authorities.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is not valid, if the server cannot be reached or refuses the login, or if the database
    /// has no outbox of this version: [`migrate`](Self::migrate) it first.
    #[cfg(feature = "postgres")]
    pub async fn connect(url: &str) -> Result<Self> {
        let store = PostgresStore::connect(url).await?;
        Ok(Self { store: Arc::new(store), options: OutboxOptions::default() })
    }

    /// Makes the schema `smtp_connector` in a PostgreSQL database, or upgrades it. The URL's role must own the schema, or
    /// be allowed to create it. Workers need fewer rights: those of the group role `smtp_connector_worker`, which this
    /// makes if it may.
    ///
    /// ```no_run
    /// # async fn example() -> smtp_connector_outbox::Result<()> {
    /// use smtp_connector_outbox::Outbox;
    ///
    /// let migrated = Outbox::migrate("postgres://owner@db.example.com/shop").await?;
    /// println!("from version {} to {}", migrated.from, migrated.to);
    /// let outbox = Outbox::connect("postgres://worker@db.example.com/shop").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the server cannot be reached, if the role may not change the database, or if the schema is
    /// another program's or a newer version's. Then nothing is changed.
    #[cfg(feature = "postgres")]
    pub async fn migrate(url: &str) -> Result<Migrated> {
        PostgresStore::migrate(url).await
    }

    /// Sets how long mails are tried and kept.
    #[must_use]
    pub fn options(self, options: OutboxOptions) -> Self {
        Self { options, ..self }
    }

    /// Accepts a mail. Once this returns, the mail survives a crash and a power cut.
    ///
    /// The input is not checked: call [`validate`](smtp_connector_host::Connector::validate) first, to tell a user of mistakes at once. If this returns
    /// an error that [may pass](Error::is_transient), the mail may have been stored all the same. So repeat a request
    /// with the same [key](Enqueue::key).
    ///
    /// # Errors
    ///
    /// Returns an error if the request cannot be queued, if its key was used for another mail, or if the store cannot
    /// keep it.
    pub async fn enqueue(&self, request: impl Into<Enqueue>) -> Result<Ticket> {
        let run = request.into().into_run(Timestamp::now(), self.options.expires_after)?;
        self.store.enqueue(run).await
    }

    /// Returns a run, or `None` if there is none with this id.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be read.
    pub async fn status(&self, id: &RunId) -> Result<Option<Run>> {
        self.store.run(id.clone()).await
    }

    /// Returns the runs that match, the newest first.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be read.
    pub async fn list(&self, filter: Filter) -> Result<Vec<Run>> {
        self.store.list(filter).await
    }

    /// Returns the number of runs in each state.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be read.
    pub async fn counts(&self) -> Result<Counts> {
        self.store.counts().await
    }

    /// Returns the input of a run and its keywords, as JSON. `None` if there is no such run, or if its input was pruned.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be read.
    pub async fn input(&self, id: &RunId) -> Result<Option<(String, Option<String>)>> {
        match self.store.input(id.clone()).await? {
            Some(stored) => {
                let texts = stored.without_captured().read().await?;
                Ok(Some((texts.input, texts.keywords)))
            }
            None => Ok(None),
        }
    }

    /// Cancels a run that waits, has failed, or is unknown: it is never tried again.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such run, if it is under way or was sent, or if the store cannot be written. The
    /// same holds for the other changes.
    pub async fn cancel(&self, id: &RunId) -> Result<()> {
        self.change(id, Change::Cancel).await
    }

    /// Tries a run now that failed, is unknown, or waits for a later attempt. A mail that is unknown may arrive twice;
    /// both copies have the same Message-ID.
    ///
    /// # Errors
    ///
    /// As for [`cancel`](Self::cancel), and if the run's input was pruned.
    pub async fn retry(&self, id: &RunId) -> Result<()> {
        let expires_at = Timestamp::now().after(self.options.expires_after);
        self.change(id, Change::Retry { expires_at }).await
    }

    /// Holds a run that waits until it is released. It does not expire meanwhile.
    ///
    /// # Errors
    ///
    /// As for [`cancel`](Self::cancel).
    pub async fn hold(&self, id: &RunId) -> Result<()> {
        self.change(id, Change::Hold).await
    }

    /// Releases a run that is held.
    ///
    /// # Errors
    ///
    /// As for [`cancel`](Self::cancel).
    pub async fn release(&self, id: &RunId) -> Result<()> {
        let expires_at = Timestamp::now().after(self.options.expires_after);
        self.change(id, Change::Release { expires_at }).await
    }

    async fn change(&self, id: &RunId, change: Change) -> Result<()> {
        match self.store.change(id.clone(), change).await? {
            None => Err(Error::no_such_run(id)),
            Some(before) if change.from().contains(&before) => Ok(()),
            Some(before) => {
                let states: Vec<_> = change.from().iter().map(|state| state.as_str()).collect();
                let message = format!("run {id} is {before}, so it cannot be {}", change.done());
                Err(Error::new(ErrorKind::WrongState, message)
                    .hint_of(format!("this is possible for runs that are {}", states.join(", "))))
            }
        }
    }

    /// Checks that the store answers, and that it can be written. For a health check.
    ///
    /// # Errors
    ///
    /// Returns an error if the store is away, if another process holds it for 10 seconds, or if its file was moved.
    pub async fn check(&self) -> Result<()> {
        self.store.check().await
    }

    /// Returns the accounts whose runs wait, because of something that would stop each of them.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be read.
    pub async fn paused_accounts(&self) -> Result<Vec<PausedAccount>> {
        self.store.paused_accounts().await
    }

    /// Ends the pause of an account at once, for example after its password was changed. Returns whether it was paused.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be written.
    pub async fn resume(&self, account: &str) -> Result<bool> {
        self.store.resume(account.to_owned()).await
    }

    /// Returns the webhooks that workers serve, or served in the last 30 days.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be read.
    pub async fn webhooks(&self) -> Result<Vec<WebhookState>> {
        let stored = self.store.webhooks().await?;
        if stored.is_empty() {
            return Ok(Vec::new());
        }
        let latest = self.store.latest_event().await?;
        let state = |one: StoredWebhook| WebhookState {
            webhook: one.place,
            events_behind: u64::try_from(latest.saturating_sub(one.after)).unwrap_or(0),
            failures: one.failures,
            next_try: one.next_try,
            reason: one.why,
            is_given_up: one.is_gone,
        };
        Ok(stored.into_iter().map(state).collect())
    }

    /// Returns the events from now on, or those after an event that was handled: give its number to miss none.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be read.
    pub async fn events(&self, after: Option<i64>) -> Result<Events> {
        let after = match after {
            Some(after) => after,
            None => self.store.latest_event().await?,
        };
        let (sender, receiver) = mpsc::channel(EVENTS);
        tokio::spawn(follow(Arc::clone(&self.store), after, sender));
        Ok(Events { receiver })
    }

    /// Deletes inputs and runs that ended longer ago than the [options](OutboxOptions) say. Workers do this too. Returns
    /// the numbers of inputs and runs.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be written.
    pub async fn prune(&self) -> Result<(usize, usize)> {
        let now = Timestamp::now();
        let retention = Retention {
            inputs_before: now.before(self.options.keep_inputs),
            runs_before: now.before(self.options.keep_runs),
            webhooks_before: now.before(KEEP_WEBHOOKS),
        };
        let mut total = (0, 0);
        loop {
            let pruned = self.store.prune(retention).await?;
            if pruned.inputs == 0 && pruned.runs == 0 {
                return Ok(total);
            }
            total = (total.0 + pruned.inputs, total.1 + pruned.runs);
        }
    }
}

/// How long a webhook is remembered that no worker serves. A worker renews it every hour, so this does not depend on the
/// options.
const KEEP_WEBHOOKS: Duration = Duration::from_secs(30 * DAY);

/// Sends events to a stream until it is dropped, or the store cannot be read.
async fn follow(store: Arc<dyn Store>, mut after: i64, to: mpsc::Sender<Result<crate::Event>>) {
    while !to.is_closed() {
        let events = match store.events(after, EVENTS).await {
            Ok(events) => events,
            Err(error) => {
                let _ = to.send(Err(error)).await;
                return;
            }
        };
        if events.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
        for event in events {
            after = event.id;
            if to.send(Ok(event)).await.is_err() {
                return;
            }
        }
    }
}

/// How often a stream asks for events. They come from other processes too.
const PAUSE: Duration = Duration::from_millis(200);

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("options", &self.options).finish_non_exhaustive()
    }
}
