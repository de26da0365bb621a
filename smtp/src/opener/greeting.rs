//! The server's greeting, and the detection of a port that speaks TLS from the start.
//!
//! A server that speaks TLS from the start waits for its client, and a client of plain SMTP waits for the server. If
//! the account's `security` is wrong, both would wait until the timeout, and the error could only guess the cause.

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
use crate::failure::{Failure, FailureCode, Mend, Phase};
use crate::network::{Unchained, provider};
use crate::replies::reply::RawReply;
use crate::settings::ServerSettings;

/// The time without a greeting after which the port is tried with TLS. Most servers greet within a network round trip.
/// A slow server gets one more connection, and its greeting still counts.
const SILENCE: Duration = Duration::from_secs(1);

/// The port between mail servers (RFC 5321). Servers there delay the greeting on purpose, and treat a client that talks
/// first as a spammer.
const RELAY_PORT: u16 = 25;

/// Waits for the greeting. Also detects a port that speaks TLS from the start.
pub(crate) async fn greet(
    connection: &mut Connection,
    opener: &Opener,
) -> Result<RawReply, Failure> {
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
        220 => Ok(greeting),
        _ => Err(verdict::of(connection, Phase::Greeting, &greeting)),
    }
}

/// Reports whether a server answers a TLS handshake on a second connection to its address. No other data is sent there,
/// so the certificate does not need to be trusted.
///
/// The first connection cannot be used for this. A plain SMTP server would read the handshake as commands, and a late
/// greeting would be lost.
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
        // A TLS error also shows that the port speaks TLS: the version is too old, or a client certificate is required.
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
        "{host} speaks TLS from the start at port {port}, but the account's security is \"{security}\""
    );
    Failure::new(FailureCode::Tls, Phase::Greeting, message)
        .hint("set the account's security to \"tls\": security = \"tls\"")
        .after_config_change()
        .mended_by(Mend::security("tls"))
}
