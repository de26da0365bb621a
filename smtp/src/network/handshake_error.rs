//! The reason why a TLS handshake failed, as a sentence.

use std::fmt;
use std::io;

use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible};

use super::untrusted::Untrusted;

/// The reason why a TLS handshake failed. It displays as a sentence about "it", the server.
#[derive(Debug)]
#[non_exhaustive]
pub(crate) enum HandshakeError {
    /// The server ended the handshake with an alert.
    Alert(AlertDescription),
    /// The server's certificate is not trusted.
    Certificate(Untrusted),
    /// The connection broke.
    Broken(io::ErrorKind),
    /// The two sides have no cipher suite, key exchange or signature algorithm in common.
    NothingInCommon,
    /// The server's data is not TLS.
    NotTls,
    /// The server violates the TLS protocol.
    Protocol,
    /// The two sides have no TLS version in common.
    Version,
    /// TLS failed because of this machine.
    Local,
}

impl HandshakeError {
    /// Finds the reason in a connection error.
    pub(crate) fn of(reason: &io::Error) -> Self {
        let inner = reason.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        let Some(error) = inner else { return Self::Broken(reason.kind()) };
        match error {
            Error::AlertReceived(AlertDescription::ProtocolVersion) => Self::Version,
            Error::AlertReceived(
                AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity,
            ) => Self::NothingInCommon,
            Error::AlertReceived(alert) => Self::Alert(*alert),
            Error::InvalidCertificate(why) => Self::Certificate(why.into()),
            Error::NoCertificatesPresented => Self::Certificate(Untrusted::Encoding),
            Error::InvalidMessage(
                InvalidMessage::InvalidContentType
                | InvalidMessage::UnknownProtocolVersion
                | InvalidMessage::MessageTooLarge,
            ) => Self::NotTls,
            Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled,
            ) => Self::Version,
            Error::PeerIncompatible(_) => Self::NothingInCommon,
            Error::FailedToGetCurrentTime
            | Error::FailedToGetRandomBytes
            | Error::General(_)
            | Error::EncryptError
            | Error::Other(_) => Self::Local,
            _ => Self::Protocol,
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert(alert) => write!(f, "it ended the connection: {}", alert_text(*alert)),
            Self::Certificate(why) => write!(f, "its certificate is not trusted: {why}"),
            Self::Broken(io::ErrorKind::UnexpectedEof) => {
                f.write_str("it closed the connection in the middle of the handshake")
            }
            Self::Broken(kind) => write!(f, "the connection broke in the handshake: {kind}"),
            Self::NothingInCommon => f.write_str(
                "it has no cipher suite or signature algorithm in common with this program",
            ),
            Self::NotTls => f.write_str("it does not speak TLS here"),
            Self::Protocol => f.write_str("it violates the TLS protocol"),
            Self::Version => f.write_str("it has no version of TLS in common with this program"),
            Self::Local => f.write_str("TLS does not work on this machine"),
        }
    }
}

