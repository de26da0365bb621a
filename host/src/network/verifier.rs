//! Certificates that are believed for another reason than who signed them.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use crate::accounts::CertificatePin;

/// Believes one certificate, or any. The server must show that it has the certificate's key all the same.
#[derive(Debug)]
pub(crate) struct Unchained {
    pin: Option<CertificatePin>,
    provider: Arc<CryptoProvider>,
}

impl Unchained {
    /// Believes the certificate that is pinned, whoever signed it, and no other.
    pub(crate) fn pinned(pin: CertificatePin, provider: Arc<CryptoProvider>) -> Self {
        Self { pin: Some(pin), provider }
    }

    /// Believes every certificate: whoever is on the way can read and change everything.
    pub(crate) fn dangerous_any(provider: Arc<CryptoProvider>) -> Self {
        Self { pin: None, provider }
    }
}

fn matches(pin: &CertificatePin, certificate: &CertificateDer<'_>) -> Result<bool, Error> {
    Ok(match pin {
        CertificatePin::Certificate(hash) => digest(&SHA256, certificate).as_ref() == hash,
        CertificatePin::PublicKey(hash) => {
            let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
            digest(&SHA256, &key).as_ref() == hash
        }
    })
}

impl ServerCertVerifier for Unchained {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.pin {
            Some(pin) if !matches(pin, certificate)? => {
                Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
