//! Taking a message to a server: what is asked for, what comes back, and who does it.

pub(crate) mod checked;
#[cfg(test)]
mod fail_stop;
mod guard;
mod originator;
mod progress;
mod recording;
mod smtp;

pub use guard::{Breach, Guard};
pub use recording::{Recorded, RecordingTransport};
pub use smtp_connector_smtp::{Envelope, Notification, Outgoing, Receipt, Report};

pub(crate) use checked::{CheckedError, CheckedTransport, is_routed};
pub(crate) use progress::{Progress, Seen};

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
