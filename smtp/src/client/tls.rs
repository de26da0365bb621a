//! The TLS settings for a server (RFC 8314, RFC 3207).

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use zeroize::Zeroizing;

use super::client_auth::ClientAuth;
use crate::address::HostName;
use crate::failure::{Failure, FailureCode, Mend, Phase};
use crate::network::{RootsError, Unchained, certificates, pem_problem, provider, verifier};
use crate::private_files;
use crate::settings::{Security, ServerSettings, TlsVersion};

/// The parameters for TLS with a server.
pub(crate) struct TlsParameters {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
    /// The client certificate, and whether the server asked for one.
    pub(crate) client_auth: Arc<ClientAuth>,
}

impl TlsParameters {
    /// Checks the settings and prepares TLS, before the connection is opened.
    pub(crate) fn of(server: &ServerSettings) -> Result<Self, Failure> {
        let settings = &server.tls;
        let versions = match settings.min_version {
            TlsVersion::Tls12 => &[&TLS13, &TLS12][..],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .map_err(|_| {
                let message =
                    "this program was built without the version of TLS that the account asks for";
                unusable(message.to_owned(), "set the account's tls.minVersion to 1.2")
            })?
            .dangerous()
            .with_custom_certificate_verifier(trusted(server)?);
        let client_auth = Arc::new(match &settings.client_certificate {
            None => ClientAuth::none(),
            Some(own) => {
                let (chain, key) = (chain(&own.certificate)?, key(&own.key)?);
                ClientAuth::new(chain, key).map_err(|reason| {
                    let message =
                        format!("the account's client certificate cannot be used: {reason}");
                    unusable(message, "check that tls.clientKey is the key of tls.clientCert")
                })?
            }
        });
        let config = builder.with_client_cert_resolver(Arc::clone(&client_auth) as _);
        let host = settings.server_name.as_ref().unwrap_or(&server.host);
        let name = match host {
            HostName::Ip(address) => ServerName::from(*address),
            HostName::Name(name) => ServerName::try_from(host.without_root().into_owned())
                .map_err(|_| {
                    let message = format!("{name} is not a name that a certificate can have");
                    unusable(message, "set the account's tls.serverName")
                })?,
        };
        Ok(Self { config: Arc::new(config), name, client_auth })
    }
}

/// Returns the verifier for the server's certificate.
fn trusted(server: &ServerSettings) -> Result<Arc<dyn ServerCertVerifier>, Failure> {
    let settings = &server.tls;
    if let Some(pin) = settings.pin {
        return Ok(Arc::new(Unchained::pinned(pin, provider())));
    }
    if settings.danger_accept_invalid_certificates {
        return Ok(Arc::new(Unchained::dangerous_any(provider())));
    }
    verifier(settings.ca.as_deref()).map_err(|error| match error {
        RootsError::File(reason) => unusable(
            format!("the account's certificate authorities cannot be used: {reason}"),
            "check tls.ca: it must be the path of a PEM file",
        ),
        RootsError::System => unusable(
            "this machine has no certificate authorities that can be read".to_owned(),
            "install the package ca-certificates, or set the account's tls.ca to a PEM file",
        ),
    })
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let file = fs::read(path).map_err(|reason| reason.to_string());
    let chain = file.and_then(|file| certificates(&file));
    chain.map_err(|reason| no_pem(path, &reason, "tls.clientCert"))
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
    if is_encrypted(&pem) {
        let path = path.display();
        let message = format!(
            "the account's client certificate cannot be used: its key {path} is encrypted with a passphrase"
        );
        let hint = format!(
            "decrypt it into a separate file, and set tls.clientKey to that file: \
             (umask 077; openssl pkey -in {path} -out {path}.decrypted)"
        );
        return Err(unusable(message, &hint));
    }
    let read = PrivateKeyDer::from_pem_slice(&pem);
    read.map_err(|reason| no_pem(path, &pem_problem(&reason), "tls.clientKey"))
}

/// Reports whether a PEM key is encrypted, as PKCS #8 (RFC 5958 section 3) or in OpenSSL's older format (RFC 1421).
fn is_encrypted(pem: &[u8]) -> bool {
    let has = |words: &[u8]| memchr::memmem::find(pem, words).is_some();
    has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED")
}

fn no_pem(path: &Path, reason: &str, setting: &str) -> Failure {
    let message =
        format!("the account's client certificate cannot be used: {}: {reason}", path.display());
    unusable(message, &format!("check {setting}: it must be the path of a PEM file"))
}

fn unusable(message: String, hint: &str) -> Failure {
    Failure::new(FailureCode::Account, Phase::Policy, message).hint(hint).after_config_change()
}

/// Returns the change of settings that [`not_tls_hint`] recommends.
pub(crate) fn not_tls_mend(server: &ServerSettings) -> Mend {
    match server.security {
        Security::Tls => Mend::security("starttls"),
        _ => Mend::TLS_PORT,
    }
}

/// Returns the hint for an account whose `security` does not fit its port, by far the most common mistake.
pub(crate) fn not_tls_hint(server: &ServerSettings) -> String {
    match (server.security, server.port) {
        (Security::Tls, 587 | 25 | 2587) => {
            format!("port {} speaks STARTTLS: set security = \"starttls\"", server.port)
        }
        (Security::Tls, _) => "set security = \"starttls\", or port 465".to_owned(),
        _ => "try port 465 with security = \"tls\"".to_owned(),
    }
}
