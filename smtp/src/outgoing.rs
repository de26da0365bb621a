//! The trait for a message that is being sent.

use crate::BoxFuture;
use crate::Receipt;
use crate::failure::Failure;
use crate::issue::Issue;

/// A message that is being sent. If you drop it before it is finished, the message is not sent.
///
/// Each call takes the message, and a write returns it only on success. After a failure or a dropped future, a part of
/// a chunk may have been sent, so the server could read the following data as a command.
pub trait Outgoing: Send {
    /// Sends the next bytes: lines that end with CRLF, without dot-stuffing.
    fn write(
        self: Box<Self>,
        chunk: Vec<u8>,
    ) -> BoxFuture<'static, Result<Box<dyn Outgoing>, Failure>>;

    /// Ends the message.
    ///
    /// If it is unknown whether the server accepted the message, the failure has
    /// [`Delivered::Unknown`](crate::Delivered::Unknown).
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Receipt, Failure>>;

    /// Returns warnings about requests of the envelope that are not met, such as a delivery report that the server does
    /// not offer. Default: none.
    ///
    /// The host calls this once, after the message has begun, and adds the warnings to the result. They are not part of
    /// the contract's `receipt`. A transport that wraps another passes on its warnings.
    fn warnings(&self) -> Vec<Issue> {
        Vec::new()
    }
}
