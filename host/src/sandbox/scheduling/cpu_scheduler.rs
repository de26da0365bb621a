//! Who may compute when many want to.
//!
//! A component that never stops computing gives way at each tick of the engine's clock, which alone does
//! not help its neighbours: sixty of them are sixty ticks before anybody else has a turn. So what is
//! computed is charged to an account that is paid off by all of the machine's processors but one. While it
//! is overdrawn, whoever computes for long waits, and so does an account that has let a component do so all
//! along, with each of its runs: short runs, which is what mails are, find a processor free.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a run may compute without being charged: a small mail takes a tenth of it, so that an account that sends
/// as fast as its server takes is never held up.
const FREE: Duration = Duration::from_millis(1);
/// What a run may be charged without ever waiting.
const SHORT: Duration = Duration::from_millis(2);
/// What each byte of a message that goes out is worth: more than it costs to encode, check and send it, so that
/// large messages are no attack.
const BYTE: Duration = Duration::from_nanos(8);
/// How far an account may be overdrawn before anybody waits.
const OVERDRAFT: Duration = Duration::from_millis(100);
/// What a run is charged before it begins, where it has to wait for that: what it can compute before it is
/// looked at for the first time.
const FIRST: Duration = Duration::from_millis(2);

/// Time that was computed and is being paid off.
#[derive(Debug)]
pub(in crate::sandbox) struct CpuBudget {
    /// Processors that pay.
    rate: f64,
    /// When it will be paid off.
    settled: Mutex<Instant>,
}

/// What one component computed for each account of a platform.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct CpuBudgets {
    accounts: Mutex<HashMap<String, Arc<CpuBudget>>>,
}

/// The account of all runs of one engine.
#[derive(Debug)]
pub(in crate::sandbox) struct CpuScheduler {
    all: CpuBudget,
}

impl CpuBudget {
    fn new(rate: f64) -> Self {
        Self { rate, settled: Mutex::new(Instant::now()) }
    }

    fn charge(&self, now: Instant, computed: Duration) {
        let mut settled = self.lock();
        *settled = (*settled).max(now) + computed.div_f64(self.rate);
    }

    /// When it will be no more overdrawn, if it is.
    fn overdrawn(&self, now: Instant) -> Option<Instant> {
        let settled = *self.lock();
        (settled > now + OVERDRAFT).then(|| settled - OVERDRAFT)
    }

    fn lock(&self) -> MutexGuard<'_, Instant> {
        // One assignment is all that happens under the lock.
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CpuBudgets {
    /// The share of one of a platform's accounts, in good times.
    const RATE: f64 = 0.25;

    /// The budget of an account, or of runs without one.
    pub(in crate::sandbox) fn of(&self, account: Option<&str>) -> Arc<CpuBudget> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let name = account.unwrap_or_default();
        if let Some(budget) = accounts.get(name) {
            return Arc::clone(budget);
        }
        // Accounts come and go by the thousand; those that owe nothing need not be remembered. Looking only
        // when the number has doubled keeps that cheap.
        if accounts.len() >= 1024 && accounts.len().is_power_of_two() {
            let now = Instant::now();
            accounts.retain(|_, budget| *budget.lock() > now || Arc::strong_count(budget) > 1);
        }
        let budget = Arc::new(CpuBudget::new(Self::RATE));
        accounts.insert(name.to_owned(), Arc::clone(&budget));
        budget
    }
}

/// What a run has to account for: what it computed, less what it sent, and what every run may.
pub(in crate::sandbox) fn cost(computed: Duration, bytes_sent: u64) -> Duration {
    let bytes = u32::try_from(bytes_sent).unwrap_or(u32::MAX);
    computed.saturating_sub(FREE + BYTE * bytes)
}

