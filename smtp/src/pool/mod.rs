//! The connection pool: open connections that later messages reuse.
//!
//! A message reuses a connection that has the same settings and is between two messages. The connection must not have
//! received anything since then, must not be too old, and must not have sent too many messages.
//!
//! This module does not use a pool library. It opens fewer connections for a while to a server that reports too many,
//! and it runs a waiting message before the last user of the connection continues. deadpool and bb8 leave both to
//! their users, and without them a pool is only a list.

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

/// The connection pools of all servers.
pub(crate) struct Pool {
    server_pools: Mutex<ServerPools>,
    idle_time: Duration,
}

#[derive(Default)]
struct ServerPools {
    /// The pool for each set of settings. A message reuses a connection only if all settings are equal.
    by_settings: HashMap<Arc<ServerSettings>, Arc<ServerPool>>,
    /// The number of pools at which unused ones are removed.
    room: usize,
}

/// The longest time that an idle connection is kept. Servers wait 5 minutes for a command (RFC 5321 section 4.5.3.2.7),
/// and 10 seconds under load.
const IDLE_TIME: Duration = Duration::from_secs(30);

impl Pool {
    pub(crate) fn new() -> Self {
        Self::with_idle_time(IDLE_TIME)
    }

    pub(crate) fn with_idle_time(idle_time: Duration) -> Self {
        Self { server_pools: Mutex::default(), idle_time }
    }

    /// Returns an empty pool with the same settings.
    pub(crate) fn another(&self) -> Self {
        Self::with_idle_time(self.idle_time)
    }

    /// Returns a connection for a message: an idle one, or a new one. Waits while the server's connection limit is
    /// reached.
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
                // The pool was closed in the meantime: the next round gets a new one.
                Err(_) if server_pool.is_closed() => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Closes every idle connection. A connection in use is closed when its message is done.
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
        // No code under this lock can leave the map half changed.
        self.server_pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerPools {
    /// Removes unused pools once there are twice as many pools as after the last cleanup. A long-running platform sees
    /// far more customers in a year than in an hour.
    fn make_room(&mut self) {
        if self.by_settings.len() < self.room.max(FEW) {
            return;
        }
        self.by_settings.retain(|_, server_pool| is_used(server_pool));
        self.room = 2 * self.by_settings.len();
    }
}

/// The number of pools below which no cleanup happens.
const FEW: usize = 64;

/// Reports whether the pool has an open connection, or a caller that is about to open one.
fn is_used(server_pool: &Arc<ServerPool>) -> bool {
    Arc::strong_count(server_pool) > 1 || !server_pool.is_empty()
}
