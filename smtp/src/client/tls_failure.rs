//! Failures of TLS with a server, and their hints.

use std::io;

use rustls::AlertDescription as Alert;

use super::tls::{not_tls_hint, not_tls_mend};
use crate::failure::{Failure, FailureCode, Phase};
use crate::network::{HandshakeError, Untrusted};
use crate::settings::{ServerSettings, TlsVersion};

/// Returns the failure for a TLS handshake that failed. `was_asked` says whether the server asked for a client
/// certificate.
pub(crate) fn tls_failure(
    server: &ServerSettings,
    phase: Phase,
    reason: &io::Error,
    was_asked: bool,
) -> Failure {
    let host = &server.host;
    let error = HandshakeError::of(reason);
    if let HandshakeError::Broken(_) = error {
        let message = format!("TLS with {host} failed: {error}");
        let failure = Failure::new(FailureCode::Connect, phase, message).later();
        return match (was_asked, &server.tls.client_certificate) {
            (true, None) => failure.hint(
                "the server asked for a client certificate: set the account's tls.clientCert and tls.clientKey",
            ),
            _ => failure.hint(not_tls_hint(server)).mended_by(not_tls_mend(server)),
        };
    }
    let (message, hint) = match &error {
        HandshakeError::Certificate(why) => (
            format!("the certificate of {host} is not trusted: {why}"),
            certificate_hint(why).to_owned(),
        ),
        _ if is_about_client(&error, was_asked) => about_client(server, &error),
        _ => (format!("TLS with {host} failed: {error}"), hint(server, &error)),
    };
    let failure = Failure::new(FailureCode::Tls, phase, message).hint(hint);
    match error {
        HandshakeError::NotTls => failure.mended_by(not_tls_mend(server)).after_config_change(),
        HandshakeError::Alert(Alert::InternalError) => failure.later(),
        _ => failure.after_config_change(),
    }
}

/// Reports whether the server rejects the client certificate, or requires one. A server that did not ask for one may
/// send the same alerts for other reasons.
fn is_about_client(error: &HandshakeError, was_asked: bool) -> bool {
    match error {
        HandshakeError::Alert(Alert::CertificateRequired | Alert::NoCertificate) => true,
        HandshakeError::Alert(
            Alert::AccessDenied
            | Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::DecryptError
            | Alert::UnknownCA
            | Alert::UnsupportedCertificate,
        ) => was_asked,
        // The cipher suite was agreed on before the server asked.
        HandshakeError::NothingInCommon => was_asked,
        _ => false,
    }
}

/// Describes why a connection broke, or returns `None` if it was just closed. The error texts of rustls are not used:
/// they contain names of its variants, or links to its manual.
pub(crate) fn broken_text(reason: &io::Error) -> Option<String> {
    let tls = reason.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match reason.kind() {
        _ if tls.is_some() => Some(HandshakeError::of(reason).to_string()),
        io::ErrorKind::UnexpectedEof => None,
        _ => Some(reason.to_string()),
    }
}

fn about_client(server: &ServerSettings, error: &HandshakeError) -> (String, String) {
    let host = &server.host;
    if server.tls.client_certificate.is_none() {
        return (
            format!("{host} requires a client certificate"),
            "set the account's tls.clientCert and tls.clientKey".to_owned(),
        );
    }
    let hint = match error {
        HandshakeError::Alert(Alert::CertificateExpired) => {
            "renew the certificate in tls.clientCert, and check this machine's clock"
        }
        HandshakeError::Alert(Alert::UnknownCA) => {
            "ask the server's operator which authority must sign it; also put intermediate certificates into \
             tls.clientCert"
        }
        _ => "check that tls.clientCert is the certificate that the server's operator expects",
    };
    (format!("{host} does not accept the account's client certificate: {error}"), hint.to_owned())
}

fn certificate_hint(why: &Untrusted) -> &'static str {
    match why {
        Untrusted::Expired { .. } => {
            "ask the server's operator to renew it; if this machine's clock is wrong, set it"
        }
        Untrusted::NotValidYet { .. } => {
            "if this machine's clock is wrong, set it; otherwise ask the server's operator"
        }
        Untrusted::OtherName { presented, .. } if presented.is_empty() => {
            "ask the server's operator for a certificate with a subjectAltName, or set tls.pinSha256"
        }
        Untrusted::OtherName { .. } => {
            "check the account's host; if this is the right server, set tls.serverName to a name of the certificate"
        }
        Untrusted::SelfSigned | Untrusted::Authority | Untrusted::Version => {
            "if it is the right certificate, set the account's tls.ca to its PEM file, or set tls.pinSha256"
        }
        Untrusted::UnknownIssuer(_) | Untrusted::BadSignature => {
            "set the account's tls.ca to the PEM file of its authority; or the server does not send an intermediate \
             certificate"
        }
        Untrusted::Key(_) => {
            "ask the server's operator for a certificate with such a key; with allowInvalidCert you can connect, but \
             anyone on the network path can read the password"
        }
        Untrusted::AuthorityKey(_) | Untrusted::SignatureAlgorithm => {
            "ask the server's operator for a new certificate; until then, set tls.ca to this one, or set tls.pinSha256"
        }
        Untrusted::NotPinned => {
            "if the server has a new certificate, ask its operator for the new tls.pinSha256"
        }
        _ => "ask the server's operator for a new certificate, or set tls.pinSha256",
    }
}

fn hint(server: &ServerSettings, error: &HandshakeError) -> String {
    let is_strict = server.tls.min_version == TlsVersion::Tls13;
    match error {
        HandshakeError::NotTls => return not_tls_hint(server),
        HandshakeError::Version if is_strict => {
            "the server may not know TLS 1.3: set the account's tls.minVersion to 1.2"
        }
        HandshakeError::Version => {
            "ask the server's operator for TLS 1.2 or 1.3: versions before 1.2 are not secure"
        }
        HandshakeError::NothingInCommon if is_strict => {
            "set the account's tls.minVersion to 1.2, or ask the server's operator for TLS 1.3"
        }
        HandshakeError::NothingInCommon => {
            "the server needs ECDHE with AES-GCM or ChaCha20-Poly1305, and a certificate with an RSA key of 2048 bits, \
             ECDSA on P-256 or P-384, or Ed25519"
        }
        HandshakeError::Alert(Alert::UnrecognisedName) => {
            "set the account's host or tls.serverName to the name in the server's certificate"
        }
        HandshakeError::Alert(Alert::InternalError) => {
            "try again later; if it persists, ask the server's operator to check the server's log"
        }
        HandshakeError::Local => "check this machine's clock and its source of random numbers",
        _ => "ask the server's operator to check the server's log; a firewall may also change the data",
    }
    .to_owned()
}
