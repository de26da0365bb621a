//! The connection pool of one server.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::open_connection::{OpenConnection, OpenConnections};
use crate::client::clock::Clock;
use crate::failure::{Failure, FailureCode, Phase};
use crate::opener::Opener;
use crate::settings::ServerSettings;

/// The connection pool of one server with one set of settings.
pub(crate) struct ServerPool {
    server: Arc<ServerSettings>,
    opener: Opener,
    idle: Mutex<Idle>,
    open: OpenConnections,
    /// Permits for the connections that may still be taken.
    permits: Arc<Semaphore>,
    /// The number by which the connection limit is currently lowered.
    lowered: AtomicUsize,
    /// Whether the server has lost pipelined commands.
    loses_pipelined: AtomicBool,
    /// Whether a task is running that closes stale idle connections.
    is_swept: AtomicBool,
    idle_time: Duration,
}

/// Idle connections.
#[derive(Default)]
struct Idle {
    /// The most recently used connection is last: it is the most likely to still work.
    connections: Vec<OpenConnection>,
    /// Whether the pool is closed and keeps no connections.
    is_closed: bool,
}

/// A connection and its permit.
pub(crate) type Opened = (OpenConnection, OwnedSemaphorePermit);

/// The time for which the connection limit stays lowered.
const REST: Duration = Duration::from_secs(60);

impl ServerPool {
    pub(crate) fn new(server: Arc<ServerSettings>, opener: Opener, idle_time: Duration) -> Self {
        let limit = server.connections.max(1) as usize;
        Self {
            server,
            opener,
            idle: Mutex::default(),
            open: OpenConnections::default(),
            permits: Arc::new(Semaphore::new(limit)),
            lowered: AtomicUsize::new(0),
            loses_pipelined: AtomicBool::new(false),
            is_swept: AtomicBool::new(false),
            idle_time,
        }
    }

