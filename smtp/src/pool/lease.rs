//! A connection that one message borrows from the pool.

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
/// It goes back to the pool only through [`Lease::settle`] or [`Lease::reset`], when it is between two messages. A
/// lease that is dropped before that closes the connection: the next user would be in the middle of another message.
pub(crate) struct Lease {
    held: Option<Held>,
    is_reused: bool,
}

enum Held {
    /// A connection outside of any pool.
    Own(Connection),
    Pooled {
        connection: OpenConnection,
        server_pool: Arc<ServerPool>,
        /// The permit. It is released after the connection goes back.
        permit: OwnedSemaphorePermit,
    },
}

impl Lease {
    /// Returns a lease of a connection that is used once.
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

    /// Reports whether the connection was used before. The server may have closed it since, unnoticed.
    pub(crate) fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Reports whether the server is known to lose pipelined commands.
    pub(crate) fn loses_pipelined(&self) -> bool {
        matches!(&self.held, Some(Held::Pooled { server_pool, .. }) if server_pool.loses_pipelined())
    }

    /// Records that the server lost pipelined commands and accepted the same commands one by one. Later messages then
    /// skip pipelining.
    pub(crate) fn note_loses_pipelined(&self) {
        if let Some(Held::Pooled { server_pool, .. }) = &self.held {
            server_pool.note_loses_pipelined();
        }
    }

    /// Opens fewer connections for a while, after the server reports that it has too many.
    pub(crate) fn back_off(&self) {
        if let Some(Held::Pooled { server_pool, .. }) = &self.held {
            server_pool.lower();
        }
    }

    /// Ends a lease between two messages: keeps the connection for the next message, or closes it at its limit.
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

    /// Ends a lease in the middle of a failed envelope: sends RSET, then settles.
    pub(crate) async fn reset(mut self) {
        if matches!(self.held, Some(Held::Own(_))) {
            return self.quit().await;
        }
        if self.forget_envelope().await {
            self.settle().await;
        }
    }

    /// Sends QUIT and closes the connection.
    pub(crate) async fn quit(mut self) {
        match self.held.take() {
            Some(Held::Pooled { connection, .. }) => connection.quit().await,
            Some(Held::Own(connection)) => connection.quit().await,
            None => {}
        }
    }
}

/// The panic message for use after the end of a lease.
const HELD: &str = "the lease has not ended";

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
