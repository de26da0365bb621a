//! Addresses as policies name them.

use std::fmt;
use std::str::FromStr;

use super::domain_rule::{DomainRule, a_labels};
use crate::error::{Error, Result};

/// An address that mail can be sent to or from, without a name around it: `alice@example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainAddress(String);

/// Who may send, in a policy: one address, or every address of a domain (`*@example.com`, `*@*.example.com`,
/// or the domain alone).
///
/// ```
/// use smtp_connector_host::accounts::SenderRule;
///
/// let anyone: SenderRule = "*@example.com".parse()?;
/// assert!(anyone.covers("alice@example.com"));
/// assert!(!anyone.covers("alice@example.com.evil.test"));
/// # Ok::<(), smtp_connector_host::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SenderRule {
    /// This address.
    Address(PlainAddress),
    /// Every address of a domain.
    Domain(DomainRule),
}

impl PlainAddress {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SenderRule {
    /// Whether an address is meant. Case does not matter, in the local part neither: no server that is
    /// known tells two people apart by it.
    pub fn covers(&self, address: &str) -> bool {
        match self {
            Self::Address(PlainAddress(own)) => match (parts(own), parts(address)) {
                (Some(own), Some(other)) => own == other,
                _ => false,
            },
            Self::Domain(rule) => {
                address.rsplit_once('@').is_some_and(|(_, domain)| rule.covers(domain))
            }
        }
    }
}

/// What two spellings of an address have in common.
fn parts(address: &str) -> Option<(String, String)> {
    let (local, domain) = address.rsplit_once('@')?;
    Some((local.to_lowercase(), a_labels(domain)?))
}

impl FromStr for PlainAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let odd = |c: char| c.is_control() || c.is_whitespace() || "<>()\",;:\\[]".contains(c);
        if text.parse::<lettre::Address>().is_ok() && !text.contains(odd) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::account(format!("{text:?} is no address: alice@example.com")))
    }
}

impl FromStr for SenderRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.rsplit_once('@') {
            None => text.parse().map(Self::Domain),
            Some(("" | "*", domain)) => domain.parse().map(Self::Domain),
            Some(_) => text.parse().map(Self::Address),
        }
    }
}

impl fmt::Display for SenderRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => f.write_str(&address.0),
            Self::Domain(rule) => write!(f, "*@{rule}"),
        }
    }
}

/// Whether the local part of an address may be read as a way to another host: `user%other@relay`, `other!user@relay`
/// (RFC 5321 section 3.6.1 and appendix F.2). Servers that relay for their clients, Postfix as it comes among them, send
/// such mail on to the other host.
pub(crate) fn is_routed(address: &str) -> bool {
    // The last two are taken for an @ where they are mapped to ASCII.
    const ROUTING: &[char] = &['%', '!', '@', '\u{ff20}', '\u{fe6b}'];
    address.rsplit_once('@').is_none_or(|(local, _)| local.contains(ROUTING))
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
            ("example.com", "bob@example.com", "example.com"),
            ("*@*.example.com", "bob@a.example.com", "bob@example.com"),
            ("a@b\u{fc}cher.example", "a@xn--bcher-kva.example", "a@bucher.example"),
        ] {
            let rule: SenderRule = rule.parse().expect(rule);
            assert!(rule.covers(covered), "{rule} {covered}");
            assert!(!rule.covers(not), "{rule} {not}");
        }
        for text in ["", "*", "@", "Alice <alice@example.com>", "a@b@c.test", "a b@example.com"] {
            assert!(text.parse::<SenderRule>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_way_to_another_host_is_seen_in_a_local_part() {
        for address in [
            "eve%evil.test@x.test",
            "evil.test!eve@x.test",
            "eve@evil.test@x.test",
            "eve＠evil.test@x.test",
            "eve",
        ] {
            assert!(is_routed(address), "{address}");
        }
        for address in ["a@x.test", "bounce+eve=evil.test@x.test", "o'neil#1@x.test"] {
            assert!(!is_routed(address), "{address}");
        }
    }
}
