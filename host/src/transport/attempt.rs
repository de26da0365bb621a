//! One attempt of a queue to deliver a message.

use smtp_connector_smtp::failure::Failure;
use smtp_connector_smtp::{BoxFuture, ForwardPath};

/// A queue's part in one attempt to deliver a message. See [`Invocation::attempt`](crate::Invocation::attempt).
///
/// A queue must not send a message twice after a crash. So it makes a durable mark before the end of the message is
/// sent. After a crash, a message with a mark may have been delivered, and a message without one was not.
pub trait Attempt: Send + Sync + 'static {
    /// Chooses the recipients of this attempt from those of the envelope, for example the ones that were deferred
    /// before. Default: all.
    fn recipients(&self, envelope: Vec<ForwardPath>) -> Vec<ForwardPath> {
        envelope
    }

    /// Makes the mark. It begins when the server is ready for the content, runs while the content is sent, and is
    /// awaited before the end of the message. If it fails, the connection is closed, and the message is not delivered.
    /// Default: nothing.
    fn mark(&self) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Reports whether the queue itself counts the account's runs and its messages per minute, for all processes. Then
    /// the host does not count them. Default: no.
    fn counts_messages(&self) -> bool {
        false
    }
}
