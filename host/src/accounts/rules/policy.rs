//! What an account may send, and reach.

use super::address_rule::SenderRule;
use super::domain_rule::DomainRule;
use crate::error::{Error, Result};
use smtp_connector_smtp::address::{ForwardPath, HostName};
use smtp_connector_smtp::setters;

/// How much one mail may be, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountLimits {
    /// Bytes of the whole message, encoded.
    pub message_bytes: u64,
    /// Attachments.
    pub attachments: u32,
    /// Recipients.
    pub recipients: u32,
    /// Connections to the server at once, where they are kept for more than one message. A run that finds none free
    /// waits with its message ready.
    pub connections: u32,
    /// Messages on one connection.
    pub messages_per_connection: u32,
    /// Messages that are begun in any sixty seconds, by one [`Host`](crate::Host). None: any number.
    pub messages_per_minute: Option<u32>,
    /// Runs at the same time, in one [`Host`](crate::Host). None: any number.
    pub concurrent_runs: Option<u32>,
}

impl Default for AccountLimits {
    /// What common providers take.
    fn default() -> Self {
        Self {
            message_bytes: 25 << 20,
            attachments: 50,
            recipients: 100,
            connections: 4,
            messages_per_connection: 100,
            messages_per_minute: None,
            concurrent_runs: None,
        }
    }
}

setters!(AccountLimits {
    message_bytes: u64,
    attachments: u32,
    recipients: u32,
    connections: u32,
    messages_per_connection: u32,
} optional { messages_per_minute: u32, concurrent_runs: u32 });

/// Whom the account may write as and to, and what it may reach. The host holds every message to it,
/// whatever the component says.
///
/// ```
/// use smtp_connector_host::ForwardPath;
/// use smtp_connector_host::accounts::Policy;
///
/// let staging = Policy::default()
///     .allowed_senders(vec!["*@example.com".parse()?])
///     .redirect_all_to("staging@example.com".parse::<ForwardPath>()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Who may be in MAIL FROM and in the headers From and Sender. Empty: anybody.
    pub allowed_senders: Vec<SenderRule>,
    /// Domains that may be sent to. Empty: any.
    pub allowed_recipient_domains: Vec<DomainRule>,
    /// Who gets every message, instead of its recipients. The other rules look at those nevertheless, so
    /// that a trial shows what would be refused.
    pub redirect_all_to: Option<ForwardPath>,
    /// Whether attachments may come from URLs at all.
    pub attachment_urls: bool,
    /// Hosts that attachments may come from although they are not public, or at a port of their own: those among them
    /// that the platform's [`AttachmentHosts`](crate::attachments::AttachmentHosts) allow.
    pub attachment_url_hosts: Vec<UrlHost>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allowed_senders: Vec::new(),
            allowed_recipient_domains: Vec::new(),
            redirect_all_to: None,
            attachment_urls: true,
            attachment_url_hosts: Vec::new(),
        }
    }
}

setters!(Policy {
    allowed_senders: Vec<SenderRule>,
    allowed_recipient_domains: Vec<DomainRule>,
    attachment_urls: bool,
    attachment_url_hosts: Vec<UrlHost>,
} optional { redirect_all_to: ForwardPath });

/// A host that is named in a policy, at one port or at the usual ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlHost {
    /// The host.
    pub host: HostName,
    /// The port; none: 80 and 443.
    pub port: Option<u16>,
}

impl std::str::FromStr for UrlHost {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                let port = port.parse().map_err(|_| {
                    Error::account(format!("{text:?}: what follows the colon is no port"))
                })?;
                (host, Some(port))
            }
            _ => (text, None),
        };
        let host = host.parse().map_err(|reason| Error::account(format!("{text:?}: {reason}")))?;
        Ok(Self { host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_in_a_policy_may_have_a_port() {
        let parse =
            |text: &str| text.parse::<UrlHost>().ok().map(|one| (one.host.to_string(), one.port));
        assert_eq!(parse("files.local:8080"), Some(("files.local".into(), Some(8080))));
        assert_eq!(parse("files.local"), Some(("files.local".into(), None)));
        assert_eq!(parse("::1"), Some(("::1".into(), None)));
        assert_eq!(parse("[::1]:80"), Some(("::1".into(), Some(80))));
        assert_eq!(parse("files.local:x"), None);
    }
}