/// Describes an alert (RFC 8446 section 6.2), and gives its name there for the server's operator.
fn alert_text(alert: AlertDescription) -> String {
    let (text, name) = match alert {
        AlertDescription::UnexpectedMessage => {
            ("it got an unexpected message", "unexpected_message")
        }
        AlertDescription::BadRecordMac => ("it received damaged data", "bad_record_mac"),
        AlertDescription::RecordOverflow => {
            ("it received a record that is too long", "record_overflow")
        }
        AlertDescription::NoCertificate => ("it got no client certificate", "no_certificate"),
        AlertDescription::BadCertificate => ("a certificate is not valid", "bad_certificate"),
        AlertDescription::UnsupportedCertificate => {
            ("it does not support this kind of certificate", "unsupported_certificate")
        }
        AlertDescription::CertificateRevoked => {
            ("a certificate was revoked", "certificate_revoked")
        }
        AlertDescription::CertificateExpired => {
            ("a certificate has expired, or is not valid yet", "certificate_expired")
        }
        AlertDescription::CertificateUnknown => {
            ("a certificate is not accepted", "certificate_unknown")
        }
        AlertDescription::UnknownCA => {
            ("it does not know the authority of a certificate", "unknown_ca")
        }
        AlertDescription::AccessDenied => ("access is denied", "access_denied"),
        AlertDescription::IllegalParameter => ("a value is not allowed", "illegal_parameter"),
        AlertDescription::DecodeError => ("it could not read a message", "decode_error"),
        AlertDescription::DecryptError => ("a signature is wrong", "decrypt_error"),
        AlertDescription::InternalError => ("it has an internal error", "internal_error"),
        AlertDescription::InappropriateFallback => {
            ("the TLS version is lower than necessary", "inappropriate_fallback")
        }
        AlertDescription::UserCanceled => ("it was cancelled", "user_canceled"),
        AlertDescription::MissingExtension => ("an extension is missing", "missing_extension"),
        AlertDescription::UnsupportedExtension => {
            ("an extension is not supported", "unsupported_extension")
        }
        AlertDescription::UnrecognisedName => {
            ("it does not know the requested name", "unrecognized_name")
        }
        AlertDescription::CertificateRequired => {
            ("it requires a client certificate", "certificate_required")
        }
        AlertDescription::NoApplicationProtocol => {
            ("it expects another protocol", "no_application_protocol")
        }
        AlertDescription::CloseNotify => ("it closed the connection", "close_notify"),
        other => return format!("alert {}", u8::from(other)),
    };
    format!("{text} (alert {name})")
}

/// Describes why a TLS handshake failed, in a sentence for people.
pub fn why_tls_failed(reason: &io::Error) -> String {
    HandshakeError::of(reason).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{
        CertRevocationListError, CertificateError, ContentType, OtherError, PeerMisbehaved,
    };

    use super::*;

    /// Returns the sentence for a connection error.
    fn said(error: Error) -> String {
        HandshakeError::of(&io::Error::new(io::ErrorKind::InvalidData, error)).to_string()
    }

    /// Reports whether a text is free of code: no capital letter inside a word, and no braces or brackets.
    fn is_plain(text: &str) -> bool {
        let letters: Vec<_> = text.chars().collect();
        !letters.windows(2).any(|two| two[0].is_lowercase() && two[1].is_uppercase())
            && !text.contains(['{', '}', '[', ']'])
    }

    #[test]
    fn no_sentence_has_the_names_of_a_librarys_variants() {
        let webpki = [
            webpki::Error::CaUsedAsEndEntity,
            webpki::Error::EmptyEkuExtension,
            webpki::Error::NameConstraintViolation,
            webpki::Error::PathLenConstraintViolated,
            webpki::Error::SignatureAlgorithmMismatch,
            webpki::Error::UnsupportedCertVersion,
            webpki::Error::UnsupportedCriticalExtension,
        ];
        let certificates = webpki.map(|inner| CertificateError::Other(OtherError(Arc::new(inner))));
        let certificates = certificates.into_iter().chain([
            CertificateError::BadEncoding,
            CertificateError::BadSignature,
            CertificateError::Expired,
            CertificateError::InvalidPurpose,
            CertificateError::NotValidForName,
            CertificateError::NotValidYet,
            CertificateError::UnhandledCriticalExtension,
            CertificateError::UnknownRevocationStatus,
        ]);
        let errors = certificates.map(Error::InvalidCertificate).chain([
            Error::DecryptError,
            Error::General("UnexpectedThing".to_owned()),
            Error::InappropriateMessage {
                expect_types: vec![ContentType::Handshake],
                got_type: ContentType::ApplicationData,
            },
            Error::InvalidCertRevocationList(CertRevocationListError::BadSignature),
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            Error::InvalidMessage(InvalidMessage::MissingData("ServerHello")),
            Error::NoCertificatesPresented,
            Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
            Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
            Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite),
            Error::PeerSentOversizedRecord,
        ]);
        let alerts = (0..=u8::MAX).map(|alert| Error::AlertReceived(alert.into()));
        for error in errors.chain(alerts) {
            let text = said(error.clone());
            assert!(is_plain(&text), "{error:?}: {text}");
        }
        assert!(!is_plain(&Error::DecryptError.to_string().replace("cannot", "canNot")));
    }
}
