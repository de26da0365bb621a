//! Rules for the domains of addresses in policies.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use smtp_connector_smtp::address::Domain;

/// A domain in a policy. `example.com` covers only that domain, and `*.example.com` covers every domain below it.
///
/// ```
/// use smtp_connector_host::accounts::DomainRule;
///
/// let below: DomainRule = "*.example.com".parse()?;
/// assert!(below.covers(&"mail.Example.com".parse()?));
/// assert!(!below.covers(&"example.com".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRule {
    domain: Domain,
    below: bool,
}

impl DomainRule {
    /// Reports whether the rule covers a domain.
    pub fn covers(&self, domain: &Domain) -> bool {
        match self.below {
            false => *domain == self.domain,
            true => domain.is_below(&self.domain),
        }
    }
}

impl FromStr for DomainRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (below, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        let domain = name.trim().trim_end_matches('.').parse::<Domain>();
        let domain = domain.map_err(|_| {
            Error::account(format!(
                "{text:?} is not a domain: write example.com, or *.example.com for every domain below it"
            ))
        })?;
        Ok(Self { domain, below })
    }
}

impl fmt::Display for DomainRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_covers_a_domain_or_what_is_below_it() {
        let covers = |rule: &str, domain: &str| {
            rule.parse::<DomainRule>().expect("a rule").covers(&domain.parse().expect("a domain"))
        };
        assert!(covers("Example.com", "EXAMPLE.com"));
        assert!(covers("b\u{fc}cher.example", "xn--bcher-kva.example"));
        assert!(covers("xn--bcher-kva.example", "B\u{dc}CHER.example"));
        assert!(covers("*.example.com", "a.b.example.com"));
        for (rule, domain) in [
            ("example.com", "evil-example.com"),
            ("example.com", "a.example.com"),
            ("example.com", "example.com.evil.test"),
            ("*.example.com", "example.com"),
            ("*.example.com", "evilexample.com"),
        ] {
            assert!(!covers(rule, domain), "{rule} {domain}");
        }
    }

    #[test]
    fn an_invalid_domain_is_not_a_rule() {
        for text in ["", "*", "*.", "*.*.example.com", "127.0.0.1", "a@example.com", "https://x.y"]
        {
            assert!(text.parse::<DomainRule>().is_err(), "{text}");
        }
    }
}
