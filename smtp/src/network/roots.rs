//! Root certificates: the system's, or those in a PEM file.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::certificate::Certificate;
use super::pem;
use super::verifier::Chained;
use crate::private_files;

/// The reason why there are no root certificates.
#[derive(Debug)]
pub enum RootsError {
    /// The PEM file cannot be read, or contains no usable certificate.
    File(String),
    /// The system has no certificate authorities, or they cannot be read.
    System,
}

/// Returns the cryptography provider for TLS.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// Creates a TLS client that trusts the authorities in a PEM file, or else the system's.
///
/// It supports TLS 1.2 and 1.3. Older versions are not secure (RFC 8996), and rustls does not have them.
pub fn client_config(ca: Option<&Path>) -> Result<ClientConfig, RootsError> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|_| RootsError::System)?
        .dangerous()
        .with_custom_certificate_verifier(verifier(ca)?)
        .with_no_client_auth())
}

/// Returns a verifier that trusts the authorities in a PEM file, or else the system's.
pub(crate) fn verifier(ca: Option<&Path>) -> Result<Arc<dyn ServerCertVerifier>, RootsError> {
    match ca {
        Some(path) => file_verifier(path)
            .map_err(|reason| RootsError::File(format!("{}: {reason}", path.display()))),
        None => system_verifier(),
    }
}

fn file_verifier(path: &Path) -> Result<Arc<dyn ServerCertVerifier>, String> {
    /// The most bytes that are read: 16 MiB. The system's file of about 150 authorities has 0.25 MB.
    const LARGEST: u64 = 16 << 20;
    let file = File::open(path).map_err(|reason| reason.to_string())?;
    let found = file.metadata().map_err(|reason| reason.to_string())?;
    // A user who can change the file could add an authority and impersonate any server.
    private_files::check_trusted(path, &found)
        .map_err(|exposed| format!("{exposed}; {}", exposed.hint()))?;
    let mut text = Vec::new();
    file.take(LARGEST).read_to_end(&mut text).map_err(|reason| reason.to_string())?;
    let named = pem::certificates(&text)?;
    let mut roots = RootCertStore::empty();
    // A certificate that cannot be an authority can still be a server's certificate.
    let (_, refused) = roots.add_parsable_certificates(named.iter().cloned());
    if refused > 0 && named.iter().any(|named| Certificate::read(named).is_none()) {
        return Err("a certificate in it is malformed".to_owned());
    }
    if roots.is_empty() {
        return Err("it contains no usable certificate".to_owned());
    }
    let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    let authorities = built.map_err(|reason| reason.to_string())?;
    Ok(Arc::new(Chained::new(authorities, named, provider())))
}

/// Returns a verifier that trusts the system's authorities. They are read only once, because reading more than a
/// hundred certificates is slow.
fn system_verifier() -> Result<Arc<dyn ServerCertVerifier>, RootsError> {
    static SYSTEM: OnceLock<Arc<Chained>> = OnceLock::new();
    if let Some(verifier) = SYSTEM.get() {
        return Ok(Arc::clone(verifier) as _);
    }
    let authorities = Verifier::new(provider()).map_err(|_| RootsError::System)?;
    let verifier = Arc::new(Chained::new(Arc::new(authorities), Vec::new(), provider()));
    Ok(Arc::clone(SYSTEM.get_or_init(|| verifier)) as _)
}
