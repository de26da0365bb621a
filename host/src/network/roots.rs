//! Whose certificates are believed.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::private_files;

/// Why no certificate could be checked.
#[derive(Debug)]
pub(crate) enum RootsError {
    /// The file of authorities cannot be read, or holds none.
    File(String),
    /// The system's authorities cannot be read.
    System(rustls::Error),
}

/// What TLS is computed with.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// A TLS client that believes the authorities in a PEM file, or else the system's.
///
/// TLS 1.2 and 1.3: what rustls has, which is what can still be called secure (RFC 8996).
pub(crate) fn client_config(ca: Option<&Path>) -> Result<ClientConfig, RootsError> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(RootsError::System)?
        .dangerous()
        .with_custom_certificate_verifier(verifier(ca)?)
        .with_no_client_auth())
}

/// Believes the authorities in a PEM file, or else the system's.
pub(crate) fn verifier(ca: Option<&Path>) -> Result<Arc<dyn ServerCertVerifier>, RootsError> {
    match ca {
        Some(path) => file_verifier(path)
            .map_err(|reason| RootsError::File(format!("{}: {reason}", path.display()))),
        None => system_verifier(),
    }
}

fn file_verifier(path: &Path) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let file = File::open(path).map_err(|reason| reason.to_string())?;
    let found = file.metadata().map_err(|reason| reason.to_string())?;
    // A user who can change the file can add an authority, and impersonate any server.
    private_files::check_trusted(path, &found)
        .map_err(|exposed| format!("{exposed}; {}", exposed.hint()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_reader_iter(BufReader::new(file)) {
        let certificate = certificate.map_err(|reason| reason.to_string())?;
        roots.add(certificate).map_err(|reason| reason.to_string())?;
    }
    if roots.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    Ok(built.map_err(|reason| reason.to_string())?)
}

/// The system's authorities, read once: there are more than a hundred of them, and that takes a while.
fn system_verifier() -> Result<Arc<dyn ServerCertVerifier>, RootsError> {
    static SYSTEM: OnceLock<Arc<Verifier>> = OnceLock::new();
    if let Some(verifier) = SYSTEM.get() {
        return Ok(Arc::clone(verifier) as _);
    }
    let verifier = Arc::new(Verifier::new(provider()).map_err(RootsError::System)?);
    Ok(Arc::clone(SYSTEM.get_or_init(|| verifier)) as _)
}
