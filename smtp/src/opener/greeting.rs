//! The server's greeting, and a port that gives none because it speaks TLS.
//!
//! A server that speaks TLS from the start waits for its client, and a client of plain SMTP waits for the server. Where an
//! account has the wrong `security`, both would be silent until the timeout, and the error could only guess why.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsConnector;

use super::handshake::Opener;
use crate::client::connection::Connection;
use crate::client::verdict;
use crate::failure::{Failure, FailureCode, Phase};
use crate::network::{Unchained, provider};
use crate::settings::ServerSettings;

/// How long a server may be silent before its port is tried with TLS. Most servers greet within a network round trip; a
/// server that is slow costs itself one connection more, and is still waited for.
const SILENCE: Duration = Duration::from_secs(1);

/// The port between mail servers (RFC 5321). Servers there greet late on purpose, and take a client that talks first for
/// a sender of spam.
const RELAY_PORT: u16 = 25;

/// Awaits the greeting. A port that speaks TLS is noticed on the way.
pub(crate) async fn greet(connection: &mut Connection, opener: &Opener) -> Result<(), Failure> {
    let server = Arc::clone(&connection.server);
    let deadline = connection.clock().stage(server.timeouts.greeting);
    let mut peer = connection.stream.peer();
    if connection.stream.is_encrypted() || server.port == RELAY_PORT {
        peer = None;
    }
    let heard = {
        let mut greeting = pin!(connection.reply(deadline));
        let mut probe = pin!(async {
            let Some(peer) = peer else { return false };
            sleep(SILENCE).await;
            speaks_tls(&server, peer, opener, deadline).await
        });
        let mut has_probed = false;
        std::future::poll_fn(|context| {
            if let Poll::Ready(reply) = greeting.as_mut().poll(context) {
                return Poll::Ready(Some(reply));
            }
            if !has_probed && let Poll::Ready(speaks_tls) = probe.as_mut().poll(context) {
                has_probed = true;
                if speaks_tls {
                    return Poll::Ready(None);
                }
            }
            Poll::Pending
        })
        .await
    };
    let Some(greeting) = heard else { return Err(tls_from_the_start(&server)) };
    let greeting = greeting.map_err(|broken| connection.broken(Phase::Greeting, broken))?;
    match greeting.code.get() {
        220 => Ok(()),
        _ => Err(verdict::of(connection, Phase::Greeting, &greeting)),
    }
}

/// Whether a server answers a TLS handshake on a second connection to its address. Nothing else is sent there, so that no
/// certificate needs to be trusted.
///
/// The first connection could not be used for it: a server of plain SMTP would take the handshake for commands, and the
/// greeting that may yet come would be lost.
async fn speaks_tls(
    server: &ServerSettings,
    peer: SocketAddr,
    opener: &Opener,
    greeting: Instant,
) -> bool {
    let deadline = greeting.min(Instant::now() + server.timeouts.connect);
    let dialled =
        opener.destination(server).dial_again(peer, opener.network.as_ref(), deadline).await;
    let (Ok(stream), Some(config)) = (dialled, any_tls()) else { return false };
    let host = server.tls.server_name.as_ref().unwrap_or(&server.host);
    let name = ServerName::try_from(host.to_string()).unwrap_or_else(|_| peer.ip().into());
    match timeout_at(deadline, TlsConnector::from(Arc::new(config)).connect(name, stream)).await {
        Ok(Ok(_)) => true,
        // A refusal in TLS is TLS: a version that is too old, a client certificate that is wanted.
        Ok(Err(reason)) => {
            let inner = reason.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            inner.is_some_and(|error| !matches!(error, rustls::Error::InvalidMessage(_)))
        }
        Err(_) => false,
    }
}

fn any_tls() -> Option<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(provider());
    let config = builder.with_safe_default_protocol_versions().ok()?.dangerous();
    let verifier = Arc::new(Unchained::dangerous_any(provider()));
    Some(config.with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn tls_from_the_start(server: &ServerSettings) -> Failure {
    let ServerSettings { host, port, security, .. } = server;
    let message = format!(
        "{host} speaks TLS from the start at port {port}, and the account's security is \"{security}\""
    );
    Failure::new(FailureCode::Tls, Phase::Greeting, message)
        .hint("set the account's security to \"tls\": security = \"tls\"")
        .after_config_change()
}
