//! Recognises a provider by an address or a host.

use smtp_connector_smtp::ForwardPath;
use smtp_connector_smtp::address::HostName;

use super::preset::{PRESETS, Preset};
use super::rules::owner_of;

/// The domains of mailboxes, with the id of their provider. Companies use their own domains, so most addresses of
/// Google Workspace and Microsoft 365 are not recognised.
const DOMAINS: &[(&str, &str)] = &[
    ("aol.com", "aol"),
    ("fastmail.com", "fastmail"),
    ("fastmail.fm", "fastmail"),
    ("gmail.com", "gmail"),
    ("googlemail.com", "gmail"),
    ("gmx.com", "gmx"),
    ("gmx.net", "gmx"),
    ("hotmail.com", "outlook"),
    ("icloud.com", "icloud"),
    ("inbox.ru", "mailru"),
    ("live.com", "outlook"),
    ("mac.com", "icloud"),
    ("mail.ru", "mailru"),
    ("me.com", "icloud"),
    ("msn.com", "outlook"),
    ("onmicrosoft.com", "microsoft365"),
    ("outlook.com", "outlook"),
    ("pm.me", "proton"),
    ("proton.me", "proton"),
    ("protonmail.com", "proton"),
    ("qq.com", "qq"),
    ("yahoo.com", "yahoo"),
    ("yandex.com", "yandex"),
    ("yandex.ru", "yandex"),
    ("zoho.com", "zoho"),
];

impl Preset {
    /// Returns every provider, in alphabetical order.
    pub fn all() -> &'static [Self] {
        PRESETS
    }

    /// Returns the domains whose mailboxes the provider is recognised by.
    pub(in crate::accounts) fn domains(&self) -> impl Iterator<Item = &'static str> {
        DOMAINS.iter().filter(|(_, id)| *id == self.id).map(|(domain, _)| *domain)
    }

    /// Recognises the provider of a mailbox by the domain of its address.
    ///
    /// ```
    /// use smtp_connector_host::accounts::Preset;
    ///
    /// let provider = Preset::for_address(&"you@gmail.com".parse()?);
    /// assert_eq!(provider.map(|provider| provider.id), Some("gmail"));
    /// assert!(Preset::for_address(&"you@example.com".parse()?).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn for_address(address: &ForwardPath) -> Option<&'static Self> {
        let domain = address.domain().as_str();
        let is_of = |known: &str| {
            domain.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let (_, id) = DOMAINS.iter().find(|(known, _)| is_of(known))?;
        Self::find(id)
    }

    /// Recognises the provider of a server by its host name.
    ///
    /// ```
    /// use smtp_connector_host::accounts::Preset;
    ///
    /// let provider = Preset::for_host(&"smtp.office365.com".parse()?);
    /// assert_eq!(provider.map(|provider| provider.id), Some("microsoft365"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn for_host(host: &HostName) -> Option<&'static Self> {
        owner_of(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_domain_has_a_provider() {
        for (domain, id) in DOMAINS {
            let address = format!("you@{domain}").parse().expect("an address");
            assert_eq!(Preset::for_address(&address).map(|one| one.id), Some(*id), "{domain}");
        }
        let evil = "you@evil-gmail.com".parse().expect("an address");
        assert!(Preset::for_address(&evil).is_none());
    }
}
