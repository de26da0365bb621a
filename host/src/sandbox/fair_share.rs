//! Who may compute when many want to.
//!
//! A component that never stops computing gives way at each tick of the engine's clock, which alone does
//! not help its neighbours: sixty of them are sixty ticks before anybody else has a turn. So what such
//! runs compute is charged to an account that is paid off by all of the machine's processors but one. While
//! it is overdrawn they wait, and short runs, which is what mails are, find a processor free.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What a run may compute without ever waiting: a small mail takes a tenth of it.
const SHORT: Duration = Duration::from_millis(5);
/// How far the account may be overdrawn before anybody waits: two mails of 100 MiB at a time, which compute
/// for a while and are no attack.
const OVERDRAFT: Duration = Duration::from_millis(100);

/// The account of all runs of one engine.
#[derive(Debug)]
pub(super) struct FairShare {
    /// Processors that pay it off.
    rate: f64,
    /// When it will be paid off.
    settled: Mutex<Instant>,
}

impl FairShare {
    pub(super) fn of_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, usize::from))
    }

    fn new(processors: usize) -> Self {
        // Where there is but one, it is shared by halves.
        let rate = (processors as f64 - 1.0).max(0.5);
        Self { rate, settled: Mutex::new(Instant::now()) }
    }

    /// Charges what a run has just computed; returns when it may go on, if that is not at once.
    ///
    /// `total` is what it computed since it began.
    pub(super) fn charge(&self, now: Instant, just: Duration, total: Duration) -> Option<Instant> {
        let mut settled = self.settled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *settled = (*settled).max(now) + just.div_f64(self.rate);
        let must_wait = total > SHORT && *settled > now + OVERDRAFT;
        must_wait.then(|| *settled - OVERDRAFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: Duration = Duration::from_millis(10);

    #[test]
    fn one_run_alone_never_waits() {
        let share = FairShare::new(2);
        let start = Instant::now();
        for slice in 1..1000 {
            let now = start + SLICE * slice;
            assert_eq!(share.charge(now, SLICE, SLICE * slice), None, "{slice}");
        }
    }

    #[test]
    fn many_runs_take_turns_and_leave_a_processor_free() {
        let share = FairShare::new(3);
        let start = Instant::now();
        let mut turns: Vec<Instant> =
            (0..64).filter_map(|_| share.charge(start, SLICE, SLICE)).collect();
        assert!(turns.is_sorted());
        // 640 ms of computing at two processors, less the overdraft.
        let last = turns.pop().expect("most of them wait");
        assert_eq!(last, start + Duration::from_millis(320 - 100));
    }

    #[test]
    fn a_short_run_never_waits() {
        let share = FairShare::new(2);
        let now = Instant::now();
        for _ in 0..100 {
            share.charge(now, SLICE, SLICE);
        }
        let short = Duration::from_millis(1);
        assert_eq!(share.charge(now, short, short), None);
    }
}
