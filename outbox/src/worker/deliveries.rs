//! The runs that a worker has taken: those that wait for a slot, those under way, and results that are being written.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use smtp_connector_host::Connector;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Drained, Worker, WorkerOptions, attempt, outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::gauges;
use crate::store::{ClaimId, Claimed, Owner, Settlement, Share, Store};
use crate::timestamp::Timestamp;

/// The runs that a worker has taken.
pub(super) struct Deliveries {
    store: Arc<dyn Store>,
    owner: Arc<Owner>,
    connector: Connector,
    options: WorkerOptions,
    waiting: VecDeque<Claimed>,
    under_way: JoinSet<(String, Settlement)>,
    /// Results are written beside the next deliveries: a slot does not wait for the disk.
    results: JoinSet<ClaimId>,
    /// Results whose write failed and is repeated. Meanwhile no run is taken.
    unwritten: Arc<AtomicUsize>,
    /// The runs that are under way, or whose results are being written.
    begun: HashSet<ClaimId>,
    /// The runs of each account that wait or are under way.
    of_account: HashMap<String, usize>,
    /// The account after which the next claim begins.
    cursor: String,
    stop: watch::Sender<bool>,
    /// Whether a delivery panicked. Its run is still this worker's, so the worker must end for others to recover it.
    has_panicked: bool,
    drained: Drained,
}

/// The pause before a result is written again.
const AFTER_ERROR: Duration = Duration::from_secs(1);

