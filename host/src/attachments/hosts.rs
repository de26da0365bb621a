//! The hosts that attachments may be fetched from.

use crate::accounts::{Policy, UrlHost};
use smtp_connector_smtp::address::HostName;
use smtp_connector_smtp::network::Reach;

/// The hosts that a platform allows for attachments. An account's policy can allow fewer hosts, but never more.
///
/// | | hosts on the public internet | other hosts and ports |
/// |---|---|---|
/// | [`public`](Self::public), the default | all, at ports 80 and 443 | none |
/// | [`only`](Self::only) | those of the list | those of the list that the account's policy names too |
/// | [`danger_any`](Self::danger_any) | all, at ports 80 and 443 | those that the account's policy names |
///
/// ```
/// use smtp_connector_host::Host;
/// use smtp_connector_host::attachments::AttachmentHosts;
///
/// let hosts = AttachmentHosts::only(["files.example.com".parse()?, "minio.internal:9000".parse()?]);
/// let host = Host::builder().attachment_hosts(hosts).build()?;
/// # Ok::<(), smtp_connector_host::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentHosts(Allowed);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    Public,
    Only(Vec<UrlHost>),
    Any,
}

impl AttachmentHosts {
    /// Allows every host on the public internet, at ports 80 and 443.
    pub fn public() -> Self {
        Self(Allowed::Public)
    }

    /// Allows only these hosts. A host that is not on the public internet is allowed only for accounts whose policy
    /// names it in `attachmentUrlHosts`.
    pub fn only(hosts: impl IntoIterator<Item = UrlHost>) -> Self {
        Self(Allowed::Only(hosts.into_iter().collect()))
    }

    /// Allows every host that an account's policy names, even on this machine and in private networks. An account's proxy
    /// may be there too.
    ///
    /// Danger: anyone who can change an account can read from inside your network. Use this only in a program that runs
    /// on its user's own machine.
    pub fn danger_any() -> Self {
        Self(Allowed::Any)
    }

    /// Returns the addresses that a host may have for this account, or the reason why the host is refused.
    pub(super) fn reach(
        &self,
        policy: &Policy,
        host: &HostName,
        port: u16,
    ) -> Result<Reach, &'static str> {
        if !policy.attachment_urls {
            return Err("the account does not allow attachments from URLs");
        }
        let is_usual = matches!(port, 80 | 443);
        let names = |hosts: &[UrlHost]| {
            hosts
                .iter()
                .any(|one| one.host == *host && one.port.map_or(is_usual, |own| own == port))
        };
        let by_account = names(&policy.attachment_url_hosts);
        let reach = match &self.0 {
            Allowed::Public => Reach::Public,
            Allowed::Only(hosts) if !names(hosts) => {
                return Err("the platform does not allow attachments from this host");
            }
            Allowed::Only(_) | Allowed::Any if by_account => Reach::Anywhere,
            Allowed::Only(_) | Allowed::Any => Reach::Public,
        };
        match reach {
            Reach::Public if !is_usual => Err("attachments are fetched only from ports 80 and 443"),
            reach => Ok(reach),
        }
    }
}

impl AttachmentHosts {
    /// Returns the addresses that an account's proxy may have.
    pub(super) fn proxy_reach(&self) -> Reach {
        match &self.0 {
            Allowed::Any => Reach::Anywhere,
            Allowed::Public | Allowed::Only(_) => Reach::Public,
        }
    }
}

impl Default for AttachmentHosts {
    fn default() -> Self {
        Self::public()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_asks_for_less_than_the_platform_allows_and_never_for_more() {
        let [public, only, any] = [
            AttachmentHosts::public(),
            AttachmentHosts::only(["a.test", "b.test:8080"].map(|one| one.parse().expect(one))),
            AttachmentHosts::danger_any(),
        ];
        let nothing = Policy::default();
        let named = Policy::default().attachment_url_hosts(
            ["a.test", "b.test:8080", "c.test:8080"].map(|one| one.parse().expect(one)).to_vec(),
        );
        let off = named.clone().attachment_urls(false);
        let (inside, outside) = (Some(Reach::Anywhere), Some(Reach::Public));
        for (hosts, policy, host, port, reach) in [
            (&public, &nothing, "a.test", 443, outside),
            (&public, &named, "a.test", 443, outside),
            (&public, &named, "b.test", 8080, None),
            (&only, &nothing, "a.test", 80, outside),
            (&only, &nothing, "b.test", 8080, None),
            (&only, &named, "a.test", 80, inside),
            (&only, &named, "b.test", 8080, inside),
            (&only, &named, "b.test", 443, None),
            (&only, &named, "c.test", 8080, None),
            (&only, &nothing, "d.test", 443, None),
            (&any, &nothing, "d.test", 443, outside),
            (&any, &nothing, "c.test", 8080, None),
            (&any, &named, "c.test", 8080, inside),
            (&any, &off, "d.test", 443, None),
        ] {
            let found = hosts.reach(policy, &host.parse().expect(host), port).ok();
            assert_eq!(found, reach, "{hosts:?} {policy:?} {host}:{port}");
        }
    }
}
