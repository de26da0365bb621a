//! The options of a worker.

use std::time::Duration;

use crate::retries::RetrySchedule;

/// The options of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerOptions {
    /// The most mails that are delivered at the same time. One account uses at most this many; a quarter more is kept
    /// for the others, so that an account with a slow server and a long backlog does not delay them. Default: 16.
    pub concurrency: usize,
    /// How long a worker that is stopped waits for the mails under way. Then it closes their connections; a mail whose
    /// end was being sent becomes `unknown`. Default: 1 minute.
    pub drain: Duration,
    /// When deferred mails are tried again.
    pub retries: RetrySchedule,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self { concurrency: 16, drain: Duration::from_secs(60), retries: RetrySchedule::default() }
    }
}

smtp_connector_smtp::setters!(WorkerOptions {
    concurrency: usize,
    drain: Duration,
    retries: RetrySchedule,
});