impl Deliveries {
    pub(super) fn new(worker: &Worker, owner: Arc<Owner>) -> Self {
        Self {
            store: Arc::clone(&worker.outbox.store),
            owner,
            connector: worker.connector.clone(),
            options: worker.options.clone(),
            waiting: VecDeque::new(),
            under_way: JoinSet::new(),
            results: JoinSet::new(),
            unwritten: Arc::default(),
            begun: HashSet::new(),
            of_account: HashMap::new(),
            cursor: String::new(),
            stop: watch::Sender::new(false),
            has_panicked: false,
            drained: Drained::default(),
        }
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    pub(super) fn cursor(&self) -> &str {
        &self.cursor
    }

    pub(super) fn move_cursor(&mut self, to: Option<String>) {
        self.cursor = to.unwrap_or_default();
    }

    /// Returns the number of slots: one account uses at most `concurrency`, and the rest is for the others.
    fn slots(&self) -> usize {
        let concurrency = self.options.concurrency.max(1);
        concurrency + concurrency.div_ceil(4)
    }

    /// Returns how many more runs may be taken. As many as there are slots may wait, so that a slot that becomes free
    /// does not wait for a commit.
    fn room(&self) -> usize {
        let taken = self.waiting.len() + self.under_way.len();
        (2 * self.slots()).saturating_sub(taken)
    }

    /// Reports whether it is time to take runs: not for each slot, because each time costs a commit.
    pub(super) fn may_take(&self) -> bool {
        self.unwritten.load(Ordering::Relaxed) == 0
            && self.results.len() < 8 * self.slots()
            // Runs that wait although slots are free belong to accounts that already use their part.
            && (self.waiting.len() <= self.slots() / 2 || self.under_way.len() < self.slots())
    }

    pub(super) fn has_panicked(&self) -> bool {
        self.has_panicked
    }

    pub(super) fn are_full(&self) -> bool {
        !self.may_take()
    }

    /// Returns how many more runs of an account may be taken.
    pub(super) fn room_for(&self, account: &str) -> usize {
        let taken = self.of_account.get(account).copied().unwrap_or(0);
        // As many again may wait.
        let most = 2 * self.options.concurrency.max(1);
        most.saturating_sub(taken).min(self.room())
    }

    /// Divides the room between accounts, so that they get equal parts of it, and those that need less leave it to the
    /// others in the next round.
    pub(super) fn divide(&self, shares: &mut [Share]) {
        let part = (self.room() / shares.len().max(1)).max(1);
        for share in shares {
            share.most = share.most.min(part);
        }
    }

    /// Adds runs that were taken, one of each account in turn.
    pub(super) fn add(&mut self, claimed: Vec<Claimed>) {
        let mut by_account: Vec<(String, VecDeque<Claimed>)> = Vec::new();
        for run in claimed {
            *self.of_account.entry(run.account.clone()).or_default() += 1;
            match by_account.iter_mut().find(|(account, _)| *account == run.account) {
                Some((_, runs)) => runs.push_back(run),
                None => by_account.push((run.account.clone(), VecDeque::from([run]))),
            }
        }
        while !by_account.is_empty() {
            by_account.retain_mut(|(_, runs)| {
                self.waiting.extend(runs.pop_front());
                !runs.is_empty()
            });
        }
    }

    /// Begins the runs that have a slot.
    pub(super) fn begin(&mut self) {
        let mut later = VecDeque::new();
        while self.under_way.len() < self.slots()
            && let Some(run) = self.waiting.pop_front()
        {
            // A worker that was thought dead may take its own run again. Two attempts with one owner could both believe
            // that the mark is theirs.
            let is_alone = !self.begun.contains(&run.claim);
            if is_alone && self.under_way_of(&run.account, &later) < self.options.concurrency.max(1)
            {
                self.begun.insert(run.claim);
                self.spawn(run);
            } else {
                later.push_back(run);
            }
        }
        while let Some(run) = later.pop_back() {
            self.waiting.push_front(run);
        }
    }

    /// Returns the number of an account's runs that are under way.
    fn under_way_of(&self, account: &str, later: &VecDeque<Claimed>) -> usize {
        let taken = self.of_account.get(account).copied().unwrap_or(0);
        let waiting = self.waiting.iter().chain(later).filter(|run| run.account == account).count();
        // The run in question waits too.
        taken.saturating_sub(waiting + 1)
    }

    fn spawn(&mut self, run: Claimed) {
        let (store, owner) = (Arc::clone(&self.store), self.owner.id.clone());
        let (connector, retries) = (self.connector.clone(), self.options.retries.clone());
        let mut stop = self.stop.subscribe();
        self.under_way.spawn(async move {
            let stopped = async {
                // The sender lives as long as this task.
                let _ = stop.wait_for(|stop| *stop).await;
            };
            let attempted = attempt::deliver(&connector, store, owner, &run, stopped).await;
            let settlement = outcome::settlement(&run, attempted, &retries, Timestamp::now());
            (run.account, settlement)
        });
    }

    /// Waits until an attempt ends, and begins to write its result. Waits forever if none is under way.
    pub(super) async fn ended(&mut self) {
        tokio::select! {
            Some(ended) = self.under_way.join_next() => self.end(ended),
            Some(written) = self.results.join_next() => self.forget(&written),
            else => std::future::pending().await,
        }
        while let Some(ended) = self.under_way.try_join_next() {
            self.end(ended);
        }
        while let Some(written) = self.results.try_join_next() {
            self.forget(&written);
        }
    }

    fn forget(&mut self, written: &Result<ClaimId, tokio::task::JoinError>) {
        if let Ok(claim) = written {
            self.begun.remove(claim);
        }
    }

    fn end(&mut self, ended: Result<(String, Settlement), tokio::task::JoinError>) {
        let Ok((account, settlement)) = ended else {
            tracing::error!(
                "a delivery panicked; the worker ends, so that another one recovers its run"
            );
            self.has_panicked = true;
            return;
        };
        self.drained.attempts += 1;
        gauges::count_attempt(settlement.event);
        if let Some(taken) = self.of_account.get_mut(&account) {
            *taken -= 1;
            if *taken == 0 {
                self.of_account.remove(&account);
            }
        }
        let (store, owner) = (Arc::clone(&self.store), Arc::clone(&self.owner));
        let unwritten = Arc::clone(&self.unwritten);
        self.results.spawn(async move {
            let claim = settlement.claim;
            write(&*store, &owner, settlement, &unwritten).await;
            claim
        });
    }

    /// Gives back the runs that wait, and waits for those under way.
    pub(super) async fn drain(mut self, time: Duration) -> Result<Drained> {
        let claims: Vec<_> = self.waiting.drain(..).map(|run| run.claim).collect();
        self.drained.given_back = claims.len() as u64;
        if !claims.is_empty()
            && let Err(error) = self.store.give_back(&self.owner, claims).await
        {
            tracing::warn!(%error, "the runs that were not begun are recovered by the next worker");
        }
        let ended = async {
            while !self.under_way.is_empty() {
                self.ended().await;
            }
        };
        if tokio::time::timeout(time, ended).await.is_err() {
            self.stop.send_replace(true);
            while !self.under_way.is_empty() {
                self.ended().await;
            }
        }
        while self.results.join_next().await.is_some() {}
        match self.has_panicked {
            true => Err(panicked()),
            false => Ok(self.drained),
        }
    }
}

fn panicked() -> Error {
    let message =
        "a delivery panicked, which is a bug; the worker ended after the other mails under way";
    Error::new(ErrorKind::Unavailable, message)
        .hint_of("report the panic, and start the worker again")
}

/// Writes a result, again and again if the disk is full or the store is away. What happened is known only here.
async fn write(store: &dyn Store, owner: &Owner, settlement: Settlement, unwritten: &AtomicUsize) {
    let mut is_counted = false;
    loop {
        match store.settle(owner, settlement.clone()).await {
            Ok(true) => break,
            Ok(false) => {
                tracing::warn!(
                    "a result came too late: the run is another worker's, or a person decided"
                );
                break;
            }
            Err(error) => {
                tracing::error!(%error, "a result could not be written; trying again");
                if !is_counted {
                    is_counted = true;
                    unwritten.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }
    if is_counted {
        unwritten.fetch_sub(1, Ordering::Relaxed);
    }
}
