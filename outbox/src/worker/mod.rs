//! The worker: takes runs from the outbox and delivers them.

mod accounts;
mod attempt;
mod deliveries;
mod options;
mod outcome;
mod report;
mod upkeep;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use smtp_connector_host::Connector;

use crate::error::Result;
use crate::outbox::Outbox;
use crate::webhook::Webhook;
use accounts::Paces;
use deliveries::Deliveries;
pub use options::WorkerOptions;
use webhooks::Posting;

/// Delivers the mails of an outbox. Any number of workers, in any number of processes, can run at the same time.
#[derive(Clone, Debug)]
pub struct Worker {
    outbox: Outbox,
    connector: Connector,
    options: WorkerOptions,
    webhooks: Vec<Webhook>,
    /// The number of calls of `run` that take runs.
    taking: Arc<AtomicUsize>,
}

/// A worker's numbers when it has stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Attempts that ended.
    pub attempts: u64,
    /// Runs that the worker had taken but not begun, and gave back.
    pub given_back: u64,
}

/// The pause after an error of the store. A full disk or a database that is away takes at least seconds.
const AFTER_ERROR: Duration = Duration::from_secs(1);

impl Outbox {
    /// Returns a worker that delivers the mails with this connector. Its host must know the accounts, and the uploads
    /// that inputs name.
    pub fn worker(&self, connector: Connector) -> Worker {
        Worker {
            outbox: self.clone(),
            connector,
            options: WorkerOptions::default(),
            webhooks: Vec::new(),
            taking: Arc::default(),
        }
    }
}

impl Worker {
    /// Sets the options.
    #[must_use]
    pub fn options(self, options: WorkerOptions) -> Self {
        Self { options, ..self }
    }

    /// Posts the events of the outbox to a webhook while this worker runs, beginning with the first event after a worker
    /// first had it. Give it to all workers: one of them serves it, and another takes over if that one dies.
    ///
    /// ```no_run
    /// # async fn example(outbox: smtp_connector_outbox::Outbox, connector: smtp_connector_host::Connector)
    /// # -> smtp_connector_outbox::Result<()> {
    /// use smtp_connector_outbox::Webhook;
    /// use smtp_connector_smtp::Secret;
    ///
    /// let secret = Secret::new(std::env::var("WEBHOOK_SECRET").unwrap_or_default());
    /// let webhook = Webhook::new("https://app.example.com/mail-events", &secret)?;
    /// outbox.worker(connector).webhook(webhook).run(std::future::pending()).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn webhook(mut self, webhook: Webhook) -> Self {
        // Two tasks of one owner would both post.
        self.webhooks.retain(|one| one.key() != webhook.key());
        self.webhooks.push(webhook);
        self
    }

    /// Reports whether this worker, or a clone of it, has registered with the store and takes runs. A worker that is
    /// stopped takes no more.
    pub fn is_taking_runs(&self) -> bool {
        self.taking.load(Ordering::Relaxed) > 0
    }

    /// Delivers mails until `stop` completes. Then the worker takes no more runs, gives back those that it has not
    /// begun, and waits for those under way, up to the option [`drain`](WorkerOptions::drain). Webhooks get up to 15
    /// seconds more for the events that are left.
    ///
    /// If the store is away for a time, the worker waits for it. Dropping the future is safe too, but leaves runs whose
    /// end was being sent in the state `unknown`.
    ///
    /// # Errors
    ///
    /// Returns an error if the worker cannot register with the store, or if a delivery panicked.
    pub async fn run(&self, stop: impl Future<Output = ()>) -> Result<Drained> {
        let store = Arc::clone(&self.outbox.store);
        let owner = Arc::new(store.register().await?);
        // Before the first event of this worker.
        let posting = Posting::start(&self.outbox, &owner, &self.webhooks).await?;
        let services = self.connector.host().services();
        let _upkeep = upkeep::start(&self.outbox, services, Arc::clone(&owner));
        let mut paces = Paces::new(services.clone());
        let mut deliveries = Deliveries::new(self, Arc::clone(&owner));
        let taking = Taking::begin(&self.taking);
        let mut stop = std::pin::pin!(stop);
        while !deliveries.has_panicked() {
            let pause = match self.take(&mut deliveries, &mut paces).await {
                Ok(taken) => (taken == 0).then_some(None),
                Err(error) => {
                    tracing::warn!(%error, "the outbox cannot be used; trying again");
                    Some(Some(AFTER_ERROR))
                }
            };
            deliveries.begin();
            let Some(pause) = pause else {
                if deliveries.are_full() {
                    tokio::select! {
                        () = &mut stop => break,
                        () = deliveries.ended() => {}
                    }
                }
                continue;
            };
            tokio::select! {
                () = &mut stop => break,
                () = deliveries.ended() => {}
                () = async {
                    match pause {
                        None => store.changed().await,
                        Some(pause) => tokio::time::sleep(pause).await,
                    }
                } => {}
            }
        }
        drop(taking);
        // The webhooks get the events of the last mails too.
        let drained = deliveries.drain(self.options.drain).await;
        posting.finish().await;
        drained
    }

    /// Takes runs, if there is room for them. Returns their number.
    async fn take(&self, deliveries: &mut Deliveries, paces: &mut Paces) -> Result<usize> {
        if !deliveries.may_take() {
            return Ok(0);
        }
        let store = &self.outbox.store;
        let due = store.due_accounts(deliveries.cursor().to_owned(), ACCOUNTS).await?;
        deliveries.move_cursor(match due.len() < ACCOUNTS {
            // The next question begins at the first account again.
            true => None,
            false => due.last().cloned(),
        });
        let mut shares = Vec::new();
        for account in due {
            let most = deliveries.room_for(&account);
            if most > 0 {
                shares.push(paces.share(account, most).await);
            }
        }
        if shares.is_empty() {
            return Ok(0);
        }
        deliveries.divide(&mut shares);
        let claimed = store.claim(deliveries.owner(), shares).await?;
        let number = claimed.len();
        deliveries.add(claimed);
        Ok(number)
    }
}

/// Counts a call of `run` while it takes runs.
struct Taking(Arc<AtomicUsize>);

impl Taking {
    fn begin(number: &Arc<AtomicUsize>) -> Self {
        number.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(number))
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The most accounts that one claim takes runs of.
const ACCOUNTS: usize = 64;
