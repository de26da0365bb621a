//! What it means for a message that TLS with the server failed, and what to do.

use std::io;

use rustls::AlertDescription as Alert;

use super::tls::not_tls_hint;
use crate::failure::{Failure, FailureCode, Phase};
use crate::network::{HandshakeError, Untrusted};
use crate::settings::{ServerSettings, TlsVersion};

/// What a handshake that failed means; `was_asked` says whether the server had asked for a client certificate.
pub(crate) fn tls_failure(
    server: &ServerSettings,
    phase: Phase,
    reason: &io::Error,
    was_asked: bool,
) -> Failure {
    let host = &server.host;
    let error = HandshakeError::of(reason);
    if let HandshakeError::Broken(_) = error {
        let hint = match (was_asked, &server.tls.client_certificate) {
            (true, None) => {
                "the server asked for a client certificate: set the account's tls.clientCert and tls.clientKey"
                    .to_owned()
            }
            _ => not_tls_hint(server),
        };
        let message = format!("TLS with {host} failed: {error}");
        return Failure::new(FailureCode::Connect, phase, message).hint(hint).later();
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
        HandshakeError::Alert(Alert::InternalError) => failure.later(),
        _ => failure.after_config_change(),
    }
}

/// Whether the server objects to the client's certificate, or to there being none. A server that has not asked for one
/// may send the same alerts, for reasons of its own.
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

/// What broke a connection, for people. None: it was closed, and there is no more to say. rustls's own words name its
/// variants, or lead to its manual.
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
            format!("{host} wants a client certificate"),
            "set the account's tls.clientCert and tls.clientKey".to_owned(),
        );
    }
    let hint = match error {
        HandshakeError::Alert(Alert::CertificateExpired) => {
            "renew the certificate in tls.clientCert, and check this machine's clock"
        }
        HandshakeError::Alert(Alert::UnknownCA) => {
            "ask the server's operator which authority has to sign it; intermediate certificates belong into \
             tls.clientCert too"
        }
        _ => "check that tls.clientCert is the certificate that the server's operator expects",
    };
    (format!("{host} does not accept the account's client certificate: {error}"), hint.to_owned())
}

fn certificate_hint(why: &Untrusted) -> &'static str {
    match why {
        Untrusted::Expired { .. } => {
            "ask the server's operator to renew it; if the clock is wrong, set this machine's clock"
        }
        Untrusted::NotValidYet { .. } => {
            "if the clock is wrong, set this machine's clock; otherwise ask the server's operator"
        }
        Untrusted::OtherName { presented, .. } if presented.is_empty() => {
            "ask the server's operator for a certificate with a subjectAltName, or set tls.pinSha256"
        }
        Untrusted::OtherName { .. } => {
            "check the account's host; if this is the right server, set tls.serverName to a name of the certificate"
        }
        Untrusted::SelfSigned | Untrusted::Authority | Untrusted::Version => {
            "if it is the right one, name it in the account's tls.ca (a PEM file), or set tls.pinSha256"
        }
        Untrusted::UnknownIssuer(_) | Untrusted::BadSignature => {
            "name its authority in the account's tls.ca (a PEM file); the server may also fail to send an intermediate \
             certificate"
        }
        Untrusted::Key(_) => {
            "ask the server's operator for a certificate with such a key; allowInvalidCert connects all the same, but then \
             anyone on the network path can read the password"
        }
        Untrusted::AuthorityKey(_) | Untrusted::SignatureAlgorithm => {
            "ask the server's operator for a new certificate; until then, name this one in tls.ca, or set tls.pinSha256"
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
            "set the account's host or tls.serverName to the name that the server's certificate has"
        }
        HandshakeError::Alert(Alert::InternalError) => {
            "try again later; if it persists, ask the server's operator: its log says more"
        }
        HandshakeError::Local => "check this machine's clock and its source of random numbers",
        _ => "ask the server's operator: its log says more; a firewall on the way may also change what is sent",
    }
    .to_owned()
}
