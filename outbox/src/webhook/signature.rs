//! The signatures of Standard Webhooks: HMAC-SHA256 of the id, the time and the body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use smtp_connector_smtp::Secret;

use crate::error::{Error, ErrorKind, Result};

/// The keys of a webhook. Each signs every post, and a receiver needs one of them.
#[derive(Clone)]
pub(super) struct Keys(Vec<hmac::Key>);

/// The lengths that Standard Webhooks allows for a secret, in bytes.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

impl Keys {
    pub(super) fn new(secret: &Secret) -> Result<Self> {
        Ok(Self(vec![key(secret)?]))
    }

    pub(super) fn and(mut self, secret: &Secret) -> Result<Self> {
        self.0.push(key(secret)?);
        Ok(self)
    }

    /// Returns the value of the header `webhook-signature`.
    pub(super) fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let sign = |key: &hmac::Key| {
            let mut context = hmac::Context::with_key(key);
            context.update(format!("{id}.{seconds}.").as_bytes());
            context.update(body);
            format!("v1,{}", STANDARD.encode(context.sign()))
        };
        self.0.iter().map(sign).collect::<Vec<_>>().join(" ")
    }
}

fn key(secret: &Secret) -> Result<hmac::Key> {
    let text = secret.expose().trim();
    let text = text.strip_prefix("whsec_").unwrap_or(text);
    let bytes = STANDARD.decode(text).ok().filter(|bytes| BYTES.contains(&bytes.len()));
    let bytes = bytes.ok_or_else(|| {
        let message = "the secret of the webhook is not 24 to 64 bytes in base64";
        Error::new(ErrorKind::Invalid, message).hint_of(
            "make one with: echo whsec_$(openssl rand -base64 32); the receiver needs it too",
        )
    })?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_reference_libraries() {
        // From the tests of the libraries of Standard Webhooks.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
        let keys = Keys::new(&secret).expect("it is valid");
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(keys.sign(id, 1_614_265_330, body), signature);
        let without_prefix = Secret::new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let twice = keys.and(&without_prefix).expect("it is valid");
        assert_eq!(twice.sign(id, 1_614_265_330, body), format!("{signature} {signature}"));
    }

    #[test]
    fn secrets_that_cannot_work_are_refused_and_not_shown() {
        let long = STANDARD.encode([7; 65]);
        for secret in ["", "hunter2", "whsec_", "c2hvcnQ=", &long] {
            let error = Keys::new(&Secret::new(secret)).err().expect(secret);
            assert!(error.hint().is_some_and(|hint| hint.contains("openssl rand")), "{error}");
            assert!(secret.len() < 7 || !format!("{error:?}").contains(secret), "{error:?}");
        }
    }
}
