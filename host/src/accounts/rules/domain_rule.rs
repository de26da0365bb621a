//! Domains of addresses, as policies name them.

use std::fmt;
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::error::{Error, Result};
use smtp_connector_smtp::address::HostName;

/// A domain in a policy: `example.com` is that domain alone, `*.example.com` every domain below it.
///
/// ```
/// use smtp_connector_host::accounts::DomainRule;
///
/// let below: DomainRule = "*.example.com".parse()?;
/// assert!(below.covers("mail.Example.com"));
/// assert!(!below.covers("example.com"));
/// # Ok::<(), smtp_connector_host::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRule {
    domain: String,
    below: bool,
}

impl DomainRule {
    /// Whether a domain is meant, in any case, beyond ASCII or as A-labels.
    pub fn covers(&self, domain: &str) -> bool {
        let Some(domain) = a_labels(domain) else { return false };
        match self.below {
            false => domain == self.domain,
            true => domain.strip_suffix(&self.domain).is_some_and(|rest| rest.ends_with('.')),
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
        match name.parse::<HostName>() {
            Ok(host @ HostName::Name(_)) => {
                Ok(Self { domain: host.without_root().to_ascii_lowercase(), below })
            }
            _ => Err(Error::account(format!(
                "{text:?} is no domain: example.com, or *.example.com for those below it"
            ))),
        }
    }
}

impl fmt::Display for DomainRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.domain)
    }
}

/// A domain as the wire has it, in small letters. None: it is none.
pub(crate) fn a_labels(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return Some(domain.to_ascii_lowercase());
    }
    let lower = domain.to_lowercase();
    let ascii = Uts46::new().to_ascii(
        lower.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::Ignore,
    );
    ascii.ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_covers_a_domain_or_what_is_below_it() {
        let covers =
            |rule: &str, domain| rule.parse::<DomainRule>().expect("a rule").covers(domain);
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
            ("*.example.com", ""),
        ] {
            assert!(!covers(rule, domain), "{rule} {domain}");
        }
    }

    #[test]
    fn what_is_no_domain_is_no_rule() {
        for text in ["", "*", "*.", "*.*.example.com", "127.0.0.1", "a@example.com", "https://x.y"]
        {
            assert!(text.parse::<DomainRule>().is_err(), "{text}");
        }
    }
}
