//! An SMTP server that follows a script, and records every byte and every reply: its state, and the end of each run.

use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::script::{Idle, Script};
use super::session::accept;

/// A server for one client at a time.
pub(crate) struct Server {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

pub(crate) struct Shared {
    pub(crate) script: Mutex<Arc<Script>>,
    /// The number of final dots in this run.
    pub(crate) dots: AtomicUsize,
    pub(crate) connections: Mutex<Vec<Arc<Connection>>>,
    pub(crate) abandoned: Notify,
}

pub(crate) struct Connection {
    pub(crate) offers: &'static [&'static str],
    pub(crate) state: Mutex<State>,
}

/// The current state of a connection.
pub(crate) struct State {
    /// `None` once the connection is closed.
    pub(crate) stream: Option<Arc<TcpStream>>,
    pub(crate) record: Record,
    /// The length of the answered input.
    pub(crate) answered: usize,
    /// True while the server handles input.
    pub(crate) is_busy: bool,
    /// True if the server sends nothing more.
    pub(crate) is_mute: bool,
    pub(crate) has_envelope: bool,
    pub(crate) recipients: usize,
    /// The position where the message began, while it is in a message.
    pub(crate) message: Option<usize>,
    /// True if the script's action within this message has happened.
    pub(crate) is_disturbed: bool,
}

/// The input of a connection, and the replies to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) offers: &'static [&'static str],
    pub(crate) input: Vec<u8>,
    /// The replies, each with the length of the input before it.
    pub(crate) replies: Vec<(usize, String)>,
    /// The position where this run began.
    pub(crate) start: usize,
    pub(crate) is_closed: bool,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("there are sockets");
        // A server that does not read must block its client before the client has written megabytes.
        socket.set_recv_buffer_size(16 << 10).expect("a small buffer");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port is free");
        let listener = socket.listen(64).expect("it is bound");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            script: Mutex::new(Arc::new(Script::harmless())),
            dots: AtomicUsize::new(0),
            connections: Mutex::default(),
            abandoned: Notify::new(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { port, shared, task }
    }

    /// Begins a run, and forgets connections that have ended.
    pub(crate) fn begin(&self, script: Script) {
        let idle = script.idle;
        *lock(&self.shared.script) = Arc::new(script);
        self.shared.dots.store(0, Ordering::SeqCst);
        // Clears the signal of a run that ended just before the script dropped it.
        std::pin::pin!(self.shared.abandoned.notified()).enable();
        let mut connections = lock(&self.shared.connections);
        connections.retain(|connection| lock(&connection.state).stream.is_some());
        for connection in connections.iter() {
            lock(&connection.state).begin(idle);
        }
    }

    /// Waits until the script drops the run.
    pub(crate) async fn abandoned(&self) {
        self.shared.abandoned.notified().await;
    }

    /// Waits until each connection is closed, or between two messages with all input answered.
    pub(crate) async fn settle(&self) {
        for turn in 0.. {
            if self.connections().iter().all(|connection| lock(&connection.state).is_settled()) {
                return;
            }
            match turn {
                0..200 => tokio::task::yield_now().await,
                _ => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }

    /// Waits until every connection is closed.
    pub(crate) async fn closed(&self) {
        let is_open = |one: &Arc<Connection>| lock(&one.state).stream.is_some();
        while self.connections().iter().any(is_open) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.connections().iter().map(|connection| lock(&connection.state).record.clone()).collect()
    }

    fn connections(&self) -> Vec<Arc<Connection>> {
        lock(&self.shared.connections).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics while holding it")
}

impl State {
    /// Performs the action on a connection before a run.
    fn begin(&mut self, idle: Idle) {
        self.record.start = self.record.input.len();
        let Some(stream) = &self.stream else { return };
        let words = match idle {
            Idle::Kept => return,
            Idle::Closed => "",
            Idle::SeenOff => "421 4.4.2 bye\r\n",
            Idle::SpokenTo => "250 2.0.0 hello\r\n",
        };
        // The connection is idle, so there is room for a line, unless the client has closed it.
        let _ = SockRef::from(&**stream).send(words.as_bytes());
        self.record.replies.push((self.record.start, words.to_owned()));
        if idle != Idle::SpokenTo {
            let _ = SockRef::from(&**stream).shutdown(Shutdown::Both);
        }
    }

    fn is_settled(&self) -> bool {
        let Some(stream) = &self.stream else { return true };
        let is_between = !self.is_busy
            && !self.is_mute
            && !self.has_envelope
            && self.message.is_none()
            && self.answered == self.record.input.len();
        // Asks the socket directly, because the runtime may not have noticed new input yet.
        let mut byte = [MaybeUninit::uninit()];
        let peeked = SockRef::from(&**stream).peek(&mut byte);
        is_between && matches!(peeked, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }
}
