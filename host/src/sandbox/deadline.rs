//! The ends of a run from outside: its time limit, and a caller that stops it.

use std::task::Poll;
use std::time::Duration;

use super::outcome::Outcome;
use super::trap::of_time;
use crate::error::Result;
use crate::policy::DeliveryState;
use crate::services::{Limits, of_stop};

/// Waits for a run, up to its time limit.
pub(super) async fn in_time<T>(
    limits: &Limits,
    delivery: &DeliveryState,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let allowed = limits.wall_clock;
    let outcome = tokio::time::timeout(allowed, Box::pin(work)).await;
    outcome.unwrap_or_else(|_| Err(of_time(allowed, delivery.seen().waits_for)))
}

/// Waits for a run or for `stop`. When a run is stopped, it is dropped together with its connection.
pub(super) async fn unless_stopped(
    run: impl Future<Output = Result<Outcome>>,
    stop: impl Future<Output = ()>,
    delivery: &DeliveryState,
) -> Result<Outcome> {
    let mut run = Box::pin(run);
    let mut stop = Box::pin(stop);
    let ended = std::future::poll_fn(|context| match run.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending => stop.as_mut().poll(context).map(|()| None),
    });
    if let Some(outcome) = ended.await {
        return outcome;
    }
    if delivery.was_sent() {
        // The server has accepted the message. The component only needs to write the result.
        if let Ok(outcome) = tokio::time::timeout(TIME_FOR_A_RESULT, run.as_mut()).await {
            return outcome;
        }
    }
    drop(run);
    Err(of_stop(delivery))
}

/// The time that a stopped run gets to report a message that the server has accepted. It needs about 1 ms.
const TIME_FOR_A_RESULT: Duration = Duration::from_secs(1);
