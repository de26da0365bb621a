//! How long a run computes: the time inside its polls, and none of the time that it waits.
//!
//! Ticks of the engine's clock cannot tell: a component that is resumed after a wait of any length has
//! missed one, and a message on a slow line is hundreds of such waits.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The time that one run has computed, what its host did for it meanwhile included.
#[derive(Debug)]
pub(crate) struct Meter {
    origin: Instant,
    /// Nanoseconds of the polls that are over.
    past: AtomicU64,
    /// When the current poll began, in nanoseconds since `origin`; [`IDLE`] between polls.
    since: AtomicU64,
}

const IDLE: u64 = u64::MAX;

impl Meter {
    pub(in crate::sandbox) fn new() -> Self {
        let (past, since) = (AtomicU64::new(0), AtomicU64::new(IDLE));
        Self { origin: Instant::now(), past, since }
    }

    /// The time so far, the current poll included.
    pub(in crate::sandbox) fn computed(&self) -> Duration {
        let since = self.since.load(Ordering::Relaxed);
        let current = if since == IDLE { 0 } else { self.now().saturating_sub(since) };
        Duration::from_nanos(self.past.load(Ordering::Relaxed) + current)
    }

    /// Polls of this future are what counts.
    pub(in crate::sandbox) fn measure<F: Future>(self: Arc<Self>, work: F) -> Measured<F> {
        Measured { work: Box::pin(work), meter: self }
    }

    fn now(&self) -> u64 {
        // A run that takes centuries is stopped long before.
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
