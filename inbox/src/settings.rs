//! The settings and state that all sessions of an inbox share.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::ServerConfig;

use super::failures::Failures;
use super::line::Patience;
use super::received::{Received, Store};
use super::room::Room;

/// The encryption of an inbox.
#[derive(Clone)]
pub enum Encryption {
    /// TLS after STARTTLS.
    Starttls(Arc<ServerConfig>),
    /// TLS from the first byte.
    Implicit(Arc<ServerConfig>),
}

/// The settings and state that all sessions of an inbox share.
pub(crate) struct Settings {
    pub(crate) encryption: Option<Encryption>,
    pub(crate) login: Option<(String, String)>,
    pub(crate) refused: Vec<(String, String)>,
    pub(crate) failures: Failures,
    pub(crate) max_message_bytes: usize,
    pub(crate) room: Arc<Room>,
    pub(crate) patience: Patience,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) arrived: AtomicU64,
}

impl Settings {
    /// Stores a received message and sets its number.
    pub(crate) async fn store(&self, mut message: Received) -> io::Result<Received> {
        let Some(store) = &self.store else {
            message.id = self.arrived.fetch_add(1, Ordering::Relaxed) + 1;
            return Ok(message);
        };
        let store = Arc::clone(store);
        let stored = tokio::task::spawn_blocking(move || {
            message.id = store.store(&message)?;
            Ok(message)
        });
        // If the store panics, the message is not stored.
        stored.await.unwrap_or_else(|panic| Err(io::Error::other(panic)))
    }
}

impl fmt::Debug for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starttls(_) => "Starttls",
            Self::Implicit(_) => "Implicit",
        })
    }
}
