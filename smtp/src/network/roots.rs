//! Whose certificates are trusted.

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

/// Why no certificate could be checked.
#[derive(Debug)]
pub enum RootsError {
    /// The file of authorities cannot be read, or holds none.
    File(String),
    /// The system has no authorities, or they cannot be read.
    System,
}

/// What TLS is computed with.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// A TLS client that trusts the authorities in a PEM file, or else the system's.
///
/// TLS 1.2 and 1.3: what rustls has, which is what can still be called secure (RFC 8996).
pub fn client_config(ca: Option<&Path>) -> Result<ClientConfig, RootsError> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|_| RootsError::System)?
        .dangerous()
        .with_custom_certificate_verifier(verifier(ca)?)
        .with_no_client_auth())
}

/// Trusts the authorities in a PEM file, or else the system's.
pub(crate) fn verifier(ca: Option<&Path>) -> Result<Arc<dyn ServerCertVerifier>, RootsError> {
    match ca {
        Some(path) => file_verifier(path)
            .map_err(|reason| RootsError::File(format!("{}: {reason}", path.display()))),
        None => system_verifier(),
    }
}

fn file_verifier(path: &Path) -> Result<Arc<dyn ServerCertVerifier>, String> {
    /// The system's own file of some 150 authorities has a quarter of a megabyte.
    const LARGEST: u64 = 16 << 20;
    let file = File::open(path).map_err(|reason| reason.to_string())?;
    let found = file.metadata().map_err(|reason| reason.to_string())?;
    // A user who can change the file can add an authority, and impersonate any server.
    private_files::check_trusted(path, &found)
        .map_err(|exposed| format!("{exposed}; {}", exposed.hint()))?;
    let mut text = Vec::new();
    file.take(LARGEST).read_to_end(&mut text).map_err(|reason| reason.to_string())?;
    let named = pem::certificates(&text)?;
    let mut roots = RootCertStore::empty();
    // One that cannot be an authority can still be a server's own.
    let (_, refused) = roots.add_parsable_certificates(named.iter().cloned());
    if refused > 0 && named.iter().any(|named| Certificate::read(named).is_none()) {
        return Err("a certificate in it is malformed".to_owned());
    }
    if roots.is_empty() {
        return Err("none of its certificates can be used".to_owned());
    }
    let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    let authorities = built.map_err(|reason| reason.to_string())?;
    Ok(Arc::new(Chained::new(authorities, named, provider())))
}

/// The system's authorities, read once: there are more than a hundred of them, and that takes a while.
fn system_verifier() -> Result<Arc<dyn ServerCertVerifier>, RootsError> {
    static SYSTEM: OnceLock<Arc<Chained>> = OnceLock::new();
    if let Some(verifier) = SYSTEM.get() {
        return Ok(Arc::clone(verifier) as _);
    }
    let authorities = Verifier::new(provider()).map_err(|_| RootsError::System)?;
    let verifier = Arc::new(Chained::new(Arc::new(authorities), Vec::new(), provider()));
    Ok(Arc::clone(SYSTEM.get_or_init(|| verifier)) as _)
}
