//! Certificate pinning.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::InvalidSetting;

/// The SHA-256 of the server's certificate or public key. A match is trusted without a certificate authority.
///
/// The form decides what the hash is of, as in the tools that print it:
///
/// - base64: the public key (RFC 7469 section 2.4, `curl --pinnedpubkey`), which a renewed certificate may keep.
/// - hexadecimal: the certificate itself (`openssl x509 -fingerprint -sha256`, msmtp's `tls_fingerprint`).
///
/// ```
/// use smtp_connector_smtp::settings::CertificatePin;
///
/// let pin: CertificatePin = "sha256//YhKJKSzoTt2b5FP18fvpHo7fJYqQCjAa3HWY3tvRMwE=".parse()?;
/// assert!(matches!(pin, CertificatePin::PublicKey(_)));
/// # Ok::<(), smtp_connector_smtp::InvalidSetting>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificatePin {
    /// The hash of the certificate, as DER.
    Certificate([u8; 32]),
    /// The hash of the certificate's SubjectPublicKeyInfo, as DER.
    PublicKey([u8; 32]),
}

impl FromStr for CertificatePin {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let text = text.trim();
        let text = text.strip_prefix("sha256//").unwrap_or(text);
        let hexadecimal = text.replace(':', "");
        if hexadecimal.len() == 64 {
            let octets: Option<Vec<u8>> = (0..32)
                .map(|at| u8::from_str_radix(hexadecimal.get(2 * at..2 * at + 2)?, 16).ok())
                .collect();
            if let Some(hash) = octets.and_then(|octets| octets.try_into().ok()) {
                return Ok(Self::Certificate(hash));
            }
        }
        let decoded = STANDARD.decode(text).ok().and_then(|octets| octets.try_into().ok());
        decoded.map(Self::PublicKey).ok_or_else(|| {
            InvalidSetting::new(
                "not a SHA-256: use the hash of the public key in base64 (44 characters), or of the certificate in \
                 hexadecimal (64 characters)",
            )
        })
    }
}

impl fmt::Display for CertificatePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(hash) => hash.iter().try_for_each(|octet| write!(f, "{octet:02x}")),
            Self::PublicKey(hash) => f.write_str(&STANDARD.encode(hash)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_known_by_its_form() {
        let colons = ["AB"; 32].join(":");
        for (text, shown) in [
            (colons.as_str(), Some("ab".repeat(32))),
            (&"0a".repeat(32), Some("0a".repeat(32))),
            (
                "sha256//YhKJKSzoTt2b5FP18fvpHo7fJYqQCjAa3HWY3tvRMwE=",
                Some("YhKJKSzoTt2b5FP18fvpHo7fJYqQCjAa3HWY3tvRMwE=".to_owned()),
            ),
            (&"zz".repeat(32), None),
            ("YhKJKSzoTt2b5FP1", None),
            ("", None),
        ] {
            let pin = text.parse::<CertificatePin>().ok().map(|pin| pin.to_string());
            assert_eq!(pin, shown, "{text}");
        }
    }
}
