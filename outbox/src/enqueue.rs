//! A request to the outbox.

use std::time::Duration;

use ring::digest::{Context, SHA256};
use smtp_connector_host::Invocation;

use crate::error::{Error, ErrorKind, Result};
use crate::run::RunId;
use crate::store::{NewRun, REPORT};
use crate::timestamp::Timestamp;

/// A mail to queue: an invocation that names its account, and how to treat it.
///
/// ```
/// use smtp_connector_host::Invocation;
/// use smtp_connector_outbox::Enqueue;
///
/// let mail = Invocation::send_mail(r#"{"to": "bob@example.com"}"#).account("work");
/// let request = Enqueue::new(mail).key("order-4711").held();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Enqueue {
    invocation: Invocation,
    key: Option<String>,
    is_held: bool,
    not_before: Option<Timestamp>,
    expires_after: Option<Duration>,
}

/// The longest idempotency key, in bytes. It is in an index.
const LONGEST_KEY: usize = 512;

impl Enqueue {
    /// Queues an invocation. It must name its account: [`Invocation::account`].
    pub fn new(invocation: Invocation) -> Self {
        Self { invocation, key: None, is_held: false, not_before: None, expires_after: None }
    }

    /// Sets the idempotency key. One key and one account is one mail: a second request with the same key gets the
    /// first one's ticket, and the same key with another input is an error.
    pub fn key(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// Holds the mail until a person releases it.
    pub fn held(self) -> Self {
        Self { is_held: true, ..self }
    }

    /// Sets the earliest time of the first attempt.
    pub fn not_before(self, time: Timestamp) -> Self {
        Self { not_before: Some(time), ..self }
    }

    /// Sets how long the mail is tried. Default: the outbox's.
    pub fn expires_after(self, time: Duration) -> Self {
        Self { expires_after: Some(time), ..self }
    }

    /// Checks the request, and gives it an id.
    pub(crate) fn into_run(self, now: Timestamp, expires_after: Duration) -> Result<NewRun> {
        let Self { invocation, key, is_held, not_before, .. } = self;
        if invocation.action() == REPORT {
            let message = format!("the action {REPORT:?} is the outbox's own");
            return Err(Error::new(ErrorKind::Invalid, message).hint_of("use send-mail"));
        }
        let account = invocation.account_name().filter(|_| invocation.is_repeatable());
        let account = account.ok_or_else(not_repeatable)?.to_owned();
        if let Some(key) = &key
            && (key.is_empty() || key.len() > LONGEST_KEY || key.contains('\0'))
        {
            let message = format!("the idempotency key is not 1 to {LONGEST_KEY} bytes of text");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let id =
            invocation.run_id().map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
        let next_try = not_before.filter(|&time| time > now).unwrap_or(now);
        Ok(NewRun {
            hash: key.is_some().then(|| hash(&account, &invocation)),
            id: RunId::from(id),
            account,
            action: invocation.action().to_owned(),
            key,
            input: invocation.input().to_owned(),
            keywords: invocation.keywords_json().map(str::to_owned),
            captured: invocation
                .captured_attachments()
                .map(|captured| serde_json::to_string(captured).expect("texts are JSON")),
            started_at: invocation.first_attempt_at(),
            is_held,
            created_at: now,
            next_try,
            expires_at: next_try.after(self.expires_after.unwrap_or(expires_after)),
        })
    }
}

impl From<Invocation> for Enqueue {
    fn from(invocation: Invocation) -> Self {
        Self::new(invocation)
    }
}

/// Returns the hash that tells a repeated request from another one with the same key. A NUL byte, which JSON and names
/// do not contain, separates its parts. Captured attachments do not count: the sources of a repeated request may have
/// changed.
fn hash(account: &str, invocation: &Invocation) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    for part in [account, invocation.action(), invocation.input()] {
        context.update(part.as_bytes());
        context.update(b"\0");
    }
    context.update(invocation.keywords_json().unwrap_or_default().as_bytes());
    context.finish().as_ref().to_vec()
}

fn not_repeatable() -> Error {
    let message = "only an invocation that a worker can repeat can be queued";
    Error::new(ErrorKind::Invalid, message).hint_of(
        "name the account with Invocation::account, and set uploads on the worker's host or capture them; a dry run cannot be queued",
    )
}