impl CpuScheduler {
    pub(in crate::sandbox) fn of_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, usize::from))
    }

    fn new(processors: usize) -> Self {
        // Where there is but one, it is shared by halves.
        Self { all: CpuBudget::new((processors as f64 - 1.0).max(0.5)) }
    }

    /// When a run may begin, if that is not at once.
    pub(in crate::sandbox) fn admit(&self, own: &CpuBudget, now: Instant) -> Option<Instant> {
        own.overdrawn(now)?;
        let turn = self.all.overdrawn(now)?;
        self.all.charge(now, FIRST);
        Some(turn)
    }

    /// Charges what a run has just computed; returns when it may go on, if that is not at once.
    ///
    /// `total` is what it computed since it began.
    pub(in crate::sandbox) fn charge(
        &self,
        own: &CpuBudget,
        now: Instant,
        just: Duration,
        total: Duration,
    ) -> Option<Instant> {
        own.charge(now, just);
        self.all.charge(now, just);
        let turn = self.all.overdrawn(now)?;
        (total > SHORT || own.overdrawn(now).is_some()).then_some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: Duration = Duration::from_millis(10);

    #[test]
    fn one_run_alone_never_waits() {
        let (scheduler, own) = (CpuScheduler::new(2), CpuBudget::new(CpuBudgets::RATE));
        let start = Instant::now();
        for slice in 1..1000 {
            let now = start + SLICE * slice;
            assert_eq!(scheduler.charge(&own, now, SLICE, SLICE * slice), None, "{slice}");
            assert_eq!(scheduler.admit(&own, now), None);
        }
    }

    #[test]
    fn many_runs_take_turns_and_leave_a_processor_free() {
        let (scheduler, own) = (CpuScheduler::new(3), CpuBudget::new(CpuBudgets::RATE));
        let start = Instant::now();
        let mut turns: Vec<Instant> =
            (0..64).filter_map(|_| scheduler.charge(&own, start, SLICE, SLICE)).collect();
        assert!(turns.is_sorted());
        // 640 ms of computing at two processors, less the overdraft.
        assert_eq!(turns.pop(), Some(start + Duration::from_millis(320 - 100)));
        // And the next run of that account waits behind them, one after another.
        let next: Vec<Option<Instant>> = (0..3).map(|_| scheduler.admit(&own, start)).collect();
        assert!(next.iter().all(Option::is_some) && next[0] < next[1] && next[1] < next[2]);
    }

    #[test]
    fn short_runs_of_another_account_never_wait() {
        let (scheduler, greedy) = (CpuScheduler::new(2), CpuBudget::new(CpuBudgets::RATE));
        let now = Instant::now();
        for _ in 0..100 {
            scheduler.charge(&greedy, now, SLICE, SLICE);
        }
        let (modest, short) = (CpuBudget::new(CpuBudgets::RATE), Duration::from_millis(1));
        assert_eq!(scheduler.admit(&modest, now), None);
        assert_eq!(scheduler.charge(&modest, now, short, short), None);
        assert!(scheduler.charge(&greedy, now, short, short).is_some());
    }

    #[test]
    fn mails_cost_nothing_small_or_large() {
        assert_eq!(cost(Duration::from_micros(900), 0), Duration::ZERO);
        // 137 MB of base64 in half a second.
        assert_eq!(cost(Duration::from_millis(500), 137_000_000), Duration::ZERO);
        assert_eq!(cost(Duration::from_millis(500), 0), Duration::from_millis(499));
        assert_eq!(cost(Duration::from_millis(500), u64::MAX), Duration::ZERO);
    }

    #[test]
    fn ledgers_that_owe_nothing_are_forgotten() {
        let budgets = CpuBudgets::default();
        let greedy = budgets.of(Some("greedy"));
        greedy.charge(Instant::now(), Duration::from_secs(60));
        drop(greedy);
        for account in 0..5000 {
            budgets.of(Some(&account.to_string()));
        }
        let now = Instant::now();
        assert!(budgets.of(Some("greedy")).overdrawn(now).is_some());
        assert!(budgets.accounts.lock().expect("no panic").len() <= 1025);
    }
}
