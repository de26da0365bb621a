//! Rules for sender addresses in policies.

use std::fmt;
use std::str::FromStr;

use smtp_connector_smtp::ForwardPath;

use super::domain_rule::DomainRule;
use crate::error::{Error, Result};

/// An allowed sender in a policy: one address, or every address of a domain (`*@example.com`, `*@*.example.com`, or the
/// domain alone).
///
/// ```
/// use smtp_connector_host::accounts::SenderRule;
///
/// let anyone: SenderRule = "*@example.com".parse()?;
/// assert!(anyone.covers(&"alice@example.com".parse()?));
/// assert!(!anyone.covers(&"alice@example.com.evil.test".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SenderRule {
    /// One address.
    Address(ForwardPath),
    /// Every address of a domain.
    Domain(DomainRule),
}

impl SenderRule {
    /// Reports whether the rule covers an address. Case is ignored in the local part too, because no known server
    /// distinguishes users by case.
    pub fn covers(&self, address: &ForwardPath) -> bool {
        match self {
            Self::Address(own) => {
                let lower = |path: &ForwardPath| path.local_part().to_lowercase();
                own.domain() == address.domain() && lower(own) == lower(address)
            }
            Self::Domain(rule) => rule.covers(address.domain()),
        }
    }
}

impl FromStr for SenderRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.rsplit_once('@') {
            None => text.parse().map(Self::Domain),
            Some(("" | "*", domain)) => domain.parse().map(Self::Domain),
            Some(_) => text.parse().map(Self::Address).map_err(|reason| {
                Error::account(format!(
                    "{text:?} is not an address such as alice@example.com: {reason}"
                ))
            }),
        }
    }
}

impl fmt::Display for SenderRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Domain(rule) => write!(f, "*@{rule}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_an_address_or_a_domain() {
        for (rule, covered, not) in [
            ("alice@example.com", "Alice@Example.COM", "bob@example.com"),
            ("*@example.com", "bob@example.com", "bob@a.example.com"),
            ("@example.com", "bob@example.com", "bob@example.com.evil.test"),
            ("example.com", "bob@example.com", "example.com@example.net"),
            ("*@*.example.com", "bob@a.example.com", "bob@example.com"),
            ("a@b\u{fc}cher.example", "a@xn--bcher-kva.example", "a@bucher.example"),
        ] {
            let rule: SenderRule = rule.parse().expect(rule);
            assert!(rule.covers(&covered.parse().expect(covered)), "{rule} {covered}");
            assert!(!rule.covers(&not.parse().expect(not)), "{rule} {not}");
        }
        for text in ["", "*", "@", "Alice <alice@example.com>", "a@b@c.test", "a b@example.com"] {
            assert!(text.parse::<SenderRule>().is_err(), "{text}");
        }
    }
}
