//! Fair CPU scheduling between accounts.
//!
//! A component that computes without end yields at each tick of the engine's clock. That alone is not fair: with sixty
//! such components, other runs wait sixty ticks for a turn. So CPU time is charged to a budget, which is paid off at
//! the rate of all processors of the machine but one. While this budget is overdrawn, long runs wait. Every run of an
//! account that has overdrawn its own budget waits too. Short runs, such as ordinary mails, find a free processor.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The CPU time that a run is not charged for. A small mail takes a tenth of it, so an account that sends as fast as
/// its server accepts mail never waits.
const FREE: Duration = Duration::from_millis(1);
/// The most charged time of a short run, which does not wait.
const SHORT: Duration = Duration::from_millis(2);
/// The CPU time that is free for each byte sent. It is more than the cost to encode, check and send the byte, so large
/// messages are not charged.
const BYTE: Duration = Duration::from_nanos(8);
/// The most that a budget may be overdrawn before runs wait.
const OVERDRAFT: Duration = Duration::from_millis(100);
/// The charge for a run that must wait before it begins. It is the time that the run can compute before its first
/// check.
const FIRST: Duration = Duration::from_millis(2);

/// A budget of CPU time. Charged time is paid off at a fixed rate.
#[derive(Debug)]
pub(in crate::sandbox) struct CpuBudget {
    /// The number of processors that pay the budget off.
    rate: f64,
    /// The time at which the budget is paid off.
    settled: Mutex<Instant>,
}

/// The budgets of one component, by account of the platform.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct CpuBudgets {
    accounts: Mutex<HashMap<String, Arc<CpuBudget>>>,
}

/// The scheduler of all runs of a host.
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

    /// Returns the time at which the budget is no longer overdrawn, or `None` if it is not overdrawn.
    fn overdrawn(&self, now: Instant) -> Option<Instant> {
        let settled = *self.lock();
        (settled > now + OVERDRAFT).then(|| settled - OVERDRAFT)
    }

    fn lock(&self) -> MutexGuard<'_, Instant> {
        // Only an assignment happens under the lock, so a panic cannot leave the value incomplete.
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CpuBudgets {
    /// The processors that pay off the budget of one account.
    const RATE: f64 = 0.25;

    /// Returns the budget of an account, or of runs without an account.
    pub(in crate::sandbox) fn of(&self, account: Option<&str>) -> Arc<CpuBudget> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let name = account.unwrap_or_default();
        if let Some(budget) = accounts.get(name) {
            return Arc::clone(budget);
        }
        // There may be thousands of accounts, so budgets that are paid off are removed. Checking only when the number
        // has doubled keeps this cheap.
        if accounts.len() >= 1024 && accounts.len().is_power_of_two() {
            let now = Instant::now();
            accounts.retain(|_, budget| *budget.lock() > now || Arc::strong_count(budget) > 1);
        }
        let budget = Arc::new(CpuBudget::new(Self::RATE));
        accounts.insert(name.to_owned(), Arc::clone(&budget));
        budget
    }
}

/// Returns the CPU time to charge a run for: its CPU time, minus the free time of every run and of each byte sent.
pub(in crate::sandbox) fn cost(computed: Duration, bytes_sent: u64) -> Duration {
    let bytes = u32::try_from(bytes_sent).unwrap_or(u32::MAX);
    computed.saturating_sub(FREE + BYTE * bytes)
}

impl CpuScheduler {
    pub(in crate::sandbox) fn of_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, usize::from))
    }

    fn new(processors: usize) -> Self {
        // With a single processor, half of it pays the budget off.
        Self { all: CpuBudget::new((processors as f64 - 1.0).max(0.5)) }
    }

    /// Returns the time at which a run may begin, or `None` if it may begin now.
    pub(in crate::sandbox) fn admit(&self, own: &CpuBudget, now: Instant) -> Option<Instant> {
        own.overdrawn(now)?;
        let turn = self.all.overdrawn(now)?;
        self.all.charge(now, FIRST);
        Some(turn)
    }

    /// Charges a run for its latest CPU time. Returns the time at which it may continue, or `None` if that is now.
    ///
    /// `total` is the charged time since the run began.
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
    fn many_runs_take_turns_and_leave_a_core_free() {
        let (scheduler, own) = (CpuScheduler::new(3), CpuBudget::new(CpuBudgets::RATE));
        let start = Instant::now();
        let mut turns: Vec<Instant> =
            (0..64).filter_map(|_| scheduler.charge(&own, start, SLICE, SLICE)).collect();
        assert!(turns.is_sorted());
        // 640 ms of CPU time at two processors, minus the overdraft.
        assert_eq!(turns.pop(), Some(start + Duration::from_millis(320 - 100)));
        // The next runs of that account wait behind them, one after another.
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
