//! A connection on loan.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::open_connection::OpenConnection;
use super::server_pool::ServerPool;
use crate::client::clock::Clock;
use crate::client::connection::Connection;
use crate::settings::ServerSettings;

/// A connection for one message.
///
/// It goes back to the pool only when it is said to be between two messages. Dropped before that, it is
/// closed: whoever got it next would be in the middle of somebody else's message.
pub(crate) struct Lease {
    held: Option<Held>,
    is_reused: bool,
}

enum Held {
    /// Of no pool.
    Own(Connection),
    Pooled {
        connection: OpenConnection,
        server_pool: Arc<ServerPool>,
        /// Given back after the connection.
        permit: OwnedSemaphorePermit,
    },
}

impl Lease {
    /// A connection that serves once.
    pub(crate) fn single(connection: Connection) -> Self {
        Self { held: Some(Held::Own(connection)), is_reused: false }
    }

    pub(crate) fn pooled(
        mut connection: OpenConnection,
        permit: OwnedSemaphorePermit,
        server_pool: Arc<ServerPool>,
        server: &Arc<ServerSettings>,
        clock: Clock,
    ) -> Self {
        let is_reused = connection.begin_again(server, clock);
        Self { held: Some(Held::Pooled { connection, server_pool, permit }), is_reused }
    }

    /// Whether the connection has served before, and may have died since without anyone having seen it.
    pub(crate) fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Whether the server is known to lose commands that are sent at once.
    pub(crate) fn loses_pipelined(&self) -> bool {
        matches!(&self.held, Some(Held::Pooled { server_pool, .. }) if server_pool.loses_pipelined())
    }

    /// The server lost commands that were sent at once, and took the same one by one: later messages need not find out.
    pub(crate) fn note_loses_pipelined(&self) {
        if let Some(Held::Pooled { server_pool, .. }) = &self.held {
            server_pool.note_loses_pipelined();
        }
    }

    /// The server says that it has too many connections.
    pub(crate) fn back_off(&self) {
        if let Some(Held::Pooled { server_pool, .. }) = &self.held {
            server_pool.lower();
        }
    }

    /// The server is between two messages: keeps the connection for the next, if it may serve again.
    pub(crate) async fn settle(mut self) {
        let limit = self.server.messages_per_connection;
        if self.served >= limit {
            return self.quit().await;
        }
        match self.held.take() {
            Some(Held::Pooled { mut connection, server_pool, permit }) => {
                connection.rest();
                if let Some(connection) = server_pool.keep(connection) {
                    return connection.quit().await;
                }
                drop(permit);
                server_pool.sweep();
                server_pool.leave_room().await;
            }
            Some(Held::Own(connection)) => connection.quit().await,
            None => {}
        }
    }

    /// The server is in the middle of an envelope that comes to nothing: has it forget that, and settles.
    pub(crate) async fn reset(mut self) {
        if matches!(self.held, Some(Held::Own(_))) {
            return self.quit().await;
        }
        if self.forget_envelope().await {
            self.settle().await;
        }
    }

    /// Says goodbye.
    pub(crate) async fn quit(mut self) {
        match self.held.take() {
            Some(Held::Pooled { connection, .. }) => connection.quit().await,
            Some(Held::Own(connection)) => connection.quit().await,
            None => {}
        }
    }
}

/// The connection is there until the lease ends.
const HELD: &str = "nothing is asked of a lease that has ended";

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self.held.as_ref().expect(HELD) {
            Held::Own(connection) => connection,
            Held::Pooled { connection, .. } => connection,
        }
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        match self.held.as_mut().expect(HELD) {
            Held::Own(connection) => connection,
            Held::Pooled { connection, .. } => connection,
        }
    }
}
