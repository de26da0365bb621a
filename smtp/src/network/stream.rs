//! A connection that a network opened.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection that a [`Network`](super::Network) opened: a TCP socket, or a way through a proxy.
///
/// Every stream of bytes can be one. The methods have defaults for streams that know less than a socket does.
pub trait NetworkStream: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static {
    /// The address of this end, if it is known. EHLO gives it where the machine has no domain name.
    fn local_address(&self) -> Option<SocketAddr> {
        None
    }

    /// The address of the other end, if it is known. Credentials are sent without encryption only to an address of this
    /// machine, so never through a proxy.
    fn peer_address(&self) -> Option<SocketAddr> {
        None
    }

    /// Whether nothing can be read right now: neither bytes nor the connection's end.
    ///
    /// It is asked before an idle connection is used again. The default tries to read a byte; what it takes is not
    /// missed, since a connection on which something came is closed.
    fn is_silent(&mut self) -> bool {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(self).poll_read(&mut context, &mut buffer).is_pending()
    }
}

impl NetworkStream for TcpStream {
    fn local_address(&self) -> Option<SocketAddr> {
        self.local_addr().ok()
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        self.peer_addr().ok()
    }

    /// The socket itself is asked, since the runtime may not have heard of it yet.
    fn is_silent(&mut self) -> bool {
        let mut byte = [std::mem::MaybeUninit::uninit()];
        let peeked = socket2::SockRef::from(&*self).peek(&mut byte);
        matches!(peeked, Err(reason) if reason.kind() == io::ErrorKind::WouldBlock)
    }
}
