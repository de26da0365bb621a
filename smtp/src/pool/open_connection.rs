//! Connections that are counted while they are open.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::client::connection::Connection;

/// How many connections to a server there are: idle, in use, and about to be open.
#[derive(Clone, Default)]
pub(super) struct OpenConnections(Arc<AtomicUsize>);

/// The place of one connection in the count.
pub(super) struct Place(OpenConnections);

/// A connection that counts until it is dropped.
pub(crate) struct OpenConnection {
    connection: Connection,
    _place: Place,
}

impl OpenConnections {
    /// How many there are.
    pub(super) fn number(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts one more.
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

    /// Says goodbye.
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
