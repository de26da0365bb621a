//! Opens a connection that is ready for mail: connects, greets, starts TLS and logs in.

use std::sync::Arc;

use lettre::transport::smtp::commands::{Ehlo, Starttls};
use tokio::time::{Instant, timeout_at};

use super::details;
use super::dial_failure::dial_failure;
use super::greeting::greet;
use crate::BoxFuture;
use crate::auth::authenticate;
use crate::client::clock::Clock;
use crate::client::connection::Connection;
use crate::client::local_name::client_id;
use crate::client::stream::Stream;
use crate::client::tls::{TlsParameters, not_tls_hint, not_tls_mend};
use crate::client::tls_failure::tls_failure;
use crate::client::transcript::{Entry, Transcript};
use crate::client::verdict;
use crate::failure::{Failure, FailureCode, Phase};
use crate::network::{DeniedAddresses, Destination, Network, NetworkStream, Purpose, Reach, Route};
use crate::oauth2::{Caller, Tokens};
use crate::replies::Lack;
use crate::replies::extensions::Extensions;
use crate::replies::reply::RawReply;
use crate::secret::{Redaction, Secret};
use crate::settings::{
    AuthSecret, Credentials, OAuth2, Security, ServerSettings, TokenRequest, TokenSource,
};
use crate::steps::{Recorder, StepKind};

/// Opens connections, with the rules for allowed addresses.
#[derive(Clone)]
pub(crate) struct Opener {
    pub(crate) network: Arc<dyn Network>,
    pub(crate) reach: Reach,
    pub(crate) denied: DeniedAddresses,
    pub(crate) transcript: Option<Arc<dyn Transcript>>,
    pub(crate) tokens: Arc<Tokens>,
    /// The recorder of the steps, for a test.
    pub(crate) steps: Recorder,
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
            let (opened, is_refused) = self.try_secret(server, clock, secret.as_ref()).await;
            match secret {
                // The first one was from the cache.
                Some((_, false)) if is_refused => {
                    let secret = self.secret(server, clock).await?;
                    self.try_secret(server, clock, secret.as_ref()).await.0
                }
                _ => opened,
            }
        })
    }

    /// Opens a connection with this secret. If the server refuses an access token, the token leaves the cache. Returns
    /// whether it did.
    async fn try_secret(
        &self,
        server: &Arc<ServerSettings>,
        clock: Clock,
        secret: Option<&(Secret, bool)>,
    ) -> (Result<Connection, Failure>, bool) {
        let opened = self.open_with(server, clock, secret).await;
        let (Err(failure), Some((token, _)), Some(request)) =
            (&opened, secret, token_request(server))
        else {
            return (opened, false);
        };
        // 504 refuses the mechanism, not the token.
        let is_refused = failure.code == FailureCode::Auth
            && failure
                .reply
                .as_ref()
                .is_some_and(|reply| matches!(reply.code.get(), 500..=503 | 505..=599));
        if is_refused {
            self.tokens.forget(request, token, clock.end()).await;
        }
        (opened, is_refused)
    }

    /// Returns the account's secret, and whether it was just fetched.
    async fn secret(
        &self,
        server: &ServerSettings,
        clock: Clock,
    ) -> Result<Option<(Secret, bool)>, Failure> {
        let Some(credentials) = &server.credentials else { return Ok(None) };
        let step = self.steps.begin(StepKind::Secret);
        let secret = self.secret_of(credentials, server, clock).await;
        step.end(secret, |_| details::secret(credentials)).map(Some)
    }

    async fn secret_of(
        &self,
        credentials: &Credentials,
        server: &ServerSettings,
        clock: Clock,
    ) -> Result<(Secret, bool), Failure> {
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
                    return Ok((token.secret, token.is_fresh));
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
        Ok((secret?, true))
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
            _ => Some(self.steps.begin(StepKind::Tls).check(TlsParameters::of(server))?),
        };
        let mut redaction = Redaction::default();
        if let Some((secret, _)) = secret {
            redaction.add(secret);
        }
        let deadline = clock.stage(server.timeouts.connect);
        let stream = self.dial(server, deadline).await?;
        let transcript = self.transcript.clone();
        let mut connection =
            Connection::new(Stream::new(stream), Arc::clone(server), redaction, clock, transcript);
        connection.note(|| {
            let peer = connection.stream.peer();
            let host = || server.host.to_string();
            Entry::Connected(peer.map_or_else(host, |peer| peer.to_string()))
        });
        if let (Security::Tls, Some(tls)) = (server.security, &tls) {
            let step = self.steps.begin(StepKind::Tls);
            connection = step.end(encrypt(connection, tls, Phase::Connect).await, details::tls)?;
        }
        let step = self.steps.begin(StepKind::Greeting);
        let greeting = greet(&mut connection, self).await;
        step.end(greeting, |greeting| details::greeting(&connection, greeting))?;
        self.introduce(&mut connection).await?;
        if let (Security::Starttls | Security::StarttlsOptional, Some(tls)) =
            (server.security, &tls)
        {
            connection = self.starttls(connection, tls).await?;
        }
        if let (Some((secret, _)), Some(credentials)) = (secret, &server.credentials) {
            let step = self.steps.begin(StepKind::Login);
            let login = log_in(&mut connection, credentials, secret).await;
            step.end(login, |mechanism| details::login(credentials, mechanism))?;
        }
        Ok(connection)
    }

    async fn dial(
        &self,
        server: &ServerSettings,
        deadline: Instant,
    ) -> Result<Box<dyn NetworkStream>, Failure> {
        let (destination, network) = (self.destination(server), self.network.as_ref());
        let step = self.steps.begin(StepKind::Resolve);
        let addresses = destination.addresses(network, deadline).await;
        let addresses = addresses.map_err(|error| dial_failure(server, error));
        let addresses = step.end(addresses, |addresses| details::resolve(addresses.as_deref()))?;
        let step = self.steps.begin(StepKind::Connect);
        let reached = destination.connect(addresses, network, deadline).await;
        let reached = reached.map_err(|error| dial_failure(server, error));
        step.end(reached, |reached| details::connect(server, reached)).map(|reached| reached.stream)
    }

    async fn introduce(&self, connection: &mut Connection) -> Result<(), Failure> {
        let step = self.steps.begin(StepKind::Ehlo);
        let reply = introduce(connection).await;
        step.end(reply, |reply| details::ehlo(connection, reply)).map(|_| ())
    }

    async fn starttls(
        &self,
        connection: Connection,
        tls: &TlsParameters,
    ) -> Result<Connection, Failure> {
        if !connection.extensions.starttls
            && connection.server.security == Security::StarttlsOptional
        {
            return Ok(connection);
        }
        let step = self.steps.begin(StepKind::Tls);
        let mut connection = step.end(starttls(connection, tls).await, details::tls)?;
        self.introduce(&mut connection).await?;
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
        AuthSecret::OAuth2(OAuth2 { source: TokenSource::Endpoint(request), .. }) => Some(request),
        _ => None,
    }
}

