//! The byte stream of a connection, with or without TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::network::NetworkStream;

/// A connection to a server.
///
/// After a write that does not complete, every further write fails. A part of the data may have been sent, so the
/// server would misread what follows. A write whose future is dropped counts as incomplete.
pub(crate) struct Stream {
    channel: Channel,
    /// Whether every write so far completed.
    is_whole: bool,
}

/// The channel, with or without TLS.
enum Channel {
    /// Not encrypted: anyone on the network path can read the bytes.
    Clear(Box<dyn NetworkStream>),
    /// Encrypted with TLS.
    Tls(Box<TlsStream<Box<dyn NetworkStream>>>),
}

/// The bytes reserved for one read, enough for the replies to all commands of an envelope.
const READ: usize = 1024;

impl Stream {
    /// Wraps a new connection, without TLS.
    pub(crate) fn new(stream: Box<dyn NetworkStream>) -> Self {
        Self { channel: Channel::Clear(stream), is_whole: true }
    }

    /// Starts TLS on the connection.
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

    /// Returns the TLS session, if the connection is encrypted.
    pub(crate) fn tls_session(&self) -> Option<&ClientConnection> {
        match &self.channel {
            Channel::Clear(_) => None,
            Channel::Tls(stream) => Some(stream.get_ref().1),
        }
    }

    /// Returns the TLS version to show, such as `TLS 1.3`.
    pub(crate) fn tls_version(&self) -> Option<String> {
        let version = self.tls_session()?.protocol_version()?.as_str()?;
        Some(version.replace("TLSv", "TLS ").replace('_', "."))
    }

    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.network().peer_address()
    }

    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.network().local_address()
    }

    /// Reads the available bytes: at least one, unless the connection has ended.
    pub(crate) async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        into.reserve(READ);
        match &mut self.channel {
            Channel::Clear(stream) => stream.read_buf(into).await,
            Channel::Tls(stream) => stream.read_buf(into).await,
        }
    }

    /// Writes and flushes all bytes. Fails after an earlier write that did not complete.
    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Set again below only if the write completes: not if it fails, nor if this future is dropped.
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

    /// Reports whether every write so far completed.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Reports whether a read would wait: there are no bytes, and the connection has not ended.
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
