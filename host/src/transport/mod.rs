//! Taking a message to a server: what is asked for, what comes back, and who does it.

mod recording;
mod smtp;

pub use recording::{Recorded, RecordingTransport};
pub use smtp_connector_smtp::{DsnOptions, DsnReturn, Envelope, EnvelopeId, Outgoing, Receipt};

use std::sync::Arc;

use crate::accounts::Account;
use smtp_connector_smtp::BoxFuture;
use smtp_connector_smtp::failure::Failure;

/// Takes messages to an account's server.
///
/// The host checks envelope and bytes before they get here, whatever transport there is.
pub trait Transport: Send + Sync + 'static {
    /// Begins a message: as far as the server's go-ahead for its content.
    fn begin<'a>(
        &'a self,
        account: &'a Arc<Account>,
        envelope: Envelope,
    ) -> BoxFuture<'a, Result<Box<dyn Outgoing>, Failure>>;
}
