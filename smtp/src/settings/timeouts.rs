//! How long the stages of a conversation may take.

use std::time::Duration;

use crate::setters;

/// How long each stage may take. The clock of a stage runs from its start, whatever trickles in.
///
/// ```
/// use std::time::Duration;
/// use smtp_connector_smtp::settings::Timeouts;
///
/// let patient = Timeouts::default().command(Duration::from_secs(300));
/// assert_eq!(patient.command.as_secs(), 300);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Timeouts {
    /// Resolving and connecting, and TLS from the start.
    pub connect: Duration,
    /// The server's greeting.
    pub greeting: Duration,
    /// The answer to a command.
    pub command: Duration,
    /// Sending a block of the message.
    pub data: Duration,
    /// The answer to the message's end.
    pub final_reply: Duration,
    /// All that one message waits for: a connection of the pool, the password's command, the token endpoint, and the
    /// conversation, also where it is begun again on another connection.
    pub total: Duration,
}

impl Default for Timeouts {
    /// What interactive senders wait; RFC 5321 section 4.5.3.2 lets queues wait longer.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            greeting: Duration::from_secs(30),
            command: Duration::from_secs(60),
            data: Duration::from_secs(120),
            final_reply: Duration::from_secs(120),
            total: Duration::from_secs(15 * 60),
        }
    }
}

setters!(Timeouts {
    connect: Duration,
    greeting: Duration,
    command: Duration,
    data: Duration,
    final_reply: Duration,
    total: Duration,
});
