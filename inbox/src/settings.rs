//! What an inbox's sessions share.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::ServerConfig;

use super::line::Patience;
use super::received::{Received, Store};
use super::room::Room;

/// How an inbox encrypts.
#[derive(Clone)]
pub enum Encryption {
    /// By STARTTLS.
    Starttls(Arc<ServerConfig>),
    /// From the first byte.
    Implicit(Arc<ServerConfig>),
}

/// What an inbox's sessions share.
pub(crate) struct Settings {
    pub(crate) encryption: Option<Encryption>,
    pub(crate) login: Option<(String, String)>,
    pub(crate) refused: Vec<(String, String)>,
    pub(crate) max_message_bytes: usize,
    pub(crate) room: Arc<Room>,
    pub(crate) patience: Patience,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) arrived: AtomicU64,
}

impl Settings {
    /// Stores a message that has just arrived, and gives it its number.
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
        // A store that panics has not stored the message.
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
