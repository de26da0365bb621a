//! The domain of an address.

use std::fmt;
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::host_name::{InvalidHostName, check_labels};

/// The domain of an address, as lower-case A-labels (RFC 5890), so that equal domains are equal values.
///
/// ```
/// use smtp_connector_smtp::address::Domain;
///
/// let domain: Domain = "B\u{fc}cher.Example".parse()?;
/// assert_eq!(domain.as_str(), "xn--bcher-kva.example");
/// assert!("[192.0.2.1]".parse::<Domain>().is_err());
/// # Ok::<(), smtp_connector_smtp::address::InvalidHostName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(String);

impl Domain {
    /// Returns the domain as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reports whether this domain is below `other`: `mail.example.com` is below `example.com`.
    pub fn is_below(&self, other: &Self) -> bool {
        self.0.strip_suffix(other.as_str()).is_some_and(|rest| rest.ends_with('.'))
    }
}

impl FromStr for Domain {
    type Err = InvalidHostName;

    fn from_str(text: &str) -> Result<Self, InvalidHostName> {
        let domain = match text.is_ascii() {
            true => text.to_ascii_lowercase(),
            false => a_labels(text)?,
        };
        check_labels(&domain)?;
        Ok(Self(domain))
    }
}

fn a_labels(text: &str) -> Result<String, InvalidHostName> {
    // Case does not distinguish names: BÜCHER is the same name as bücher.
    let lower = text.to_lowercase();
    let (deny, hyphens) = (AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    let ascii = Uts46::new().to_ascii(lower.as_bytes(), deny, hyphens, DnsLength::Ignore);
    ascii.map(std::borrow::Cow::into_owned).map_err(|_| InvalidHostName::Labels)
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
