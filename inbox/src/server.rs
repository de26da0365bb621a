//! The inbox: a listening socket, and a queue of received messages.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::entry::Entry;
use super::failures::Failures;
use super::line::{Lines, Patience};
use super::query::Query;
use super::received::{Received, Store};
use super::room::Room;
use super::session::Session;
use super::settings::{Encryption, Settings};
use super::stored::Stored;

/// A running inbox. Dropping it closes the socket.
pub struct Inbox {
    address: SocketAddr,
    queue: Arc<Queue>,
    server: JoinHandle<()>,
}

/// A builder for an [`Inbox`].
#[derive(Default)]
pub struct InboxBuilder {
    encryption: Option<Encryption>,
    login: Option<(String, String)>,
    refused: Vec<(String, String)>,
    failures: Failures,
    max_message_bytes: Option<usize>,
    max_held_bytes: Option<usize>,
    max_connections: Option<usize>,
    store: Option<Arc<dyn Store>>,
    patience: Patience,
}

/// Received messages that were not taken out yet.
struct Queue {
    messages: Mutex<VecDeque<Received>>,
    arrival: Notify,
    room: Arc<Room>,
}

/// The default size limit of a message in bytes, which is larger than that of most servers.
const MAX_MESSAGE_BYTES: usize = 64 << 20;
/// The default memory limit in bytes: sixteen messages of the maximum size.
const MAX_HELD_BYTES: usize = 1 << 30;
/// The default limit of connections: about half of the usual limit of 1,024 open files.
const MAX_CONNECTIONS: usize = 500;

impl Inbox {
    /// Returns a builder. By default, the inbox accepts every message and does not encrypt.
    pub fn builder() -> InboxBuilder {
        InboxBuilder::default()
    }

    /// Returns the address that the inbox listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the next message and takes it out of the queue.
    pub async fn next(&self) -> Received {
        loop {
            // Registered first, so that an arrival between `take` and `await` is not missed.
            let arrival = self.queue.arrival.notified();
            if let Some(message) = self.take() {
                return message;
            }
            arrival.await;
        }
    }

    /// Waits for a message that matches a query and takes it out of the queue. Other messages stay there.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// use smtp_connector_inbox::Inbox;
    ///
    /// let inbox = Inbox::builder().start("127.0.0.1:0").await?;
    /// let query = r#"to:bob@example.net subject:"order 1042""#.parse()?;
    /// let wait = tokio::time::timeout(Duration::from_secs(10), inbox.next_matching(&query));
    /// let message = wait.await?;
    /// # Ok(()) }
    /// ```
    pub async fn next_matching(&self, query: &Query) -> Received {
        loop {
            // As in `next`.
            let arrival = self.queue.arrival.notified();
            if let Some(message) = self.take_matching(query) {
                return message;
            }
            arrival.await;
        }
    }

    /// Takes the first message that matches a query out of the queue, if there is one.
    pub fn take_matching(&self, query: &Query) -> Option<Received> {
        let mut messages = self.queue.lock();
        let is_match = |message: &Received| {
            query.matches(&Entry::of(Stored::of(message, message.id), &message.content))
        };
        let at = messages.iter().position(is_match)?;
        let message = messages.remove(at)?;
        drop(messages);
        self.queue.room.give_back(message.held_bytes());
        Some(message)
    }

    /// Takes the next message out of the queue, if there is one.
    pub fn take(&self) -> Option<Received> {
        let message = self.queue.lock().pop_front()?;
        self.queue.room.give_back(message.held_bytes());
        Some(message)
    }
}

impl InboxBuilder {
    /// Encrypts connections. Default: no encryption.
    #[must_use]
    pub fn encryption(self, encryption: Encryption) -> Self {
        Self { encryption: Some(encryption), ..self }
    }

    /// Accepts mail only from this user with this password. Default: accepts mail without a login, and any login.
    #[must_use]
    pub fn login(self, user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { login: Some((user.into(), password.into())), ..self }
    }