/// Sends EHLO, or HELO if the server does not know EHLO (RFC 5321 section 3.2). Returns the reply.
async fn introduce(connection: &mut Connection) -> Result<RawReply, Failure> {
    let local = connection.stream.local().map(|address| address.ip());
    let client = client_id(connection.server.ehlo_name.as_ref(), local);
    let ehlo = connection.command(&Ehlo::new(client.clone()).to_string()).await;
    let reply = ehlo.map_err(|broken| connection.broken(Phase::Ehlo, broken))?;
    if reply.code == 250 {
        connection.extensions = Extensions::parse(&reply.lines);
        return Ok(reply);
    }
    if !reply.is_permanent() {
        return Err(verdict::of(connection, Phase::Ehlo, &reply));
    }
    let helo = connection.command(&format!("HELO {client}\r\n")).await;
    let reply = helo.map_err(|broken| connection.broken(Phase::Ehlo, broken))?;
    connection.extensions = Extensions::default();
    match reply.code.get() {
        250 => Ok(reply),
        _ => Err(verdict::of(connection, Phase::Ehlo, &reply)),
    }
}

async fn starttls(mut connection: Connection, tls: &TlsParameters) -> Result<Connection, Failure> {
    if !connection.extensions.starttls {
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
    encrypt(connection, tls, Phase::Starttls).await
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
                .mended_by(not_tls_mend(&connection.server))
                .later());
        }
    };
    connection.stream = stream;
    let version = connection.stream.tls_version().unwrap_or_else(|| "TLS".to_owned());
    connection.note(|| Entry::Encrypted(version));
    Ok(connection)
}

async fn log_in(
    connection: &mut Connection,
    credentials: &Credentials,
    secret: &Secret,
) -> Result<&'static str, Failure> {
    let peer = connection.stream.peer();
    let own = peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    if !connection.stream.is_encrypted() && !own {
        let message = "the connection is not encrypted, so the credentials were not sent";
        return Err(Failure::new(FailureCode::Tls, Phase::Auth, message)
            .hint("set the account's security to starttls or tls")
            .after_config_change());
    }
    authenticate(connection, credentials, secret).await
}
