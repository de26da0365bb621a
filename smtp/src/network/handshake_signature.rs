//! Verifies the handshake signature, which proves that a server has the key of its certificate.
//!
//! It works as in rustls, but for certificates of every version. webpki reads the key only from version 3.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved};
use webpki::RawPublicKeyEntity;

use super::certificate::Certificate;
use super::untrusted::Untrusted;

/// Verifies the signature of a TLS 1.2 handshake.
pub(crate) fn verify_tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    provider: &CryptoProvider,
) -> Result<HandshakeSignatureValid, Error> {
    let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
    let key: SubjectPublicKeyInfoDer<'_> = read.key();
    let supported = &provider.signature_verification_algorithms;
    let (_, algorithms) = supported
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == signed.scheme)
        .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    let entity = RawPublicKeyEntity::try_from(&key).map_err(|_| CertificateError::BadEncoding)?;
    // In TLS 1.2, an ECDSA scheme does not name the curve, so one scheme stands for several algorithms. Each algorithm
    // refuses keys of other curves.
    let is_valid = algorithms
        .iter()
        .any(|algorithm| entity.verify_signature(*algorithm, message, signed.signature()).is_ok());
    match is_valid {
        true => Ok(HandshakeSignatureValid::assertion()),
        false => Err(Untrusted::without_key(&read).into()),
    }
}

/// Verifies the signature of a TLS 1.3 handshake.
pub(crate) fn verify_tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    provider: &CryptoProvider,
) -> Result<HandshakeSignatureValid, Error> {
    let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
    let supported = &provider.signature_verification_algorithms;
    verify_tls13_signature_with_raw_key(message, &read.key(), signed, supported).map_err(|error| {
        match error {
            Error::InvalidCertificate(_) => Untrusted::without_key(&read).into(),
            other => other,
        }
    })
}
