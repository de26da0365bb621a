//! The deadline of a message.

use std::time::Duration;

use tokio::time::Instant;

use crate::settings::ServerSettings;
use crate::waited::Waited;

/// The start and the deadline of the work on a message: the wait for a connection, the secret and the conversation.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    total: Duration,
}

impl Clock {
    pub(crate) fn start(server: &ServerSettings) -> Self {
        Self { started: Instant::now(), total: server.timeouts.total }
    }

    /// Returns the deadline of all work on the message.
    pub(crate) fn end(&self) -> Instant {
        self.started + self.total
    }

    /// Returns the deadline of a stage that begins now.
    pub(crate) fn stage(&self, length: Duration) -> Instant {
        (Instant::now() + length).min(self.end())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Describes how long a wait took that ends now without an answer, and whether `timeouts.total` ended it.
    pub(crate) fn waited(&self, since: Instant) -> String {
        let waited = Waited(since.elapsed());
        match Instant::now() >= self.end() {
            false => format!("within {waited}"),
            true => {
                let total = Waited(self.total);
                format!("within {waited}, and the account's timeouts.total of {total} ran out")
            }
        }
    }
}