    /// Reports whether the pool has no open connections.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.number() == 0
    }

    /// Reports whether the pool is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.idle().is_closed
    }

    /// Returns a connection for a message. Waits while the connection limit is reached, until the message's time is up.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        server: &Arc<ServerSettings>,
        clock: Clock,
    ) -> Result<Opened, Failure> {
        match self.try_lease(server, clock).await {
            Err(failure) if is_too_many(&failure) => {
                // The new connection may be one too many: then the open ones must be enough.
                let open = self.open.number();
                self.lower_to(open);
                match open {
                    0 => Err(failure),
                    _ => self.try_lease(server, clock).await,
                }
            }
            outcome => outcome,
        }
    }

    async fn try_lease(
        self: &Arc<Self>,
        server: &Arc<ServerSettings>,
        clock: Clock,
    ) -> Result<Opened, Failure> {
        let permit = self.permit(clock).await?;
        if self.is_closed() {
            let why = "the connection pool was closed";
            return Err(Failure::new(FailureCode::Internal, Phase::Connect, why));
        }
        while let Some(mut connection) = self.take_idle() {
            if connection.may_be_used_again(self.idle_time) {
                return Ok((connection, permit));
            }
        }
        let place = self.open.place();
        let connection = self.opener.open(server, clock).await?;
        Ok((OpenConnection::new(connection, place), permit))
    }

    fn take_idle(&self) -> Option<OpenConnection> {
        self.idle().connections.pop()
    }

    /// Keeps a connection for the next message. Returns it if the pool is closed.
    pub(crate) fn keep(&self, connection: OpenConnection) -> Option<OpenConnection> {
        let mut idle = self.idle();
        if idle.is_closed {
            return Some(connection);
        }
        idle.connections.push(connection);
        None
    }

    async fn permit(&self, clock: Clock) -> Result<OwnedSemaphorePermit, Failure> {
        let since = Instant::now();
        let acquired = timeout_at(clock.end(), Arc::clone(&self.permits).acquire_owned());
        match acquired.await {
            Ok(Ok(permit)) => Ok(permit),
            _ => {
                let (host, number) = (&self.server.host, self.permitted());
                let which = match number {
                    1 => "the only connection".to_owned(),
                    number => format!("all {number} connections"),
                };
                let waited = clock.waited(since);
                let message = format!(
                    "no connection to {host} became free {waited}: other messages use {which}"
                );
                Err(Failure::new(FailureCode::Timeout, Phase::Connect, message)
                    .hint("try again later, or raise the account's limits.connections")
                    .later())
            }
        }
    }

    /// Lets a message that waited for a connection run first. The runtime wakes that message on this thread. Without
    /// this, the connection stays idle while its last user keeps computing.
    pub(crate) async fn leave_room(&self) {
        // A released permit goes to the next waiting task at once.
        if self.permits.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Reports whether the server has lost pipelined commands.
    pub(crate) fn loses_pipelined(&self) -> bool {
        self.loses_pipelined.load(Ordering::Relaxed)
    }

    /// Makes later messages send their commands one by one.
    pub(crate) fn note_loses_pipelined(&self) {
        self.loses_pipelined.store(true, Ordering::Relaxed);
    }

    /// Halves the connection limit for a while.
    pub(crate) fn lower(self: &Arc<Self>) {
        self.lower_to(self.permitted() / 2);
    }

    /// Returns the current connection limit.
    fn permitted(&self) -> usize {
        let limit = self.server.connections.max(1) as usize;
        limit - self.lowered.load(Ordering::SeqCst)
    }

    /// Lowers the connection limit to `number` for a while, but to no less than 1.
    fn lower_to(self: &Arc<Self>, number: usize) {
        let limit = self.server.connections.max(1) as usize;
        let mut by = 0;
        let change = |lowered: usize| {
            by = (limit - lowered).saturating_sub(number.max(1));
            Some(lowered + by)
        };
        // The closure always returns a value.
        let _ = self.lowered.try_update(Ordering::SeqCst, Ordering::SeqCst, change);
        let Ok(number @ 1..) = u32::try_from(by) else { return };
        let server_pool = Arc::downgrade(self);
        let permits = Arc::clone(&self.permits);
        // Takes the permits at once if that many are free, so that the next caller does not get one of them.
        let held = Arc::clone(&permits).try_acquire_many_owned(number).ok();
        tokio::spawn(async move {
            let held = match held {
                Some(held) => Ok(held),
                // Later callers queue behind this.
                None => permits.acquire_many_owned(number).await,
            };
            tokio::time::sleep(REST).await;
            drop(held);
            if let Some(server_pool) = server_pool.upgrade() {
                server_pool.lowered.fetch_sub(by, Ordering::SeqCst);
            }
        });
    }

    /// Starts a task that closes stale idle connections, unless one is running.
    pub(crate) fn sweep(self: &Arc<Self>) {
        if !self.is_swept.swap(true, Ordering::SeqCst) {
            tokio::spawn(sweep(Arc::downgrade(self), self.idle_time));
        }
    }

    /// Closes every idle connection, and keeps no more connections from now on.
    pub(crate) async fn close(&self) {
        let idle =
            std::mem::replace(&mut *self.idle(), Idle { is_closed: true, ..Idle::default() });
        for connection in idle.connections {
            connection.quit().await;
        }
    }

    /// Removes and returns the connections that were idle for too long.
    fn take_stale(&self) -> Vec<OpenConnection> {
        let is_stale = |connection: &mut OpenConnection| connection.idle() >= self.idle_time;
        self.idle().connections.extract_if(.., is_stale).collect()
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // No code under this lock can leave the list half changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections that were idle for too long, until no connection is idle.
async fn sweep(server_pool: Weak<ServerPool>, idle_time: Duration) {
    loop {
        tokio::time::sleep(idle_time).await;
        let Some(server_pool) = server_pool.upgrade() else { return };
        for connection in server_pool.take_stale() {
            connection.quit().await;
        }
        let is_empty = || server_pool.idle().connections.is_empty();
        if is_empty() {
            server_pool.is_swept.store(false, Ordering::SeqCst);
            // A connection may have come back in the meantime, while this task still counted as running.
            if is_empty() || server_pool.is_swept.swap(true, Ordering::SeqCst) {
                return;
            }
        }
    }
}

/// Reports whether the server says that it has too many connections: 421 as its first reply, or Microsoft's 432 4.3.2.
fn is_too_many(failure: &Failure) -> bool {
    failure.reply.as_ref().is_some_and(|reply| matches!(reply.code.get(), 421 | 432))
}
