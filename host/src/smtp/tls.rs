//! TLS with an account's server (RFC 8314, RFC 3207): with what settings, and what went wrong.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig};
use zeroize::Zeroizing;

use crate::accounts::{Account, HostName, Security, TlsVersion};
use crate::failure::{Failure, FailureCode, Phase};
use crate::network::{RootsError, Unchained, provider, verifier};
use crate::private_files;

/// What TLS with the account's server needs.
pub(super) struct TlsParameters {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
}

impl TlsParameters {
    /// Everything that can be wrong about the settings is found here, before the server is dialled.
    pub(super) fn of(account: &Account) -> Result<Self, Failure> {
        let settings = &account.tls;
        let versions = match settings.min_version {
            TlsVersion::Tls12 => &[&TLS13, &TLS12][..],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .map_err(|reason| {
                unusable(reason.to_string(), "set the account's tls.minVersion to 1.2")
            })?
            .dangerous()
            .with_custom_certificate_verifier(believed(account)?);
        let config = match &settings.client_certificate {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let (chain, key) = (chain(&own.certificate)?, key(&own.key)?);
                builder.with_client_auth_cert(chain, key).map_err(|reason| {
                    let message =
                        format!("the account's client certificate cannot be used: {reason}");
                    unusable(message, "check that tls.clientKey is the key of tls.clientCert")
                })?
            }
        };
        let host = settings.server_name.as_ref().unwrap_or(&account.host);
        let name = match host {
            HostName::Ip(address) => ServerName::from(*address),
            HostName::Name(name) => ServerName::try_from(name.clone()).map_err(|_| {
                let message = format!("{name} is no name that a certificate could have");
                unusable(message, "set the account's tls.serverName")
            })?,
        };
        Ok(Self { config: Arc::new(config), name })
    }
}

/// Whose certificates the account believes.
fn believed(account: &Account) -> Result<Arc<dyn ServerCertVerifier>, Failure> {
    let settings = &account.tls;
    if let Some(pin) = settings.pin {
        return Ok(Arc::new(Unchained::pinned(pin, provider())));
    }
    if settings.allow_invalid_certificate {
        return Ok(Arc::new(Unchained::dangerous_any(provider())));
    }
    verifier(settings.ca.as_deref()).map_err(|error| match error {
        RootsError::File(reason) => unusable(
            format!("the account's certificate authorities cannot be used: {reason}"),
            "check tls.ca: it names a PEM file",
        ),
        RootsError::System(reason) => unusable(
            format!("this machine's certificate authorities cannot be used: {reason}"),
            "install them (ca-certificates), or name a PEM file in the account's tls.ca",
        ),
    })
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let chain: Vec<_> =
        read.map_err(|reason| no_pem(path, &reason.to_string(), "tls.clientCert"))?;
    match chain.is_empty() {
        true => Err(no_pem(path, "there is no certificate in it", "tls.clientCert")),
        false => Ok(chain),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Failure> {
    let failed = |reason: io::Error| no_pem(path, &reason.to_string(), "tls.clientKey");
    let mut file = File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    private_files::check_secret(path, &found).map_err(|exposed| {
        let message = format!("the account's client certificate cannot be used: {exposed}");
        unusable(message, &exposed.hint())
    })?;
    let mut pem = Zeroizing::new(Vec::new());
    file.read_to_end(&mut pem).map_err(failed)?;
    let read = PrivateKeyDer::from_pem_slice(&pem);
    read.map_err(|reason| no_pem(path, &reason.to_string(), "tls.clientKey"))
}

fn no_pem(path: &Path, reason: &str, setting: &str) -> Failure {
    let message =
        format!("the account's client certificate cannot be used: {}: {reason}", path.display());
    unusable(message, &format!("check {setting}: it names a PEM file"))
}

fn unusable(message: String, hint: &str) -> Failure {
    Failure::new(FailureCode::Account, Phase::Policy, message).hint(hint).after_config_change()
}

/// What a handshake that failed means.
pub(super) fn tls_failure(account: &Account, phase: Phase, reason: &io::Error) -> Failure {
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
            match why {
                CertificateError::ApplicationVerificationFailure => {
                    "if the server has a new certificate, ask whoever runs it for the new tls.pinSha256"
                }
                _ => {
                    "check the host's name; for a server of your own, name its authority in the account's tls.ca"
                }
            }
            .to_owned(),
        ),
        rustls::Error::InvalidMessage(_) => {
            ("the server does not speak TLS here".to_owned(), not_tls_hint(account))
        }
        rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired) => (
            "the server wants a client certificate".to_owned(),
            "set the account's tls.clientCert and tls.clientKey".to_owned(),
        ),
        other => (
            format!("the connection cannot be encrypted: {other}"),
            match account.tls.min_version {
                TlsVersion::Tls12 => {
                    "the server may only know versions of TLS before 1.2, which are not secure"
                }
                TlsVersion::Tls13 => {
                    "the server may not know TLS 1.3: set the account's tls.minVersion to 1.2"
                }
            }
            .to_owned(),
        ),
    };
    Failure::new(FailureCode::Tls, phase, message).hint(hint).after_config_change()
}

fn certificate(why: &CertificateError) -> String {
    use CertificateError as Why;
    match why {
        Why::Expired | Why::ExpiredContext { .. } => "it has expired".to_owned(),
        Why::NotValidYet | Why::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            "it is for another name".to_owned()
        }
        Why::UnknownIssuer | Why::BadSignature => "nobody that is trusted has signed it".to_owned(),
        Why::Revoked => "it was revoked".to_owned(),
        Why::ApplicationVerificationFailure => "it is not the one that is pinned".to_owned(),
        other => other.to_string(),
    }
}

/// What to try where a server and a client do not agree about TLS: by far the commonest mistake.
pub(super) fn not_tls_hint(account: &Account) -> String {
    match (account.security, account.port) {
        (Security::Tls, 587 | 25 | 2587) => {
            format!("port {} speaks STARTTLS: set security = \"starttls\"", account.port)
        }
        (Security::Tls, _) => "set security = \"starttls\", or port 465".to_owned(),
        _ => "try port 465 with security = \"tls\"".to_owned(),
    }
}
