//! The connections to one server.

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

/// The connections to a server, as long as its settings are the same.
pub(crate) struct ServerPool {
    server: Arc<ServerSettings>,
    opener: Opener,
    idle: Mutex<Idle>,
    open: OpenConnections,
    /// How many more may be in use.
    permits: Arc<Semaphore>,
    /// By how many the number is lowered.
    lowered: AtomicUsize,
    /// Whether the server has lost commands that were sent at once.
    loses_pipelined: AtomicBool,
    /// Whether somebody sees off connections that are idle too long.
    is_swept: AtomicBool,
    idle_time: Duration,
}

/// Connections that wait for a message.
#[derive(Default)]
struct Idle {
    /// The one that was used last is at the end: it is the least likely to have died.
    connections: Vec<OpenConnection>,
    /// Whether none are kept any more.
    is_closed: bool,
}

/// A connection that may be used, and the permit for it.
pub(crate) type Opened = (OpenConnection, OwnedSemaphorePermit);

/// How long a server that has too many connections is spared.
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

    /// Whether nothing is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.number() == 0
    }

    /// Whether it keeps nothing any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.idle().is_closed
    }

    /// A connection for a message, as soon as the settings allow one, or nothing by the end of the message's time.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        server: &Arc<ServerSettings>,
        clock: Clock,
    ) -> Result<Opened, Failure> {
        match self.try_lease(server, clock).await {
            Err(failure) if is_too_many(&failure) => {
                // It may be one connection too many: then those that are open do.
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
            let why = "the connections to the server were closed";
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

    /// Keeps a connection for the next message. Gives it back if none are kept any more.
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
                    1 => "the one connection".to_owned(),
                    number => format!("all {number} connections"),
                };
                let waited = clock.waited(since);
                let message = format!("{which} to {host} stayed in use by other messages {waited}");
                Err(Failure::new(FailureCode::Timeout, Phase::Connect, message)
                    .hint("try again later, or raise the account's limits.connections")
                    .later())
            }
        }
    }

    /// Lets a message go first that waited for a connection, if one did. It is ready, and was woken on this thread:
    /// the connection would be idle for as long as its last user computes on.
    pub(crate) async fn leave_room(&self) {
        // A permit that somebody waits for is theirs as soon as it is given back.
        if self.permits.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Whether the server has lost commands that were sent at once.
    pub(crate) fn loses_pipelined(&self) -> bool {
        self.loses_pipelined.load(Ordering::Relaxed)
    }

    /// Has later messages sent command by command.
    pub(crate) fn note_loses_pipelined(&self) {
        self.loses_pipelined.store(true, Ordering::Relaxed);
    }

    /// Has half as many connections for a while.
    pub(crate) fn lower(self: &Arc<Self>) {
        self.lower_to(self.permitted() / 2);
    }

    /// How many connections there may be.
    fn permitted(&self) -> usize {
        let limit = self.server.connections.max(1) as usize;
        limit - self.lowered.load(Ordering::SeqCst)
    }

    /// Has so many connections for a while, and never none.
    fn lower_to(self: &Arc<Self>, number: usize) {
        let limit = self.server.connections.max(1) as usize;
        let mut by = 0;
        let change = |lowered: usize| {
            by = (limit - lowered).saturating_sub(number.max(1));
            Some(lowered + by)
        };
        // The closure always gives a value.
        let _ = self.lowered.try_update(Ordering::SeqCst, Ordering::SeqCst, change);
        let Ok(number @ 1..) = u32::try_from(by) else { return };
        let server_pool = Arc::downgrade(self);
        let permits = Arc::clone(&self.permits);
        // At once, if so many are not in use: whoever asks next must not get one of them.
        let held = Arc::clone(&permits).try_acquire_many_owned(number).ok();
        tokio::spawn(async move {
            let held = match held {
                Some(held) => Ok(held),
                // Whoever asks later waits behind this.
                None => permits.acquire_many_owned(number).await,
            };
            tokio::time::sleep(REST).await;
            drop(held);
            if let Some(server_pool) = server_pool.upgrade() {
                server_pool.lowered.fetch_sub(by, Ordering::SeqCst);
            }
        });
    }

    /// Sees to it that connections that stay idle are closed.
    pub(crate) fn sweep(self: &Arc<Self>) {
        if !self.is_swept.swap(true, Ordering::SeqCst) {
            tokio::spawn(sweep(Arc::downgrade(self), self.idle_time));
        }
    }

    /// Sees off every idle connection, and keeps none from now on.
    pub(crate) async fn close(&self) {
        let idle =
            std::mem::replace(&mut *self.idle(), Idle { is_closed: true, ..Idle::default() });
        for connection in idle.connections {
            connection.quit().await;
        }
    }

    /// Takes out what has been idle for too long.
    fn take_stale(&self) -> Vec<OpenConnection> {
        let is_stale = |connection: &mut OpenConnection| connection.idle() >= self.idle_time;
        self.idle().connections.extract_if(.., is_stale).collect()
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // Nothing that is done under this lock can leave it half changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what has been idle for too long, until nothing is idle.
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
            // One may have come back in between, and have found somebody still sweeping.
            if is_empty() || server_pool.is_swept.swap(true, Ordering::SeqCst) {
                return;
            }
        }
    }
}

/// Whether a server says that it has too many connections: 421 before anything was asked of it, and what
/// Microsoft's say (432 4.3.2).
fn is_too_many(failure: &Failure) -> bool {
    failure.reply.as_ref().is_some_and(|reply| matches!(reply.code.get(), 421 | 432))
}
