//! Who may compute when many want to.
//!
//! A component that never stops computing gives way at each tick of the engine's clock, which alone does
//! not help its neighbours: sixty of them are sixty ticks before anybody else has a turn. So what is
//! computed is charged to an account that is paid off by all of the machine's processors but one. While it
//! is overdrawn, whoever computes for long waits, and so does a component that has done so all along, with
//! each of its runs: short runs, which is what mails are, find a processor free.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a run may compute without ever waiting: a small mail takes a tenth of it.
const SHORT: Duration = Duration::from_millis(5);
/// How far an account may be overdrawn before anybody waits: two mails of 100 MiB at a time, which compute
/// for a while and are no attack.
const OVERDRAFT: Duration = Duration::from_millis(100);
/// What a run is charged before it begins, where it has to wait for that: what it can compute before it is
/// looked at for the first time.
const FIRST: Duration = Duration::from_millis(10);

/// Time that was computed and is being paid off.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Processors that pay.
    rate: f64,
    /// When it will be paid off.
    settled: Mutex<Instant>,
}

/// The account of all runs of one engine.
#[derive(Debug)]
pub(super) struct FairShare {
    all: Ledger,
}

impl Ledger {
    fn new(rate: f64) -> Self {
        Self { rate, settled: Mutex::new(Instant::now()) }
    }

    /// The account of one component, which is its share in good times.
    pub(super) fn of_a_component() -> Self {
        Self::new(0.25)
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

impl FairShare {
    pub(super) fn of_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, usize::from))
    }

    fn new(processors: usize) -> Self {
        // Where there is but one, it is shared by halves.
        Self { all: Ledger::new((processors as f64 - 1.0).max(0.5)) }
    }

    /// When a run of a component may begin, if that is not at once.
    pub(super) fn admit(&self, component: &Ledger, now: Instant) -> Option<Instant> {
        component.overdrawn(now)?;
        let turn = self.all.overdrawn(now)?;
        self.all.charge(now, FIRST);
        Some(turn)
    }

    /// Charges what a run has just computed; returns when it may go on, if that is not at once.
    ///
    /// `total` is what it computed since it began.
    pub(super) fn charge(
        &self,
        component: &Ledger,
        now: Instant,
        just: Duration,
        total: Duration,
    ) -> Option<Instant> {
        component.charge(now, just);
        self.all.charge(now, just);
        let turn = self.all.overdrawn(now)?;
        (total > SHORT || component.overdrawn(now).is_some()).then_some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: Duration = Duration::from_millis(10);

    #[test]
    fn one_run_alone_never_waits() {
        let (share, component) = (FairShare::new(2), Ledger::of_a_component());
        let start = Instant::now();
        for slice in 1..1000 {
            let now = start + SLICE * slice;
            assert_eq!(share.charge(&component, now, SLICE, SLICE * slice), None, "{slice}");
            assert_eq!(share.admit(&component, now), None);
        }
    }

    #[test]
    fn many_runs_take_turns_and_leave_a_processor_free() {
        let (share, component) = (FairShare::new(3), Ledger::of_a_component());
        let start = Instant::now();
        let mut turns: Vec<Instant> =
            (0..64).filter_map(|_| share.charge(&component, start, SLICE, SLICE)).collect();
        assert!(turns.is_sorted());
        // 640 ms of computing at two processors, less the overdraft.
        assert_eq!(turns.pop(), Some(start + Duration::from_millis(320 - 100)));
        // And the next run of that component waits behind them, one after another.
        let next: Vec<Option<Instant>> = (0..3).map(|_| share.admit(&component, start)).collect();
        assert!(next.iter().all(Option::is_some) && next[0] < next[1] && next[1] < next[2]);
    }

    #[test]
    fn short_runs_of_another_component_never_wait() {
        let (share, greedy) = (FairShare::new(2), Ledger::of_a_component());
        let now = Instant::now();
        for _ in 0..100 {
            share.charge(&greedy, now, SLICE, SLICE);
        }
        let (modest, short) = (Ledger::of_a_component(), Duration::from_millis(1));
        assert_eq!(share.admit(&modest, now), None);
        assert_eq!(share.charge(&modest, now, short, short), None);
        assert!(share.charge(&greedy, now, short, short).is_some());
    }
}
