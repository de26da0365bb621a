//! A message on its way to a server.

use crate::BoxFuture;
use crate::Receipt;
use crate::failure::Failure;
use crate::issue::Issue;

/// A message under way. Dropped before it is finished, it was never sent.
///
/// Each call takes the message, and a write gives it back only if it succeeded. After a failure, or where the future was
/// dropped, part of a chunk may be on the wire: whatever followed could be read as another command.
pub trait Outgoing: Send {
    /// Sends the next bytes: CRLF lines, not dot-stuffed.
    fn write(
        self: Box<Self>,
        chunk: Vec<u8>,
    ) -> BoxFuture<'static, Result<Box<dyn Outgoing>, Failure>>;

    /// Ends the message.
    ///
    /// A failure that cannot tell whether the server has the message says so:
    /// [`Delivered::Unknown`](crate::Delivered::Unknown).
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Receipt, Failure>>;

    /// What is done otherwise than the envelope asks for, such as a delivery report that the server does not offer.
    /// Default: nothing. It is asked once, when the message has begun, and stands among the result's warnings.
    ///
    /// The contract's `receipt` has no place for it, and needs none: the host writes it into the result, as it does all
    /// else that a server said. A transport that wraps another hands its warnings on.
    fn warnings(&self) -> Vec<Issue> {
        Vec::new()
    }
}
