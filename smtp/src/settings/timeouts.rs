//! Time limits for the stages of a session.

use std::time::Duration;

use crate::setters;

/// The time limits for sending a message.
///
/// The clock of a stage starts with the stage. Arriving data does not reset it.
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
    /// DNS, connecting, and TLS if it starts with the connection.
    pub connect: Duration,
    /// The server's greeting.
    pub greeting: Duration,
    /// The reply to a command.
    pub command: Duration,
    /// Sending a block of the message.
    pub data: Duration,
    /// The reply to the end of the message.
    pub final_reply: Duration,
    /// The whole time for one message: a connection from the pool, the password's command, the token endpoint, and the
    /// session, including a retry on another connection.
    pub total: Duration,
}

impl Default for Timeouts {
    /// Returns limits for interactive senders. RFC 5321 section 4.5.3.2 lets queues wait longer.
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
