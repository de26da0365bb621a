//! Certificates for servers on loopback, and the authority that signs them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// An authority that no system knows.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Authority of the tests");
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority can be made");
        let directory = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::write(directory.path().join("ca.pem"), issuer.pem())
            .expect("a file can be written");
        Self { issuer, directory }
    }

    /// The authority's certificate, in a PEM file.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A server's side of TLS, with a certificate for `name`.
    pub(crate) fn server(&self, name: &str) -> Arc<ServerConfig> {
        let params = CertificateParams::new([name.to_owned()]);
        self.server_with(&params.expect("a name that can be certified"))
    }

    /// A server's side of TLS, with any certificate.
    pub(crate) fn server_with(&self, params: &CertificateParams) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate =
            params.signed_by(&key, &self.issuer).expect("a certificate can be signed");
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the default versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("the key belongs to the certificate");
        Arc::new(config)
    }

    /// Writes a certificate and its key as PEM files, for servers that are programs of their own.
    pub(crate) fn write_pair(&self, name: &str, directory: &Path) -> (PathBuf, PathBuf) {
        let params =
            CertificateParams::new([name.to_owned()]).expect("a name that can be certified");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate =
            params.signed_by(&key, &self.issuer).expect("a certificate can be signed");
        let (certificate_file, key_file) =
            (directory.join("server.pem"), directory.join("server.key"));
        std::fs::write(&certificate_file, certificate.pem()).expect("a file can be written");
        std::fs::write(&key_file, key.serialize_pem()).expect("a file can be written");
        (certificate_file, key_file)
    }
}
