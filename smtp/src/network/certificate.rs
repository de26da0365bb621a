//! Reads certificates (RFC 5280) of any version and with any key.
//!
//! webpki reads only version 3, and does not return dates and issuer. This module does not decide what is trusted.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{DateTime, Decode as _, Reader as _, SliceReader, Tag};
use rustls::pki_types::{SubjectPublicKeyInfoDer, UnixTime};

/// The fields of a certificate that this crate uses.
pub(crate) struct Certificate<'a> {
    /// The issuer's name, DER-encoded.
    issuer: &'a [u8],
    /// The subject's name, DER-encoded.
    subject: &'a [u8],
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
    /// SubjectPublicKeyInfo, DER-encoded.
    key: &'a [u8],
    /// The names in the subjectAltName extension.
    names: Vec<String>,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate. Returns `None` if it is malformed.
    pub(crate) fn read(encoded: &'a [u8]) -> Option<Self> {
        let certificate = AnyRef::from_der(encoded).ok()?;
        let mut outer = SliceReader::new(certificate.value()).ok()?;
        let signed = AnyRef::decode(&mut outer).ok()?.value();
        let mut fields = SliceReader::new(signed).ok()?;
        let first = AnyRef::decode(&mut fields).ok()?;
        if matches!(first.header().tag(), Tag::ContextSpecific { .. }) {
            // This is the version, which version 1 omits. The serial number follows.
            AnyRef::decode(&mut fields).ok()?;
        }
        let _signature_algorithm = AnyRef::decode(&mut fields).ok()?;
        let issuer = AnyRef::decode(&mut fields).ok()?.value();
        let mut validity = SliceReader::new(AnyRef::decode(&mut fields).ok()?.value()).ok()?;
        let not_before = time(AnyRef::decode(&mut validity).ok()?)?;
        let not_after = time(AnyRef::decode(&mut validity).ok()?)?;
        let subject = AnyRef::decode(&mut fields).ok()?.value();
        let start = usize::try_from(fields.position()).ok()?;
        AnyRef::decode(&mut fields).ok()?;
        let end = usize::try_from(fields.position()).ok()?;
        let key = signed.get(start..end)?;
        // A malformed extension does not make the other fields unreadable.
        let names = alternative_names(&mut fields).unwrap_or_default();
        Some(Self { issuer, subject, not_before, not_after, key, names })
    }

    /// Reports whether the certificate names itself as its issuer.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Returns the issuer's common name, or else its organisation.
    pub(crate) fn issuer(&self) -> Option<String> {
        attribute(self.issuer, COMMON_NAME).or_else(|| attribute(self.issuer, ORGANIZATION))
    }

    /// Returns the issuer's common name and organisation to show: `R11 (Let's Encrypt)`.
    pub(crate) fn issuer_to_show(&self) -> Option<String> {
        let organisation = attribute(self.issuer, ORGANIZATION);
        match (attribute(self.issuer, COMMON_NAME), organisation) {
            (Some(name), Some(of)) if !name.contains(&of) => Some(format!("{name} ({of})")),
            (name, of) => name.or(of),
        }
    }

    /// Returns the DNS names and IP addresses that the certificate is for. Without alternative names, that is the
    /// common name.
    pub(crate) fn names(&self) -> Vec<String> {
        match self.names.as_slice() {
            [] => self.common_name().into_iter().collect(),
            names => names.to_vec(),
        }
    }

    /// Returns the subject's common name.
    pub(crate) fn common_name(&self) -> Option<String> {
        attribute(self.subject, COMMON_NAME)
    }

    /// Returns the public key.
    pub(crate) fn key(&self) -> SubjectPublicKeyInfoDer<'a> {
        SubjectPublicKeyInfoDer::from(self.key)
    }

    /// Returns the kind of the public key, which displays as `RSA, 1024 bits`.
    pub(crate) fn key_kind(&self) -> KeyKind {
        read_key(self.key).unwrap_or(KeyKind::Unknown)
    }
}

/// The kind of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa { bits: usize },
    Named(&'static str),
    Unknown,
}

impl KeyKind {
    /// Reports whether ring can verify signatures of this key, also in TLS 1.3.
    pub(crate) fn can_be_verified(self) -> bool {
        match self {
            Self::Rsa { bits } => (2048..=8192).contains(&bits),
            Self::Named(name) => matches!(name, "ECDSA, P-256" | "ECDSA, P-384" | "Ed25519"),
            Self::Unknown => false,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA, {bits} bits"),
            Self::Named(name) => f.write_str(name),
            Self::Unknown => f.write_str("of an unknown kind"),
        }
    }
}

/// Formats a time in UTC: `2026-11-27T14:33:00Z`.
pub(crate) fn utc(time: UnixTime) -> String {
    let since = std::time::Duration::from_secs(time.as_secs());
    // The dates in certificates end with the year 9999.
    DateTime::from_unix_duration(since)
        .map_or_else(|_| "an impossible date".to_owned(), |date| date.to_string())
}

