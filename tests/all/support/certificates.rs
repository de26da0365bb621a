//! Certificates for servers on loopback, and the certificate authority that signs them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    PublicKeyData as _,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{
    RootCertStore, ServerConfig, SignatureAlgorithm, SignatureScheme, SupportedProtocolVersion,
};
use smtp_connector_host::accounts::TlsSettings;

use super::write_private;

/// A certificate authority that no system trusts.
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
        write_private(&directory.path().join("ca.pem"), issuer.pem());
        Self { issuer, directory }
    }

    /// The path of the authority's certificate, as PEM.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// Returns an account's TLS settings that trust the authority.
    pub(crate) fn trusted(&self) -> TlsSettings {
        TlsSettings::default().ca(self.file())
    }

    /// Returns a server's TLS configuration, with a certificate for `name`.
    pub(crate) fn server(&self, name: &str) -> Arc<ServerConfig> {
        let params = CertificateParams::new([name.to_owned()]);
        self.server_with(&params.expect("a name that can be certified"))
    }

    /// Returns a server's TLS configuration, with a certificate from these parameters.
    pub(crate) fn server_with(&self, params: &CertificateParams) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate =
            params.signed_by(&key, &self.issuer).expect("a certificate can be signed");
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        config(chain, &key, rustls::ALL_VERSIONS, WebPkiClientVerifier::no_client_auth())
    }

    /// Returns a server's TLS configuration, with a self-signed certificate.
    pub(crate) fn self_signed(name: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate can be signed");
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        config(chain, &key, rustls::ALL_VERSIONS, WebPkiClientVerifier::no_client_auth())
    }

    /// Returns a self-signed certificate as PEM, and a server's TLS configuration with it.
    pub(crate) fn self_signed_with(
        params: &CertificateParams,
        versions: &[&'static SupportedProtocolVersion],
    ) -> (String, Arc<ServerConfig>) {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.self_signed(&key).expect("a certificate can be signed");
        let chain = vec![certificate.der().clone()];
        let server = config(chain, &key, versions, WebPkiClientVerifier::no_client_auth());
        (certificate.pem(), server)
    }

    /// Returns a server's TLS configuration that supports only TLS 1.2.
    pub(crate) fn server_of_tls12(&self, name: &str) -> Arc<ServerConfig> {
        let (certificate, key) = self.pair(name);
        let chain = vec![certificate.der().clone()];
        config(chain, &key, &[&rustls::version::TLS12], WebPkiClientVerifier::no_client_auth())
    }

    /// Returns a server's TLS configuration that requires client certificates of this authority.
    pub(crate) fn server_for_known(
        &self,
        name: &str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let (certificate, key) = self.pair(name);
        let chain = vec![certificate.der().clone()];
        config(chain, &key, versions, verifier.build().expect("there is an authority"))
    }

    /// Returns a server's TLS configuration, with its certificate as DER and its key's SubjectPublicKeyInfo.
    pub(crate) fn server_and_hashes(&self, name: &str) -> (Arc<ServerConfig>, Vec<u8>, Vec<u8>) {
        let (certificate, key) = self.pair(name);
        let (der, public) = (certificate.der().to_vec(), key.subject_public_key_info());
        let chain = vec![certificate.der().clone()];
        let server =
            config(chain, &key, rustls::ALL_VERSIONS, WebPkiClientVerifier::no_client_auth());
        (server, der, public)
    }

    fn pair(&self, name: &str) -> (Certificate, KeyPair) {
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key can be made");
        (params.signed_by(&key, &self.issuer).expect("a certificate can be signed"), key)
    }

    /// Writes a certificate and its key as PEM files, for servers that run as separate programs.
    pub(crate) fn write_pair(&self, name: &str, directory: &Path) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.pair(name);
        let (certificate_file, key_file) =
            (directory.join("server.pem"), directory.join("server.key"));
        // A server that drops root privileges reads it as another user.
        std::fs::write(&certificate_file, certificate.pem()).expect("a file can be written");
        write_private(&key_file, key.serialize_pem());
        (certificate_file, key_file)
    }
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
    clients: Arc<dyn ClientCertVerifier>,
) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("ring has these versions")
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .expect("the key belongs to the certificate");
    Arc::new(config)
}

/// A self-signed X.509 version 1 certificate for 127.0.0.1, with a P-256 key, from `openssl ca -selfsign` without
/// extensions.
pub(crate) const VERSION_1: &str = include_str!("certificates/version-1.pem");
/// The key of [`VERSION_1`].
pub(crate) const VERSION_1_KEY: &str = include_str!("certificates/version-1.key");
/// A self-signed certificate for 127.0.0.1 with an RSA key of 1024 bits, for which these tests have no private key.
pub(crate) const RSA_1024: &str = include_str!("certificates/rsa-1024.pem");

/// Returns the only certificate in a PEM file.
pub(crate) fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("it is a certificate")
}

/// Returns a server's TLS configuration with any certificate and any signing key, even one that does not match.
pub(crate) fn server_showing(
    certificate: CertificateDer<'static>,
    key: Arc<dyn SigningKey>,
    version: &'static SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let shown = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("ring has these versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    Arc::new(config)
}

/// Parses a key for signing.
pub(crate) fn signing_key(pem: &str) -> Arc<dyn SigningKey> {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("it is a key");
    rustls::crypto::ring::sign::any_supported_type(&key).expect("ring knows it")
}

/// A key that signs with meaningless bytes, as if with an RSA key.
#[derive(Debug)]
pub(crate) struct ForgedKey;

impl SigningKey for ForgedKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SignatureScheme::RSA_PSS_SHA256).then(|| Box::new(Self) as _)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

impl Signer for ForgedKey {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(vec![7; 128])
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::RSA_PSS_SHA256
    }
}
