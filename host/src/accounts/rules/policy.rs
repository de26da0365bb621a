//! The limits and the policy of an account.

use super::address_rule::SenderRule;
use super::domain_rule::DomainRule;
use crate::accounts::account_name::AccountName;
use crate::error::{Error, Result};
use smtp_connector_smtp::address::{ForwardPath, HostName};
use smtp_connector_smtp::setters;

/// The limits of an account: the size of a message, and the number of messages, connections and runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountLimits {
    /// The largest encoded message, in bytes.
    pub message_bytes: u64,
    /// The most attachments of one message.
    pub attachments: u32,
    /// The most recipients of one message.
    pub recipients: u32,
    /// The most open connections to the server, if connections are kept for more than one message. A run waits with its
    /// message ready until a connection is free.
    pub connections: u32,
    /// The most messages on one connection.
    pub messages_per_connection: u32,
    /// The most messages begun in any 60 seconds, in one [`Host`](crate::Host). `None` means no limit.
    pub messages_per_minute: Option<u32>,
    /// The most runs at the same time, in one [`Host`](crate::Host). `None` means no limit.
    pub concurrent_runs: Option<u32>,
    /// The most messages on a day of UTC. Only an outbox counts them, over all its workers. `None` means no limit.
    pub messages_per_day: Option<u32>,
    /// Lower limits for the first days, in order, so that providers get to know a new sender. Only an outbox counts
    /// them, from the day of the account's first message.
    pub warm_up: Vec<WarmUp>,
}

/// A step of a warm-up: a limit for some days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarmUp {
    /// The number of days.
    pub days: u32,
    /// The most messages on each of these days.
    pub messages_per_day: u32,
}

impl WarmUp {
    /// Creates a step.
    pub const fn new(days: u32, messages_per_day: u32) -> Self {
        Self { days, messages_per_day }
    }
}

impl Default for AccountLimits {
    /// Returns limits that common providers accept.
    fn default() -> Self {
        Self {
            message_bytes: 25 << 20,
            attachments: 50,
            recipients: 100,
            connections: 4,
            messages_per_connection: 100,
            messages_per_minute: None,
            concurrent_runs: None,
            messages_per_day: None,
            warm_up: Vec::new(),
        }
    }
}

setters!(AccountLimits {
    message_bytes: u64,
    attachments: u32,
    recipients: u32,
    connections: u32,
    messages_per_connection: u32,
    warm_up: Vec<WarmUp>,
} optional { messages_per_minute: u32, concurrent_runs: u32, messages_per_day: u32 });

/// The allowed senders, recipients and attachment hosts of an account. The host applies the policy to every message,
/// whatever the component does.
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
    /// The addresses allowed in MAIL FROM and in the headers From and Sender. If empty, every address is allowed.
    pub allowed_senders: Vec<SenderRule>,
    /// The domains that recipients may have. If empty, every domain is allowed.
    pub allowed_recipient_domains: Vec<DomainRule>,
    /// The address that receives every message instead of its recipients. The other rules still apply to the original
    /// recipients, so that a trial shows what they refuse.
    pub redirect_all_to: Option<ForwardPath>,
    /// Whether attachments may come from URLs.
    pub attachment_urls: bool,
    /// Hosts for attachments that are not public, or that use a port other than 80 and 443. The platform's
    /// [`AttachmentHosts`](crate::attachments::AttachmentHosts) must allow them too.
    pub attachment_url_hosts: Vec<UrlHost>,
    /// The account that tells a mail's sender, by a delivery report (RFC 3464), that the mail expired in an outbox. It may
    /// be this one, but a mail often expires because its account does not work.
    pub expiry_reports: Option<AccountName>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allowed_senders: Vec::new(),
            allowed_recipient_domains: Vec::new(),
            redirect_all_to: None,
            attachment_urls: true,
            attachment_url_hosts: Vec::new(),
            expiry_reports: None,
        }
    }
}

setters!(Policy {
    allowed_senders: Vec<SenderRule>,
    allowed_recipient_domains: Vec<DomainRule>,
    attachment_urls: bool,
    attachment_url_hosts: Vec<UrlHost>,
} optional { redirect_all_to: ForwardPath, expiry_reports: AccountName });

/// A host in a policy, with one port or with the default ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlHost {
    /// The name or IP address of the host.
    pub host: HostName,
    /// The port. `None` means 80 and 443.
    pub port: Option<u16>,
}

impl std::str::FromStr for UrlHost {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                let port = port.parse().map_err(|_| {
                    Error::account(format!("{text:?}: the text after the colon is not a port"))
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
