//! Opens a connection that is ready for mail: connects, greets, starts TLS and logs in.

use std::sync::Arc;

use lettre::transport::smtp::commands::{Ehlo, Starttls};
use tokio::time::{Instant, timeout_at};

use super::greeting::greet;
use crate::BoxFuture;
use crate::address::HostName;
use crate::auth::authenticate;
use crate::client::clock::Clock;
use crate::client::connection::Connection;
use crate::client::local_name::client_id;
use crate::client::stream::Stream;
use crate::client::tls::{TlsParameters, not_tls_hint};
use crate::client::tls_failure::tls_failure;
use crate::client::transcript::{Entry, Transcript};
use crate::client::verdict;
use crate::failure::{Failure, FailureCode, Phase};
use crate::network::{DeniedAddresses, Destination, DialError, Network, Purpose, Reach, Route};
use crate::oauth2::{Caller, Tokens};
use crate::replies::Lack;
use crate::replies::extensions::Extensions;
use crate::secret::{Redaction, Secret};
use crate::settings::{AuthSecret, OAuth2, Security, ServerSettings, TokenRequest, TokenSource};

/// Opens connections, with the rules for allowed addresses.
#[derive(Clone)]
pub(crate) struct Opener {
    pub(crate) network: Arc<dyn Network>,
    pub(crate) reach: Reach,
    pub(crate) denied: DeniedAddresses,
    pub(crate) transcript: Option<Arc<dyn Transcript>>,
    pub(crate) tokens: Arc<Tokens>,
}

impl Opener {
    /// Opens a connection to a server, within the deadline of its message.
    ///
    /// A cached access token may have been revoked. If the server refuses it, a new one is tried.
    ///
    /// The future is boxed: most messages reuse an open connection, and do not need to reserve memory for it.
    pub(crate) fn open<'a>(
        &'a self,
        server: &'a Arc<ServerSettings>,
        clock: Clock,
    ) -> BoxFuture<'a, Result<Connection, Failure>> {
        Box::pin(async move {
            let secret = self.secret(server, clock).await?;
            let opened = self.open_with(server, clock, secret.as_ref()).await;
            let (Err(failure), Some((token, is_fresh)), Some(request)) =
                (&opened, &secret, token_request(server))
            else {
                return opened;
            };
            // 504 refuses the mechanism, not the token.
            let is_refused = failure.code == FailureCode::Auth
                && failure
                    .reply
                    .as_ref()
                    .is_some_and(|reply| matches!(reply.code.get(), 500..=503 | 505..=599));
            if !is_refused {
                return opened;
            }
            self.tokens.forget(request, token, clock.end()).await;
            if *is_fresh {
                return opened;
            }
            let secret = self.secret(server, clock).await?;
            self.open_with(server, clock, secret.as_ref()).await
        })
    }

    /// Returns the account's secret, and whether it was just fetched.
    async fn secret(
        &self,
        server: &ServerSettings,
        clock: Clock,
    ) -> Result<Option<(Secret, bool)>, Failure> {
        let Some(credentials) = &server.credentials else { return Ok(None) };
        let (source, what) = match &credentials.secret {
            AuthSecret::Password(source) => (source, "password"),
            AuthSecret::OAuth2(oauth2) => match &oauth2.source {
                TokenSource::Given(source) => (source, "access token"),
                TokenSource::Endpoint(request) => {
                    let caller = Caller {
                        account: Some(server.name()),
                        network: self.network.as_ref(),
                        reach: self.reach,
                        denied: &self.denied,
                        proxy: server.proxy(),
                        deadline: clock.end(),
                    };
                    let token = self.tokens.token(request, caller).await?;
                    return Ok(Some((token.secret, token.is_fresh)));
                }
            },
        };
        let since = Instant::now();
        let revealed = timeout_at(clock.end(), source.resolve(what)).await.map_err(|_| {
            let message =
                format!("the {what} from {source} was not available {}", clock.waited(since));
            Failure::new(FailureCode::Timeout, Phase::Policy, message)
                .hint(
                    "check that the command ends by itself, or raise the account's timeouts.total",
                )
                .later()
        })?;
        let secret = revealed.and_then(|secret| {
            credentials.secret.check(server.auth, &secret)?;
            Ok(secret)
        });
        Ok(Some((secret?, true)))
    }

    /// Opens a connection with this secret. Checks the settings first, before it connects.
    async fn open_with(
        &self,
        server: &Arc<ServerSettings>,
        clock: Clock,
        secret: Option<&(Secret, bool)>,
    ) -> Result<Connection, Failure> {
        let tls = match server.security {
            Security::None => None,
            _ => Some(TlsParameters::of(server)?),
        };
        let mut redaction = Redaction::default();
        if let Some((secret, _)) = secret {
            redaction.add(secret);
        }
        let deadline = clock.stage(server.timeouts.connect);
        let stream = self.destination(server).dial(self.network.as_ref(), deadline).await;
        let stream = stream.map_err(|error| dial_failure(server, error))?;
        let transcript = self.transcript.clone();
        let mut connection =
            Connection::new(Stream::new(stream), Arc::clone(server), redaction, clock, transcript);
        connection.note(|| {
            let peer = connection.stream.peer();
            let host = || server.host.to_string();
            Entry::Connected(peer.map_or_else(host, |peer| peer.to_string()))
        });
        if let (Security::Tls, Some(tls)) = (server.security, &tls) {
            connection = encrypt(connection, tls, Phase::Connect).await?;
        }
        greet(&mut connection, self).await?;
        introduce(&mut connection).await?;
        if let (Security::Starttls | Security::StarttlsOptional, Some(tls)) =
            (server.security, &tls)
        {
            connection = starttls(connection, tls).await?;
        }
        if let Some((secret, _)) = secret {
            log_in(&mut connection, secret).await?;
        }
        Ok(connection)
    }
}

