//! When a message must be over.

use std::time::Duration;

use tokio::time::Instant;

use crate::accounts::ServerSettings;
use crate::waited::Waited;

/// When work on a message began, and when it must be over: waiting for a connection, the secret, the conversation.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    started: Instant,
    total: Duration,
}

impl Clock {
    pub(super) fn start(account: &ServerSettings) -> Self {
        Self { started: Instant::now(), total: account.timeouts.total }
    }

    /// The end of all work.
    pub(super) fn end(&self) -> Instant {
        self.started + self.total
    }

    /// The end of a stage that begins now.
    pub(super) fn stage(&self, length: Duration) -> Instant {
        (Instant::now() + length).min(self.end())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How long a wait took that has ended now without an answer, and why no longer.
    pub(super) fn waited(&self, since: Instant) -> String {
        let waited = Waited(since.elapsed());
        match Instant::now() >= self.end() {
            false => format!("within {waited}"),
            true => {
                let total = Waited(self.total);
                format!("within {waited}, and the {total} of the account's timeouts.total are over")
            }
        }
    }
}
