//! Connections that are kept for the messages to come.
//!
//! A connection is used again by a message with the same settings, if it is between two messages, nothing has come on it
//! since, and it is neither too old nor used too often.
//!
//! No pool library is below this: a server that has too many connections gets fewer for a while, and a message that
//! waits goes before the last user of its connection goes on. deadpool and bb8 leave both to their users, and what is
//! left of their work is a list.

mod lease;
mod open_connection;
mod server_pool;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use lease::Lease;

use self::server_pool::ServerPool;
use crate::client::clock::Clock;
use crate::failure::Failure;
use crate::opener::Opener;
use crate::settings::ServerSettings;

/// The connections to all servers.
pub(crate) struct Pool {
    server_pools: Mutex<ServerPools>,
    idle_time: Duration,
}

#[derive(Default)]
struct ServerPools {
    /// A connection serves another message if everything that was said to open it is the same.
    by_settings: HashMap<Arc<ServerSettings>, Arc<ServerPool>>,
    /// How many settings there may be before those that are no longer used are forgotten.
    room: usize,
}

/// Servers wait five minutes for a command (RFC 5321 section 4.5.3.2.7), and under load ten seconds.
const IDLE_TIME: Duration = Duration::from_secs(30);

impl Pool {
    pub(crate) fn new() -> Self {
        Self::with_idle_time(IDLE_TIME)
    }

    pub(crate) fn with_idle_time(idle_time: Duration) -> Self {
        Self { server_pools: Mutex::default(), idle_time }
    }

    /// An empty pool with the same settings.
    pub(crate) fn another(&self) -> Self {
        Self::with_idle_time(self.idle_time)
    }

    /// A connection for a message: one that is idle, or a new one, as soon as the server's settings allow one.
    pub(crate) async fn lease(
        &self,
        server: &Arc<ServerSettings>,
        opener: &Opener,
        clock: Clock,
    ) -> Result<Lease, Failure> {
        loop {
            let server_pool = self.server_pool(server, opener);
            match server_pool.lease(server, clock).await {
                Ok((connection, permit)) => {
                    return Ok(Lease::pooled(connection, permit, server_pool, server, clock));
                }
                // The pool was closed in between: its successor is another.
                Err(_) if server_pool.is_closed() => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Sees off every idle connection. Those in use are seen off when their message is.
    pub(crate) async fn close(&self) {
        let server_pools = std::mem::take(&mut *self.lock());
        for server_pool in server_pools.by_settings.into_values() {
            server_pool.close().await;
        }
    }

    fn server_pool(&self, server: &Arc<ServerSettings>, opener: &Opener) -> Arc<ServerPool> {
        let mut server_pools = self.lock();
        if let Some(server_pool) = server_pools.by_settings.get(server) {
            return Arc::clone(server_pool);
        }
        server_pools.make_room();
        let server_pool =
            Arc::new(ServerPool::new(Arc::clone(server), opener.clone(), self.idle_time));
        server_pools.by_settings.insert(Arc::clone(server), Arc::clone(&server_pool));
        server_pool
    }

    fn lock(&self) -> MutexGuard<'_, ServerPools> {
        // Nothing that is done under this lock can leave the map half changed.
        self.server_pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerPools {
    /// Forgets servers that are no longer used, once there are twice as many as last time: a platform has
    /// more customers in a year than in an hour.
    fn make_room(&mut self) {
        if self.by_settings.len() < self.room.max(FEW) {
            return;
        }
        self.by_settings.retain(|_, server_pool| is_used(server_pool));
        self.room = 2 * self.by_settings.len();
    }
}

/// So many servers are kept without a thought.
const FEW: usize = 64;

/// Whether anything is open there, or somebody is about to open it.
fn is_used(server_pool: &Arc<ServerPool>) -> bool {
    Arc::strong_count(server_pool) > 1 || !server_pool.is_empty()
}
