//! A count of the open connections to a server.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::client::connection::Connection;

/// The number of connections to a server: idle, in use, and about to be opened.
#[derive(Clone, Default)]
pub(super) struct OpenConnections(Arc<AtomicUsize>);

/// One connection in the count. Dropping it lowers the count.
pub(super) struct Place(OpenConnections);

/// A connection that is counted until it is dropped.
pub(crate) struct OpenConnection {
    connection: Connection,
    _place: Place,
}

impl OpenConnections {
    /// Returns the number of connections.
    pub(super) fn number(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Adds a connection to the count.
    pub(super) fn place(&self) -> Place {
        self.0.fetch_add(1, Ordering::SeqCst);
        Place(self.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl OpenConnection {
    pub(super) fn new(connection: Connection, place: Place) -> Self {
        Self { connection, _place: place }
    }

    /// Sends QUIT and closes the connection.
    pub(crate) async fn quit(self) {
        self.connection.quit().await;
    }
}

impl Deref for OpenConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for OpenConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}
