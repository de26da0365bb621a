//! The reason why a certificate is not trusted, as a sentence.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error, OtherError};

use super::certificate::{Certificate, KeyKind, utc};
use crate::excerpt::excerpt;

/// The reason why a certificate is not trusted. It displays as a sentence about "it", the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Untrusted {
    /// It is the certificate of an authority, not of a server.
    Authority,
    /// The key of an authority that signed it is of an unsupported kind.
    AuthorityKey(KeyKind),
    /// Its signature was not made with the key of the authority that it names.
    BadSignature,
    /// It is malformed.
    Encoding,
    /// The server's certificate, or that of an authority that signed it, has expired.
    Expired { now: UnixTime, not_after: UnixTime, is_own: bool },
    /// Its key is of an unsupported kind.
    Key(KeyKind),
    /// It does not match the pin.
    NotPinned,
    /// The server's certificate, or that of an authority that signed it, is not valid yet.
    NotValidYet { now: UnixTime, not_before: UnixTime, is_own: bool },
    /// Its names do not include the server's.
    OtherName { expected: String, presented: Vec<String> },
    /// Its extended key usage does not allow servers.
    Purpose,
    /// It was revoked.
    Revoked,
    /// It is self-signed.
    SelfSigned,
    /// It, or the certificate of an authority that signed it, has an insecure or unsupported signature algorithm.
    SignatureAlgorithm,
    /// No trusted authority has signed it.
    UnknownIssuer(Option<String>),
    /// Its X.509 version is lower than 3.
    Version,
    /// The server does not prove that it has the certificate's key.
    WithoutKey,
    /// Another reason.
    Other,
}

impl Untrusted {
    /// Adds details from the certificate to an error. An error of rustls that is clear enough stays unchanged, since it
    /// decides which alert the server gets.
    pub(crate) fn explain<'a>(
        error: Error,
        certificate: &CertificateDer<'_>,
        authorities: impl IntoIterator<Item = &'a CertificateDer<'a>>,
    ) -> Error {
        let Error::InvalidCertificate(why) = &error else { return error };
        let Some(read) = Certificate::read(certificate) else { return error };
        let found = match Self::from(why) {
            Self::Expired { now, not_after, .. } if not_after != read.not_after => {
                Self::Expired { now, not_after, is_own: false }
            }
            Self::NotValidYet { now, not_before, .. } if not_before != read.not_before => {
                Self::NotValidYet { now, not_before, is_own: false }
            }
            // With such a key, neither `tls.ca` nor a pin would help.
            Self::UnknownIssuer(_) | Self::Authority | Self::Version | Self::BadSignature
                if !read.key_kind().can_be_verified() =>
            {
                Self::Key(read.key_kind())
            }
            Self::UnknownIssuer(_) | Self::Authority | Self::Version | Self::BadSignature
                if read.is_self_issued() =>
            {
                Self::SelfSigned
            }
            Self::BadSignature => {
                let weak = authorities.into_iter().find_map(|authority| weak_key(authority));
                let Some(weak) = weak else { return error };
                Self::AuthorityKey(weak)
            }
            Self::UnknownIssuer(_) => Self::UnknownIssuer(read.issuer()),
            _ => return error,
        };
        found.into()
    }

    /// Returns the reason for a handshake signature that is not valid: the key is not the certificate's, or is of an
    /// unsupported kind.
    pub(crate) fn without_key(certificate: &Certificate<'_>) -> Self {
        match certificate.key_kind() {
            kind if kind.can_be_verified() => Self::WithoutKey,
            weak => Self::Key(weak),
        }
    }
}

fn weak_key(authority: &CertificateDer<'_>) -> Option<KeyKind> {
    let kind = Certificate::read(authority)?.key_kind();
    (!kind.can_be_verified()).then_some(kind)
}

impl From<&CertificateError> for Untrusted {
    fn from(error: &CertificateError) -> Self {
        use CertificateError as Why;
        match error {
            Why::ExpiredContext { time, not_after } => {
                Self::Expired { now: *time, not_after: *not_after, is_own: true }
            }
            Why::NotValidYetContext { time, not_before } => {
                Self::NotValidYet { now: *time, not_before: *not_before, is_own: true }
            }
            Why::NotValidForNameContext { expected, presented } => Self::OtherName {
                expected: expected.to_str().into_owned(),
                presented: presented.iter().filter_map(|name| plain(name)).collect(),
            },
            Why::BadEncoding => Self::Encoding,
            Why::BadSignature => Self::BadSignature,
            Why::UnknownIssuer => Self::UnknownIssuer(None),
            Why::Revoked => Self::Revoked,
            Why::InvalidPurpose | Why::InvalidPurposeContext { .. } => Self::Purpose,
            Why::UnsupportedSignatureAlgorithmContext { .. }
            | Why::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                Self::SignatureAlgorithm
            }
            Why::ApplicationVerificationFailure => Self::NotPinned,
            Why::Other(OtherError(inner)) => Self::inside(inner.as_ref()),
            _ => Self::Other,
        }
    }
}