impl Opener {
    /// Returns the server as a destination, with the rules for connecting to it.
    pub(crate) fn destination<'a>(&'a self, server: &'a ServerSettings) -> Destination<'a> {
        Destination {
            host: &server.host,
            port: server.port,
            reach: self.reach,
            denied: &self.denied,
            purpose: Purpose::Smtp,
            account: Some(server.name()),
            route: server.proxy().map(|proxy| Route { proxy, reach: self.reach }),
        }
    }
}

/// Returns the account's request for access tokens, if it uses a token endpoint.
fn token_request(server: &ServerSettings) -> Option<&TokenRequest> {
    match &server.credentials.as_ref()?.secret {
        AuthSecret::OAuth2(OAuth2 { source: TokenSource::Endpoint(request) }) => Some(request),
        _ => None,
    }
}

/// Returns the failure for a connection that could not be opened.
///
/// Unlike for attachments, the error distinguishes an unknown name from one that is not public. The account's owner
/// chose the name, and the message can be retried if the resolver failed.
fn dial_failure(server: &ServerSettings, error: DialError) -> Failure {
    let (host, port) = (&server.host, server.port);
    match error {
        DialError::Resolve(reason) => {
            let message = format!("could not resolve the name {host}: {reason}");
            Failure::new(FailureCode::Dns, Phase::Resolve, message)
                .hint("check the account's host, and this machine's network")
                .later()
        }
        DialError::Forbidden => {
            let message = format!(
                "the host {host} is not on the public internet, or is denied by this platform"
            );
            Failure::new(FailureCode::Policy, Phase::Resolve, message)
                .hint("use a public server, or ask the platform's operator to allow this one")
                .after_config_change()
        }
        DialError::Unchecked => {
            let message = format!(
                "a proxy would resolve the name {host}, so this host cannot check its addresses"
            );
            Failure::new(FailureCode::Policy, Phase::Resolve, message)
                .hint("use a proxy of the form socks5://, so that this host resolves and checks names")
                .after_config_change()
        }
        DialError::Proxy(error) => error.into_failure(format_args!("{host} at port {port}")),
        DialError::ByName(reason) => {
            let code = match reason.kind() {
                std::io::ErrorKind::TimedOut => FailureCode::Timeout,
                _ => FailureCode::Connect,
            };
            let message = format!("could not connect to {host} at port {port}: {reason}");
            Failure::new(code, Phase::Connect, message).hint("check host and port").later()
        }
        DialError::ResolveTimeout(waited) => {
            let message = format!("the name {host} was not resolved within {waited}");
            Failure::new(FailureCode::Timeout, Phase::Resolve, message)
                .hint("check the account's host, and this machine's network and its name servers")
                .later()
        }
        DialError::Unreached(unreached) => {
            let code = match unreached.is_timeout() {
                true => FailureCode::Timeout,
                false => FailureCode::Connect,
            };
            let why = match host {
                HostName::Ip(_) => unreached.reasons().join("; "),
                HostName::Name(_) => unreached.to_string(),
            };
            let message = format!("could not connect to {host} at port {port}: {why}");
            let failure = Failure::new(code, Phase::Connect, message);
            match unreached.proxy_error() {
                Some(error) => error.advise(failure),
                None => failure
                    .hint("check host and port; many networks block port 25: mail programs use 587 or 465")
                    .later(),
            }
        }
    }
}

