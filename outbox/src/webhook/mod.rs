//! A URL that gets every event, signed as [Standard Webhooks](https://www.standardwebhooks.com) describes.

mod post;
mod signature;
mod state;

use std::fmt;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use smtp_connector_smtp::Secret;
use smtp_connector_smtp::network::{AddressRange, DeniedAddresses, Network, Reach, SystemNetwork};
use url::Url;

use crate::error::{Error, ErrorKind, Result};
pub(crate) use post::{Refusal, Sender};
use signature::Keys;
pub use state::WebhookState;

/// A URL to which a [`Worker`](crate::Worker) posts the events, in order and at least once.
///
/// A receiver checks the signature, and ignores a `webhook-id` that it has seen. A status of 2xx accepts an event. After
/// any other answer the event is posted again, later and later, up to an hour; the events behind it wait. After a status
/// of 410, the webhook is given up until a worker is started with it again.
///
/// ```
/// use smtp_connector_outbox::Webhook;
/// use smtp_connector_smtp::Secret;
///
/// let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
/// let webhook = Webhook::new("https://app.example.com/mail-events?token=abc", &secret)?;
/// assert_eq!(webhook.to_string(), "https://app.example.com");
/// # Ok::<(), smtp_connector_outbox::Error>(())
/// ```
#[derive(Clone)]
pub struct Webhook {
    url: Url,
    keys: Keys,
    network: Arc<dyn Network>,
    reach: Reach,
    denied: DeniedAddresses,
    on_failure: Option<Arc<OnFailure>>,
}

type OnFailure = dyn Fn(&str) + Send + Sync;

impl Webhook {
    /// Posts events to a URL, which must be on the public internet and begin with `https://`. The secret is 24 to 64
    /// random bytes in base64, with or without the prefix `whsec_`.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL or the secret is not valid.
    pub fn new(url: &str, secret: &Secret) -> Result<Self> {
        let invalid = |why: &str| {
            let message = format!("the URL of the webhook {why}");
            let hint = "give a URL such as https://app.example.com/mail-events";
            Error::new(ErrorKind::Invalid, message).hint_of(hint)
        };
        // The parser drops some characters, so the parsed URL would differ from the one that was given.
        if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(invalid("contains a space or a control character"));
        }
        let url = Url::parse(url).map_err(|_| invalid("is not valid"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("does not begin with https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("contains a username or a password, which would not be sent"));
        }
        Ok(Self {
            url,
            keys: Keys::new(secret)?,
            network: Arc::new(SystemNetwork),
            reach: Reach::Public,
            denied: DeniedAddresses::default(),
            on_failure: None,
        })
    }

    /// Signs with a second secret too. To replace a secret, sign with both until the receiver knows the new one.
    ///
    /// # Errors
    ///
    /// Returns an error if the secret is not valid.
    pub fn also_signed_with(self, secret: &Secret) -> Result<Self> {
        Ok(Self { keys: self.keys.and(secret)?, ..self })
    }

    /// Replaces the system's resolver and sockets, for example with a proxy.
    #[must_use]
    pub fn network(self, network: impl Network) -> Self {
        Self { network: Arc::new(network), ..self }
    }

    /// Danger: also posts to servers on this machine and on private networks, and there with `http://` too. Do not use it
    /// on a platform whose customers choose the URL.
    #[must_use]
    pub fn danger_allow_private_hosts(self) -> Self {
        Self { reach: Reach::Anywhere, ..self }
    }

    /// Denies addresses, even if private hosts are allowed. Each call adds ranges.
    #[must_use]
    pub fn deny_addresses(self, ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        Self { denied: self.denied.and(ranges), ..self }
    }

    /// Calls a function with a sentence for each post that failed. The sentence has no secret.
    #[must_use]
    pub fn on_failure(self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { on_failure: Some(Arc::new(tell)), ..self }
    }

    /// Returns the key under which the store keeps what the webhook has got. The URL itself may contain a token.
    pub(crate) fn key(&self) -> String {
        let hash = digest(&SHA256, self.url.as_str().as_bytes());
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Tells of a post that failed.
    pub(crate) fn tell(&self, sentence: &str) {
        tracing::warn!("{sentence}");
        if let Some(tell) = &self.on_failure {
            tell(sentence);
        }
    }
}

impl fmt::Display for Webhook {
    /// Writes the scheme, host and port of the URL. The rest may contain a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url.origin().ascii_serialization())
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("url", &format_args!("{self}")).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn urls_that_cannot_work_are_refused() {
        for (url, why) in [
            ("app.example.com", "is not valid"),
            ("https://", "is not valid"),
            ("ftp://app.example.com/", "does not begin with https://"),
            ("https://a:hush@app.example.com/", "contains a username or a password"),
            ("https://app.example.com/a b", "contains a space"),
        ] {
            let error = Webhook::new(url, &Secret::new(SECRET)).expect_err(url);
            assert!(error.to_string().contains(why), "{error}");
            assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        }
    }

    #[test]
    fn no_secret_is_printed() {
        let url = "https://a.test:8443/hush/T0?token=hush";
        let webhook = Webhook::new(url, &Secret::new(SECRET)).expect("it is valid");
        let printed = format!("{webhook} {webhook:?} {}", webhook.key());
        assert!(printed.starts_with("https://a.test:8443 "), "{printed}");
        assert!(!printed.contains("hush") && !printed.contains("MfKQ"), "{printed}");
        let other =
            Webhook::new("https://a.test:8443/", &Secret::new(SECRET)).expect("it is valid");
        assert_ne!(webhook.key(), other.key());
    }
}
