//! A connection's bytes, in the clear or through TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A connection to a server.
pub(super) enum Stream {
    /// Anyone on the way can read it.
    Clear(TcpStream),
    /// Only the server can.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Bytes that are asked for at once: the replies to the commands of an envelope come in one read.
const READ: usize = 1024;

impl Stream {
    /// Encrypts what has been in the clear so far.
    pub(super) async fn encrypt(
        self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        match self {
            Self::Clear(stream) => {
                let connector = TlsConnector::from(config);
                let stream = connector.connect(name, stream).await?;
                Ok(Self::Tls(Box::new(stream)))
            }
            Self::Tls(_) => Ok(self),
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// What the handshake agreed on, for people.
    pub(super) fn tls_version(&self) -> Option<String> {
        match self {
            Self::Clear(_) => None,
            Self::Tls(stream) => {
                let (_, session) = stream.get_ref();
                let version = session.protocol_version()?.as_str()?.replace("TLSv", "TLS ");
                Some(version.replace('_', "."))
            }
        }
    }

    pub(super) fn peer(&self) -> io::Result<SocketAddr> {
        self.tcp().peer_addr()
    }

    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        self.tcp().local_addr()
    }

    /// Reads what there is, at least a byte unless the connection has ended.
    pub(super) async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        into.reserve(READ);
        match self {
            Self::Clear(stream) => stream.read_buf(into).await,
            Self::Tls(stream) => stream.read_buf(into).await,
        }
    }

    /// Writes everything, and sees it off.
    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// Whether nothing is there to be read: neither bytes nor the connection's end. The socket itself is
    /// asked, since the runtime may not have heard of it yet.
    pub(super) fn is_silent(&self) -> bool {
        let mut byte = [std::mem::MaybeUninit::uninit()];
        let peeked = socket2::SockRef::from(self.tcp()).peek(&mut byte);
        matches!(peeked, Err(reason) if reason.kind() == io::ErrorKind::WouldBlock)
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Clear(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}