impl Untrusted {
    /// Converts an error of webpki, or returns a reason that was already found.
    fn inside(error: &(dyn StdError + Send + Sync + 'static)) -> Self {
        if let Some(explained) = error.downcast_ref::<Self>() {
            return explained.clone();
        }
        match error.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::CaUsedAsEndEntity) => Self::Authority,
            Some(webpki::Error::UnsupportedCertVersion) => Self::Version,
            Some(webpki::Error::SignatureAlgorithmMismatch) => Self::SignatureAlgorithm,
            Some(webpki::Error::EmptyEkuExtension) => Self::Purpose,
            _ => Self::Other,
        }
    }
}

/// Extracts a server's name from webpki's format: `DnsName("mail.example.com")`, `IpAddress(10.0.0.1)`. Returns `None`
/// for other kinds of names, such as an email address.
pub(crate) fn plain(name: &str) -> Option<String> {
    let is_wrapped = name.ends_with(')');
    let inner = match name.split_once('(') {
        Some(("DnsName" | "IpAddress", rest)) if is_wrapped => &rest[..rest.len() - 1],
        Some(_) => return None,
        None if name == "DirectoryName" => return None,
        None => name,
    };
    Some(inner.trim_matches('"').to_owned())
}

impl From<Untrusted> for Error {
    fn from(why: Untrusted) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(why))))
    }
}

impl StdError for Untrusted {}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = |is_own: &bool| match is_own {
            true => "it",
            false => "the certificate of an authority that signed it",
        };
        match self {
            Self::Authority => {
                f.write_str("it is the certificate of an authority (CA:TRUE), not of a server")
            }
            Self::BadSignature => {
                f.write_str("no trusted authority has signed it: one has its issuer's name, but a different key")
            }
            Self::Encoding => f.write_str("it is malformed"),
            Self::Expired { now, not_after, is_own } => write!(
                f,
                "{} expired at {}, and this machine's clock says {}",
                whose(is_own),
                utc(*not_after),
                utc(*now)
            ),
            Self::AuthorityKey(kind) => write!(
                f,
                "the key of an authority that signed it ({kind}) cannot be verified; {VERIFIED} can"
            ),
            Self::Key(kind) => write!(f, "its key ({kind}) cannot be verified; {VERIFIED} can"),
            Self::NotPinned => f.write_str("it does not match the pinned hash (tls.pinSha256)"),
            Self::NotValidYet { now, not_before, is_own } => write!(
                f,
                "{} is not valid yet: it begins at {}, and this machine's clock says {}",
                whose(is_own),
                utc(*not_before),
                utc(*now)
            ),
            Self::OtherName { expected, presented } => other_name(f, expected, presented),
            Self::Purpose => f.write_str("its extended key usage does not allow servers"),
            Self::Revoked => f.write_str("it was revoked"),
            Self::SelfSigned => f.write_str("it is self-signed, and not in the list of trusted certificates"),
            Self::SignatureAlgorithm => f.write_str(
                "it, or the certificate of an authority that signed it, is signed with an algorithm that is not \
                 secure or not supported, such as SHA-1",
            ),
            Self::UnknownIssuer(None) => f.write_str("no trusted authority has signed it"),
            Self::UnknownIssuer(Some(issuer)) => {
                write!(f, "no trusted authority has signed it: its issuer is {}", excerpt(issuer))
            }
            Self::Version => f.write_str("it is not an X.509 version 3 certificate"),
            Self::WithoutKey => f.write_str("the server does not prove that it has the certificate's key"),
            Self::Other => f.write_str("it does not follow the rules for certificates (RFC 5280)"),
        }
    }
}

/// The kinds of keys that ring verifies, also in TLS 1.3.
const VERIFIED: &str = "RSA of 2048 to 8192 bits, ECDSA on P-256 or P-384, and Ed25519";

fn other_name(f: &mut fmt::Formatter<'_>, expected: &str, presented: &[String]) -> fmt::Result {
    /// The most names shown. Certificates of large providers have a hundred.
    const SHOWN: usize = 5;
    if presented.is_empty() {
        return write!(f, "it is not for {expected}: it has no alternative names");
    }
    write!(f, "it is not for {expected}, but for ")?;
    for (n, name) in presented.iter().take(SHOWN).enumerate() {
        let comma = if n == 0 { "" } else { ", " };
        write!(f, "{comma}{}", excerpt(name).trim_matches('"'))?;
    }
    match presented.len().checked_sub(SHOWN) {
        None | Some(0) => Ok(()),
        Some(more) => write!(f, " and {more} more"),
    }
}
