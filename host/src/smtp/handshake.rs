//! From a host's name to a connection on which mail may be sent: dialled, greeted, encrypted, logged in.

use std::io;
use std::sync::Arc;

use lettre::transport::smtp::commands::{Ehlo, Starttls};
use rustls::pki_types::ServerName;
use tokio::time::timeout_at;

use super::auth::authenticate;
use super::connection::{Clock, Connection};
use super::extensions::Extensions;
use super::local_name::client_id;
use super::redaction::Redaction;
use super::stream::Stream;
use super::transcript::{Entry, Transcript};
use super::verdict;
use crate::accounts::{Account, HostName, Secret, Security};
use crate::failure::{Failure, FailureCode, Phase};
use crate::network::{DialError, Reach, RootsError, client_config, dial};

/// Opens a connection for an account.
///
/// What can be known to be wrong without the server is found before it is dialled.
pub(super) async fn open(
    account: &Arc<Account>,
    reach: Reach,
    transcript: Option<Arc<dyn Transcript>>,
) -> Result<Connection, Failure> {
    let clock = Clock::start(account);
    let password = match &account.credentials {
        Some(credentials) => Some(credentials.password.reveal().await.map_err(|error| {
            let failure = Failure::new(FailureCode::Account, Phase::Policy, error.to_string());
            let hint = error.hint().unwrap_or("check the account's password").to_owned();
            failure.hint(hint).after_config_change()
        })?),
        None => None,
    };
    let tls = match account.security {
        Security::None => None,
        _ => Some(TlsParameters::of(account)?),
    };
    let mut redaction = Redaction::default();
    if let Some(password) = &password {
        redaction.add(password);
    }
    let deadline = clock.stage(account.timeouts.connect);
    let stream = dial(&account.host, account.port, reach, deadline)
        .await
        .map_err(|error| dial_failure(account, error))?;
    let mut connection =
        Connection::new(Stream::Clear(stream), Arc::clone(account), redaction, clock, transcript);
    connection.note(|| {
        let peer = connection.stream.peer();
        Entry::Connected(peer.map_or_else(|_| account.host.to_string(), |peer| peer.to_string()))
    });
    if let (Security::Tls, Some(tls)) = (account.security, &tls) {
        connection = encrypt(connection, tls, Phase::Connect).await?;
    }
    greet(&mut connection).await?;
    introduce(&mut connection).await?;
    if let (Security::Starttls | Security::StarttlsOptional, Some(tls)) = (account.security, &tls) {
        connection = starttls(connection, tls).await?;
    }
    if let Some(password) = password {
        log_in(&mut connection, &password).await?;
    }
    Ok(connection)
}

/// What TLS with the account's server needs.
struct TlsParameters {
    config: rustls::ClientConfig,
    name: ServerName<'static>,
}

impl TlsParameters {
    fn of(account: &Account) -> Result<Self, Failure> {
        let config = client_config(account.tls.ca.as_deref()).map_err(|error| {
            let (message, hint) = match error {
                RootsError::File(reason) => (
                    format!("the account's certificate authorities cannot be used: {reason}"),
                    "check tls.ca: it names a PEM file",
                ),
                RootsError::System(reason) => (
                    format!("this machine's certificate authorities cannot be used: {reason}"),
                    "install them (ca-certificates), or name a PEM file in the account's tls.ca",
                ),
            };
            Failure::new(FailureCode::Account, Phase::Policy, message)
                .hint(hint)
                .after_config_change()
        })?;
        let host = account.tls.server_name.as_ref().unwrap_or(&account.host);
        let name = match host {
            HostName::Ip(address) => ServerName::from(*address),
            HostName::Name(name) => ServerName::try_from(name.clone()).map_err(|_| {
                let message = format!("{name} is no name that a certificate could have");
                Failure::new(FailureCode::Account, Phase::Policy, message)
                    .hint("set the account's tls.serverName")
                    .after_config_change()
            })?,
        };
        Ok(Self { config, name })
    }
}

fn dial_failure(account: &Account, error: DialError) -> Failure {
    let (host, port) = (&account.host, account.port);
    match error {
        DialError::Resolve(reason) => {
            let message = format!("the name {host} cannot be resolved: {reason}");
            Failure::new(FailureCode::Dns, Phase::Resolve, message)
                .hint("check the account's host, and this machine's network")
                .later()
        }
        DialError::Forbidden => {
            let message = format!("the host {host} is not on the public internet");
            Failure::new(FailureCode::Policy, Phase::Resolve, message)
                .hint("use a public server, or have the platform allow private ones")
                .after_config_change()
        }
        DialError::Connect(reason) => {
            let message = format!("{host} cannot be connected to at port {port}: {reason}");
            Failure::new(FailureCode::Connect, Phase::Connect, message)
                .hint("check host and port; many networks block port 25, and 587 or 465 is what mail programs use")
                .later()
        }
        DialError::Timeout { resolving } => {
            let (phase, what) = match resolving {
                true => (Phase::Resolve, "its name was not resolved in time"),
                false => (Phase::Connect, "it did not answer in time"),
            };
            let message = format!("{host} cannot be connected to at port {port}: {what}");
            Failure::new(FailureCode::Timeout, phase, message)
                .hint("check host and port; many networks block port 25, and 587 or 465 is what mail programs use")
                .later()
        }
    }
}

