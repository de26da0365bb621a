//! Whose certificates are believed.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// Why no certificate could be checked.
#[derive(Debug)]
pub(crate) enum RootsError {
    /// The file of authorities cannot be read, or holds none.
    File(String),
    /// The system's authorities cannot be read.
    System(rustls::Error),
}

/// A TLS client that believes the authorities in a PEM file, or else the system's.
///
/// TLS 1.2 and 1.3: what rustls has, which is what can still be called secure (RFC 8996).
pub(crate) fn client_config(ca: Option<&Path>) -> Result<ClientConfig, RootsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let Some(path) = ca else {
        return ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| Ok(builder.with_platform_verifier()?.with_no_client_auth()))
            .map_err(RootsError::System);
    };
    let mut roots = RootCertStore::empty();
    let file = |reason: String| RootsError::File(format!("{}: {reason}", path.display()));
    for certificate in
        CertificateDer::pem_file_iter(path).map_err(|reason| file(reason.to_string()))?
    {
        let certificate = certificate.map_err(|reason| file(reason.to_string()))?;
        roots.add(certificate).map_err(|reason| file(reason.to_string()))?;
    }
    if roots.is_empty() {
        return Err(file("there is no certificate in it".to_owned()));
    }
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(RootsError::System)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
