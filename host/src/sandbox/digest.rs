//! The digest of a component.

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};

use crate::error::{Error, Result};

/// The SHA-256 digest of a component's bytes. Pin it to load only that component.
///
/// It is written in hexadecimal, as `sha256sum` prints it. When parsed, it may have the prefix `sha256:` of OCI
/// registries.
///
/// ```no_run
/// use smtp_connector_host::{ComponentDigest, Connector, Host};
///
/// let reviewed: ComponentDigest =
///     "cd5d4935a48c0672cb06407bb443bc0087aff947c6b864bac886982c73b3027f".parse()?;
/// let host = Host::builder().build()?;
/// let connector = Connector::from_file_pinned(&host, "connector.wasm", reviewed)?;
/// # Ok::<(), smtp_connector_host::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ComponentDigest([u8; 32]);

impl ComponentDigest {
    /// Computes the digest of a component.
    pub fn of(component: &[u8]) -> Self {
        let mut octets = [0; 32];
        // SHA-256 has 32 octets.
        octets.copy_from_slice(digest(&SHA256, component).as_ref());
        Self(octets)
    }

    /// Returns an error if a component has a different digest.
    pub(super) fn check(self, component: &[u8]) -> Result<()> {
        let found = Self::of(component);
        if found == self {
            return Ok(());
        }
        Err(Error::component(format!("the component's SHA-256 is {found}, but {self} is pinned"))
            .with_hint("get the pinned component, or review this one and pin its SHA-256"))
    }
}

impl FromStr for ComponentDigest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits = text.trim();
        let digits = digits.strip_prefix("sha256:").unwrap_or(digits).as_bytes();
        let mut octets = [0; 32];
        let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
        if digits.len() != 2 * octets.len() || !is_hexadecimal {
            let message = "a component's SHA-256 is 64 hexadecimal digits";
            return Err(Error::component(message).with_hint("run sha256sum FILE to get it"));
        }
        let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default() as u8;
        // The check above makes sure that there are twice as many digits as octets.
        let (pairs, _) = digits.as_chunks::<2>();
        for (octet, [high, low]) in octets.iter_mut().zip(pairs) {
            *octet = value(*high) << 4 | value(*low);
        }
        Ok(Self(octets))
    }
}

impl fmt::Display for ComponentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_digest_reads_as_it_is_written() {
        assert_eq!(ComponentDigest::of(b"abc").to_string(), ABC);
        for text in [ABC.to_owned(), ABC.to_uppercase(), format!(" sha256:{ABC}\n")] {
            assert_eq!(text.parse::<ComponentDigest>().ok(), Some(ComponentDigest::of(b"abc")));
        }
        for text in
            ["", "sha256:", &ABC[1..], &ABC.replace('b', "g"), &format!("{ABC}00"), &"é".repeat(32)]
        {
            let error = text.parse::<ComponentDigest>().expect_err(text);
            assert!(error.hint().is_some_and(|hint| hint.contains("sha256sum")));
        }
    }

    #[test]
    fn another_component_is_refused_with_both_digests() {
        let pinned = ComponentDigest::of(b"abc");
        pinned.check(b"abc").expect("it is that one");
        let error = pinned.check(b"abd").expect_err("it is another").to_string();
        assert!(error.contains(ABC), "{error}");
        assert!(error.contains(&ComponentDigest::of(b"abd").to_string()), "{error}");
    }
}
