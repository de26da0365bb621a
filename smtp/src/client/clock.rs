//! When a message must be over.

use std::time::Duration;

use tokio::time::Instant;

use crate::settings::ServerSettings;
use crate::waited::Waited;

/// When work on a message began, and when it must be over: waiting for a connection, the secret, the conversation.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    total: Duration,
}

impl Clock {
    pub(crate) fn start(server: &ServerSettings) -> Self {
        Self { started: Instant::now(), total: server.timeouts.total }
    }

    /// The end of all work.
    pub(crate) fn end(&self) -> Instant {
        self.started + self.total
    }

    /// The end of a stage that begins now.
    pub(crate) fn stage(&self, length: Duration) -> Instant {
        (Instant::now() + length).min(self.end())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How long a wait took that has ended now without an answer, and why no longer.
    pub(crate) fn waited(&self, since: Instant) -> String {
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
