//! The trait for the streams that a network opens.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection that a [`Network`](super::Network) opened: a TCP socket, or a tunnel through a proxy.
///
/// You can implement it for any byte stream. The methods have defaults for streams that are not sockets.
pub trait NetworkStream: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static {
    /// Returns the local address, if it is known. EHLO sends it if the machine has no domain name.
    fn local_address(&self) -> Option<SocketAddr> {
        None
    }

    /// Returns the remote address, if it is known. Without encryption, credentials are sent only to a loopback address,
    /// so never through a proxy.
    fn peer_address(&self) -> Option<SocketAddr> {
        None
    }

    /// Reports whether a read would wait: there are no bytes, and the connection has not ended.
    ///
    /// This is called before an idle connection is reused. The default tries to read a byte. That byte is not needed,
    /// since a connection with unexpected data is closed.
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

    /// Asks the socket itself, since the runtime may not know of new data yet.
    fn is_silent(&mut self) -> bool {
        let mut byte = [std::mem::MaybeUninit::uninit()];
        let peeked = socket2::SockRef::from(&*self).peek(&mut byte);
        matches!(peeked, Err(reason) if reason.kind() == io::ErrorKind::WouldBlock)
    }
}