    /// Refuses a recipient with a reply such as `550 5.1.1 no such user`.
    #[must_use]
    pub fn refuse(mut self, recipient: impl Into<String>, reply: impl Into<String>) -> Self {
        self.refused.push((recipient.into(), reply.into()));
        self
    }

    /// Fails on purpose. Default: it does not.
    #[must_use]
    pub fn failures(self, failures: Failures) -> Self {
        Self { failures, ..self }
    }

    /// Limits the size of a message. Default: 64 MiB.
    #[must_use]
    pub fn max_message_bytes(self, bytes: usize) -> Self {
        Self { max_message_bytes: Some(bytes), ..self }
    }

    /// Limits the memory for messages that are arriving or in the queue. When it is full, messages are refused with
    /// `452`, a temporary error. Default: 1 GiB.
    #[must_use]
    pub fn max_held_bytes(self, bytes: usize) -> Self {
        Self { max_held_bytes: Some(bytes), ..self }
    }

    /// Limits the number of open connections. Further connections are refused with `421`. Default: 500.
    #[must_use]
    pub fn max_connections(self, connections: usize) -> Self {
        Self { max_connections: Some(connections), ..self }
    }

    /// Stores each message before it is accepted. Default: messages are only kept in memory.
    #[must_use]
    pub fn store(self, store: impl Store) -> Self {
        Self { store: Some(Arc::new(store)), ..self }
    }

    /// Starts the inbox. Port 0 selects a free port.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot listen on the address.
    pub async fn start(self, address: impl ToSocketAddrs) -> io::Result<Inbox> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let room = Arc::new(Room::new(self.max_held_bytes.unwrap_or(MAX_HELD_BYTES)));
        let queue = Arc::new(Queue {
            messages: Mutex::default(),
            arrival: Notify::default(),
            room: Arc::clone(&room),
        });
        let settings = Arc::new(Settings {
            encryption: self.encryption,
            login: self.login,
            refused: self.refused,
            failures: self.failures,
            max_message_bytes: self.max_message_bytes.unwrap_or(MAX_MESSAGE_BYTES),
            room,
            patience: self.patience,
            store: self.store,
            arrived: AtomicU64::new(0),
        });
        let places = self.max_connections.unwrap_or(MAX_CONNECTIONS).min(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(places));
        let server = tokio::spawn(serve(listener, places, settings, Arc::clone(&queue)));
        Ok(Inbox { address, queue, server })
    }
}

async fn serve(
    listener: TcpListener,
    places: Arc<Semaphore>,
    settings: Arc<Settings>,
    queue: Arc<Queue>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    // Do not wait for a client that cannot receive this immediately.
                    let _ = stream.try_write(b"421 4.3.2 too many connections\r\n");
                    continue;
                };
                let (settings, queue) = (Arc::clone(&settings), Arc::clone(&queue));
                tokio::spawn(async move {
                    // A client may close the connection at any time, which is not an error here.
                    let _ = converse(stream, settings, &queue).await;
                    drop(place);
                });
            }
            // The process has no free file descriptors, so wait until a client disconnects.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}

async fn converse(stream: TcpStream, settings: Arc<Settings>, queue: &Queue) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (lines, encrypted) = match &settings.encryption {
        Some(Encryption::Implicit(config)) => {
            let accepted = TlsAcceptor::from(Arc::clone(config)).accept(stream);
            let stream = timeout(settings.patience.step, accepted).await??;
            (Lines::new(stream, settings.patience), true)
        }
        _ => (Lines::new(stream, settings.patience), false),
    };
    Session::new(settings, lines, encrypted).run(|message| queue.put(message)).await
}

impl Queue {
    fn put(&self, message: Received) {
        self.lock().push_back(message);
        self.arrival.notify_waiters();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Received>> {
        // The queue holds only complete messages, so it is valid even if a thread panicked while it held the lock.
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("address", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Debug for InboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxBuilder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