/// Sends EHLO, or HELO if the server does not know EHLO (RFC 5321 section 3.2).
async fn introduce(connection: &mut Connection) -> Result<(), Failure> {
    let local = connection.stream.local().map(|address| address.ip());
    let client = client_id(connection.server.ehlo_name.as_ref(), local);
    let ehlo = connection.command(&Ehlo::new(client.clone()).to_string()).await;
    let reply = ehlo.map_err(|broken| connection.broken(Phase::Ehlo, broken))?;
    if reply.code == 250 {
        connection.extensions = Extensions::parse(&reply.lines);
        return Ok(());
    }
    if !reply.is_permanent() {
        return Err(verdict::of(connection, Phase::Ehlo, &reply));
    }
    let helo = connection.command(&format!("HELO {client}\r\n")).await;
    let reply = helo.map_err(|broken| connection.broken(Phase::Ehlo, broken))?;
    connection.extensions = Extensions::default();
    match reply.code.get() {
        250 => Ok(()),
        _ => Err(verdict::of(connection, Phase::Ehlo, &reply)),
    }
}

async fn starttls(mut connection: Connection, tls: &TlsParameters) -> Result<Connection, Failure> {
    if !connection.extensions.starttls {
        if connection.server.security == Security::StarttlsOptional {
            return Ok(connection);
        }
        let server = &connection.server;
        let message = format!("{} does not offer STARTTLS at port {}", server.host, server.port);
        return Err(verdict::of_missing(&connection, Phase::Starttls, Lack::Starttls, message));
    }
    let reply = connection.command(&Starttls.to_string()).await;
    let reply = reply.map_err(|broken| connection.broken(Phase::Starttls, broken))?;
    if reply.code != 220 {
        return Err(verdict::of(&connection, Phase::Starttls, &reply));
    }
    // Unencrypted data after the server's reply was injected by an attacker (CVE-2011-0411). It must not be read as if
    // it came through TLS.
    if connection.has_unsolicited_data() {
        let message = "unencrypted data arrived after the server's reply to STARTTLS";
        return Err(Failure::new(FailureCode::Tls, Phase::Starttls, message)
            .hint("someone on the network may be tampering with the connection; use port 465 with security = \"tls\"")
            .after_config_change());
    }
    connection = encrypt(connection, tls, Phase::Starttls).await?;
    introduce(&mut connection).await?;
    Ok(connection)
}

async fn encrypt(
    mut connection: Connection,
    tls: &TlsParameters,
    phase: Phase,
) -> Result<Connection, Failure> {
    let length = match phase {
        Phase::Connect => connection.server.timeouts.connect,
        _ => connection.server.timeouts.command,
    };
    let (clock, since) = (connection.clock(), Instant::now());
    let deadline = clock.stage(length);
    let handshake = connection.stream.encrypt(Arc::clone(&tls.config), tls.name.clone());
    let stream = match timeout_at(deadline, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(reason)) => {
            let was_asked = tls.client_auth.was_asked();
            return Err(tls_failure(&connection.server, phase, &reason, was_asked));
        }
        Err(_) => {
            let waited = clock.waited(since);
            let message = format!("the server did not answer the TLS handshake {waited}");
            return Err(Failure::new(FailureCode::Timeout, phase, message)
                .hint(not_tls_hint(&connection.server))
                .later());
        }
    };
    connection.stream = stream;
    let version = connection.stream.tls_version().unwrap_or_else(|| "TLS".to_owned());
    connection.note(|| Entry::Encrypted(version));
    Ok(connection)
}

async fn log_in(connection: &mut Connection, secret: &Secret) -> Result<(), Failure> {
    let peer = connection.stream.peer();
    let own = peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    if !connection.stream.is_encrypted() && !own {
        let message = "the connection is not encrypted, so the credentials were not sent";
        return Err(Failure::new(FailureCode::Tls, Phase::Auth, message)
            .hint("set the account's security to starttls or tls")
            .after_config_change());
    }
    authenticate(connection, secret).await
}
