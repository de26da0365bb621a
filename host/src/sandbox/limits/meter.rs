//! Measures the CPU time of a run: the time inside its polls, without the time that it waits.
//!
//! Ticks of the engine's clock cannot measure this. A component that resumes after a wait of any length has missed a
//! tick, and a message on a slow connection has hundreds of such waits.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The CPU time of one run, including the host's work for it.
#[derive(Debug)]
pub(crate) struct Meter {
    origin: Instant,
    /// The nanoseconds of finished polls.
    past: AtomicU64,
    /// The start of the current poll, in nanoseconds since `origin`. [`IDLE`] between polls.
    since: AtomicU64,
}

const IDLE: u64 = u64::MAX;

impl Meter {
    pub(in crate::sandbox) fn new() -> Self {
        let (past, since) = (AtomicU64::new(0), AtomicU64::new(IDLE));
        Self { origin: Instant::now(), past, since }
    }

    /// Returns the time so far, including the current poll.
    pub(in crate::sandbox) fn computed(&self) -> Duration {
        let since = self.since.load(Ordering::Relaxed);
        let current = if since == IDLE { 0 } else { self.now().saturating_sub(since) };
        Duration::from_nanos(self.past.load(Ordering::Relaxed) + current)
    }

    /// Wraps a future whose polls are measured.
    pub(in crate::sandbox) fn measure<F: Future>(self: Arc<Self>, work: F) -> Measured<F> {
        Measured { work: Box::pin(work), meter: self }
    }

    fn now(&self) -> u64 {
        // This overflows only after centuries, and runs are stopped long before.
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(IDLE - 1)
    }
}

/// A future whose polls are measured.
pub(in crate::sandbox) struct Measured<F> {
    work: Pin<Box<F>>,
    meter: Arc<Meter>,
}

impl<F: Future> Future for Measured<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let began = self.meter.now();
        self.meter.since.store(began, Ordering::Relaxed);
        let outcome = self.work.as_mut().poll(context);
        let took = self.meter.now().saturating_sub(began);
        self.meter.past.fetch_add(took, Ordering::Relaxed);
        self.meter.since.store(IDLE, Ordering::Relaxed);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_counts_and_waiting_does_not() {
        let meter = Arc::new(Meter::new());
        let inside = Arc::clone(&meter);
        let work = async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let started = Instant::now();
            while started.elapsed() < Duration::from_millis(20) {
                std::hint::spin_loop();
            }
            inside.computed()
        };
        let seen_inside = Arc::clone(&meter).measure(work).await;
        assert!(seen_inside >= Duration::from_millis(20), "{seen_inside:?}");
        assert!(meter.computed() >= seen_inside);
        assert!(meter.computed() < Duration::from_millis(500), "{:?}", meter.computed());
    }
}
