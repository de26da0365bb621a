//! Certificate verifiers: a pin, any certificate, or authorities and single certificates.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::certificate::Certificate;
use super::handshake_signature;
use super::untrusted::{Untrusted, plain};
use crate::settings::CertificatePin;

/// Trusts one pinned certificate, or any certificate.
#[derive(Debug)]
pub(crate) struct Unchained {
    pin: Option<CertificatePin>,
    provider: Arc<CryptoProvider>,
}

impl Unchained {
    /// Trusts only the pinned certificate, no matter who signed it. The server must still prove that it has the
    /// certificate's key.
    pub(crate) fn pinned(pin: CertificatePin, provider: Arc<CryptoProvider>) -> Self {
        Self { pin: Some(pin), provider }
    }

    /// Danger: trusts every certificate. Anyone on the network path can read and change everything. The server's
    /// signature is not verified either, so keys of any kind are accepted.
    pub(crate) fn dangerous_any(provider: Arc<CryptoProvider>) -> Self {
        Self { pin: None, provider }
    }
}

fn matches(pin: &CertificatePin, certificate: &CertificateDer<'_>) -> Result<bool, Error> {
    Ok(match pin {
        CertificatePin::Certificate(hash) => digest(&SHA256, certificate).as_ref() == hash,
        CertificatePin::PublicKey(hash) => {
            let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
            digest(&SHA256, &read.key()).as_ref() == hash
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
        match self.pin {
            Some(_) => {
                handshake_signature::verify_tls12(message, certificate, signed, &self.provider)
            }
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.pin {
            Some(_) => {
                handshake_signature::verify_tls13(message, certificate, signed, &self.provider)
            }
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.provider.signature_verification_algorithms.supported_schemes();
        if self.pin.is_none() {
            // Signatures are not verified, so any scheme is accepted.
            schemes.extend([
                SignatureScheme::ECDSA_NISTP521_SHA512,
                SignatureScheme::ED448,
                SignatureScheme::ECDSA_SHA1_Legacy,
                SignatureScheme::RSA_PKCS1_SHA1,
            ]);
        }
        schemes
    }
}

/// Trusts certificates that an authority has signed, and single server certificates.
#[derive(Debug)]
pub(crate) struct Chained {
    authorities: Arc<dyn ServerCertVerifier>,
    /// Certificates that are trusted by comparing their bytes. Their CA mark is ignored, because self-signed
    /// certificates are often marked as an authority, or have no mark.
    named: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Chained {
    pub(crate) fn new(
        authorities: Arc<dyn ServerCertVerifier>,
        named: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        Self { authorities, named, provider }
    }
}

impl ServerCertVerifier for Chained {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.named.iter().any(|named| named == certificate) {
            return check_named(certificate, name, now);
        }
        self.authorities
            .verify_server_cert(certificate, intermediates, name, ocsp_response, now)
            .map_err(|error| {
                Untrusted::explain(error, certificate, intermediates.iter().chain(&self.named))
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        handshake_signature::verify_tls12(message, certificate, signed, &self.provider)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        handshake_signature::verify_tls13(message, certificate, signed, &self.provider)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Checks the dates and the name of a certificate in `named`.
fn check_named(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
    let (not_before, not_after) = (read.not_before, read.not_after);
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if now > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    match names(certificate, name) {
        Ok(()) => Ok(ServerCertVerified::assertion()),
        // A version 1 certificate has only a common name, as do those of many devices.
        Err(presented) if presented.is_empty() => {
            let common = read.common_name();
            let is_it =
                common.as_ref().is_some_and(|common| common.eq_ignore_ascii_case(&name.to_str()));
            match is_it {
                true => Ok(ServerCertVerified::assertion()),
                false => Err(other_name(name, common)),
            }
        }
        Err(presented) => Err(other_name(name, presented)),
    }
}

/// Checks that the certificate's alternative names include the server's. The error lists those names.
fn names(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Vec<String>> {
    // If webpki cannot read the certificate, it has no readable alternative names.
    let parsed = ParsedCertificate::try_from(certificate).map_err(|_| Vec::new())?;
    verify_server_name(&parsed, name).map_err(|error| match error {
        Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented, ..
        }) => presented.iter().filter_map(|name| plain(name)).collect(),
        _ => Vec::new(),
    })
}

fn other_name(name: &ServerName<'_>, presented: impl IntoIterator<Item = String>) -> Error {
    // In webpki's format.
    let presented = presented.into_iter().map(|name| format!("DnsName(\"{name}\")")).collect();
    CertificateError::NotValidForNameContext { expected: name.to_owned(), presented }.into()
}
