//! The transport of messages to a server: envelope, transport and receipt.

mod attempt;
mod recording;
mod smtp;

pub use attempt::Attempt;
pub use recording::{Recorded, RecordingTransport};
pub use smtp_connector_smtp::{DsnOptions, DsnReturn, Envelope, EnvelopeId, Outgoing, Receipt};

use std::sync::Arc;

use crate::accounts::Account;
use smtp_connector_smtp::BoxFuture;
use smtp_connector_smtp::failure::Failure;

/// Sends messages to an account's server.
///
/// The host checks the envelope and the bytes before any transport receives them.
pub trait Transport: Send + Sync + 'static {
    /// Begins a message. Returns when the server is ready for the content.
    fn begin<'a>(
        &'a self,
        account: &'a Arc<Account>,
        envelope: Envelope,
    ) -> BoxFuture<'a, Result<Box<dyn Outgoing>, Failure>>;
}
