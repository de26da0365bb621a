//! A connection's bytes, in the clear or through TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::network::NetworkStream;

/// A connection to a server.
///
/// The first write that does not complete is its last: part of it may be on the wire, and what followed would be read as
/// something else than it is. A write that was dropped while it waited counts as one that did not complete.
pub(crate) struct Stream {
    channel: Channel,
    /// Whether every write so far went out whole.
    is_whole: bool,
}

/// How the bytes travel.
enum Channel {
    /// Anyone on the way can read them.
    Clear(Box<dyn NetworkStream>),
    /// Only the server can.
    Tls(Box<TlsStream<Box<dyn NetworkStream>>>),
}

/// Bytes that are asked for at once: the replies to the commands of an envelope come in one read.
const READ: usize = 1024;

impl Stream {
    /// A connection that was just opened.
    pub(crate) fn new(stream: Box<dyn NetworkStream>) -> Self {
        Self { channel: Channel::Clear(stream), is_whole: true }
    }

    /// Encrypts what has been in the clear so far.
    pub(crate) async fn encrypt(
        self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        match self.channel {
            Channel::Clear(stream) => {
                let connector = TlsConnector::from(config);
                let stream = connector.connect(name, stream).await?;
                Ok(Self { channel: Channel::Tls(Box::new(stream)), ..self })
            }
            Channel::Tls(_) => Ok(self),
        }
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.channel, Channel::Tls(_))
    }

    /// What the handshake agreed on, for people.
    pub(crate) fn tls_version(&self) -> Option<String> {
        match &self.channel {
            Channel::Clear(_) => None,
            Channel::Tls(stream) => {
                let (_, session) = stream.get_ref();
                let version = session.protocol_version()?.as_str()?.replace("TLSv", "TLS ");
                Some(version.replace('_', "."))
            }
        }
    }

    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.network().peer_address()
    }

    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.network().local_address()
    }

    /// Reads what there is, at least a byte unless the connection has ended.
    pub(crate) async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        into.reserve(READ);
        match &mut self.channel {
            Channel::Clear(stream) => stream.read_buf(into).await,
            Channel::Tls(stream) => stream.read_buf(into).await,
        }
    }

    /// Writes everything, and flushes it. Refuses to write after a write that did not complete.
    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Set again below, where the write has completed: not if it fails, nor if this future is dropped.
        if !std::mem::take(&mut self.is_whole) {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "an earlier write failed"));
        }
        match &mut self.channel {
            Channel::Clear(stream) => stream.write_all(bytes).await?,
            Channel::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await?;
            }
        }
        self.is_whole = true;
        Ok(())
    }

    /// Whether every write so far completed.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether nothing is there to be read: neither bytes nor the connection's end.
    pub(crate) fn is_silent(&mut self) -> bool {
        match &mut self.channel {
            Channel::Clear(stream) => stream.is_silent(),
            Channel::Tls(stream) => stream.get_mut().0.is_silent(),
        }
    }

    fn network(&self) -> &dyn NetworkStream {
        match &self.channel {
            Channel::Clear(stream) => stream.as_ref(),
            Channel::Tls(stream) => stream.get_ref().0.as_ref(),
        }
    }
}