/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.4.10
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
/// 2.5.29.17
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

fn time(field: AnyRef<'_>) -> Option<UnixTime> {
    let since = match field.header().tag() {
        Tag::UtcTime => field.decode_as::<UtcTime>().ok()?.to_unix_duration(),
        Tag::GeneralizedTime => field.decode_as::<GeneralizedTime>().ok()?.to_unix_duration(),
        _ => return None,
    };
    Some(UnixTime::since_unix_epoch(since))
}

/// Returns the last value of a kind in a name, which is the most specific one.
fn attribute(name: &[u8], kind: &[u8]) -> Option<String> {
    let mut found = None;
    let mut sets = SliceReader::new(name).ok()?;
    while !sets.is_finished() {
        let mut set = SliceReader::new(AnyRef::decode(&mut sets).ok()?.value()).ok()?;
        while !set.is_finished() {
            let mut pair = SliceReader::new(AnyRef::decode(&mut set).ok()?.value()).ok()?;
            let is_it = AnyRef::decode(&mut pair).ok()?.value() == kind;
            let value = AnyRef::decode(&mut pair).ok()?.value();
            if is_it {
                found = Some(String::from_utf8_lossy(value).into_owned());
            }
        }
    }
    found
}

/// Reads the DNS names and IP addresses in the subjectAltName extension (RFC 5280 section 4.2.1.6), from the fields
/// after the key.
fn alternative_names(fields: &mut SliceReader<'_>) -> Option<Vec<String>> {
    /// The context-specific tag of the extensions (RFC 5280 section 4.1).
    const EXTENSIONS: u8 = 3;
    while !fields.is_finished() {
        let field = AnyRef::decode(fields).ok()?;
        if !matches!(field.header().tag(), Tag::ContextSpecific { number, .. } if number.value() == u32::from(EXTENSIONS))
        {
            continue;
        }
        let mut extensions =
            SliceReader::new(AnyRef::from_der(field.value()).ok()?.value()).ok()?;
        while !extensions.is_finished() {
            let mut extension =
                SliceReader::new(AnyRef::decode(&mut extensions).ok()?.value()).ok()?;
            if AnyRef::decode(&mut extension).ok()?.value() != SUBJECT_ALT_NAME {
                continue;
            }
            let mut value = AnyRef::decode(&mut extension).ok()?;
            if value.header().tag() == Tag::Boolean {
                // Whether the extension is critical.
                value = AnyRef::decode(&mut extension).ok()?;
            }
            return general_names(AnyRef::from_der(value.value()).ok()?.value());
        }
    }
    None
}

fn general_names(encoded: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut reader = SliceReader::new(encoded).ok()?;
    while !reader.is_finished() {
        let name = AnyRef::decode(&mut reader).ok()?;
        let Tag::ContextSpecific { number, .. } = name.header().tag() else { continue };
        match (number.value(), name.value()) {
            (2, dns) => names.push(String::from_utf8_lossy(dns).into_owned()),
            (7, &[a, b, c, d]) => names.push(Ipv4Addr::new(a, b, c, d).to_string()),
            (7, ip) => {
                let octets = <[u8; 16]>::try_from(ip).ok();
                names.extend(octets.map(|octets| Ipv6Addr::from(octets).to_string()));
            }
            _ => {}
        }
    }
    Some(names)
}

fn read_key(encoded: &[u8]) -> Option<KeyKind> {
    let mut fields = SliceReader::new(AnyRef::from_der(encoded).ok()?.value()).ok()?;
    let mut algorithm = SliceReader::new(AnyRef::decode(&mut fields).ok()?.value()).ok()?;
    let name = AnyRef::decode(&mut algorithm).ok()?.value();
    let bits = AnyRef::decode(&mut fields).ok()?.value();
    Some(match name {
        RSA => {
            // The first byte is the number of unused bits, which is zero.
            let key = AnyRef::from_der(bits.get(1..)?).ok()?;
            let mut numbers = SliceReader::new(key.value()).ok()?;
            let modulus = AnyRef::decode(&mut numbers).ok()?.value();
            let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
            let first = modulus.get(zeros)?.leading_zeros() as usize;
            KeyKind::Rsa { bits: (modulus.len() - zeros) * 8 - first }
        }
        ELLIPTIC => KeyKind::Named(match AnyRef::decode(&mut algorithm).ok()?.value() {
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07] => "ECDSA, P-256",
            [0x2b, 0x81, 0x04, 0x00, 0x22] => "ECDSA, P-384",
            [0x2b, 0x81, 0x04, 0x00, 0x23] => "ECDSA, P-521",
            _ => "ECDSA, another curve",
        }),
        [0x2b, 0x65, 0x70] => KeyKind::Named("Ed25519"),
        [0x2b, 0x65, 0x71] => KeyKind::Named("Ed448"),
        _ => KeyKind::Unknown,
    })
}