async fn greet(connection: &mut Connection) -> Result<(), Failure> {
    let deadline = connection.clock().stage(connection.account.timeouts.greeting);
    let greeting = connection.reply(deadline).await;
    let greeting = greeting.map_err(|broken| connection.broken(Phase::Greeting, broken))?;
    match greeting.code {
        220 => Ok(()),
        _ => Err(verdict::of(connection, Phase::Greeting, &greeting)),
    }
}

/// EHLO, or HELO where the server does not know it (RFC 5321 section 3.2).
async fn introduce(connection: &mut Connection) -> Result<(), Failure> {
    let local = connection.stream.local().ok().map(|address| address.ip());
    let client = client_id(connection.account.ehlo_name.as_ref(), local);
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
    match reply.code {
        250 => Ok(()),
        _ => Err(verdict::of(connection, Phase::Ehlo, &reply)),
    }
}

async fn starttls(mut connection: Connection, tls: &TlsParameters) -> Result<Connection, Failure> {
    if !connection.extensions.starttls {
        if connection.account.security == Security::StarttlsOptional {
            return Ok(connection);
        }
        let account = &connection.account;
        let message = format!("{} does not offer STARTTLS at port {}", account.host, account.port);
        return Err(Failure::new(FailureCode::Tls, Phase::Starttls, message)
            .hint("port 465 with security = \"tls\" may work; a network in between may be stripping STARTTLS")
            .after_config_change());
    }
    let reply = connection.command(&Starttls.to_string()).await;
    let reply = reply.map_err(|broken| connection.broken(Phase::Starttls, broken))?;
    if reply.code != 220 {
        return Err(verdict::of(&connection, Phase::Starttls, &reply));
    }
    // What came in the clear after the go-ahead was put there by somebody else (CVE-2011-0411): it must
    // not be read as if it came through TLS.
    if connection.has_unasked() {
        let message = "something was sent in the clear after the go-ahead for STARTTLS";
        return Err(Failure::new(FailureCode::Tls, Phase::Starttls, message)
            .hint("somebody on the network may be tampering; port 465 with security = \"tls\" leaves no room for it")
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
        Phase::Connect => connection.account.timeouts.connect,
        _ => connection.account.timeouts.command,
    };
    let deadline = connection.clock().stage(length);
    let handshake = connection.stream.encrypt(tls.config.clone(), tls.name.clone());
    let stream = match timeout_at(deadline, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(reason)) => return Err(tls_failure(&connection.account, phase, &reason)),
        Err(_) => {
            let message =
                "the server did not answer in time while the connection was being encrypted";
            return Err(Failure::new(FailureCode::Timeout, phase, message)
                .hint(not_tls_hint(&connection.account))
                .later());
        }
    };
    connection.stream = stream;
    let version = connection.stream.tls_version().unwrap_or_else(|| "TLS".to_owned());
    connection.note(|| Entry::Encrypted(version));
    Ok(connection)
}

fn tls_failure(account: &Account, phase: Phase, reason: &io::Error) -> Failure {
    let inner = reason.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(error) = inner else {
        let message = format!("the connection broke while it was being encrypted: {reason}");
        return Failure::new(FailureCode::Connect, phase, message)
            .hint(not_tls_hint(account))
            .later();
    };
    let (message, hint) = match error {
        rustls::Error::InvalidCertificate(why) => (
            format!("the certificate of {} is not trusted: {}", account.host, certificate(why)),
            "check the host's name; for a server of your own, name its authority in the account's tls.ca"
                .to_owned(),
        ),
        rustls::Error::InvalidMessage(_) => {
            ("the server does not speak TLS here".to_owned(), not_tls_hint(account))
        }
        other => (
            format!("the connection cannot be encrypted: {other}"),
            "the server may only know versions of TLS before 1.2, which are not secure".to_owned(),
        ),
    };
    Failure::new(FailureCode::Tls, phase, message).hint(hint).after_config_change()
}

fn certificate(why: &rustls::CertificateError) -> String {
    use rustls::CertificateError as Why;
    match why {
        Why::Expired | Why::ExpiredContext { .. } => "it has expired".to_owned(),
        Why::NotValidYet | Why::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            "it is for another name".to_owned()
        }
        Why::UnknownIssuer | Why::BadSignature => "nobody that is trusted has signed it".to_owned(),
        Why::Revoked => "it was revoked".to_owned(),
        other => other.to_string(),
    }
}

/// What to try where a server and a client do not agree about TLS: by far the commonest mistake.
fn not_tls_hint(account: &Account) -> String {
    match (account.security, account.port) {
        (Security::Tls, 587 | 25 | 2587) => {
            format!("port {} speaks STARTTLS: set security = \"starttls\"", account.port)
        }
        (Security::Tls, _) => "set security = \"starttls\", or port 465".to_owned(),
        _ => "try port 465 with security = \"tls\"".to_owned(),
    }
}

async fn log_in(connection: &mut Connection, password: &Secret) -> Result<(), Failure> {
    let peer = connection.stream.peer().ok();
    let own = peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    if !connection.stream.is_encrypted() && !own {
        let message = "the connection is not encrypted, so the password was not sent";
        return Err(Failure::new(FailureCode::Tls, Phase::Auth, message)
            .hint("set the account's security to starttls or tls")
            .after_config_change());
    }
    authenticate(connection, password).await
}
