//! The webhooks in a store: who serves each one, and the last event that it accepted.

use std::time::Duration;

use crate::timestamp::Timestamp;

/// A webhook to take.
#[derive(Clone, Debug)]
pub(crate) struct WebhookClaim {
    /// The hash of its URL.
    pub(crate) key: String,
    /// The scheme, host and port, for people.
    pub(crate) place: String,
    /// How long the owner has it for itself.
    pub(crate) lease: Duration,
    /// A worker that starts does not wait for the end of a pause: a person may have mended the receiver.
    pub(crate) is_first: bool,
}

/// A webhook that a worker serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TakenWebhook {
    /// The last event that it accepted.
    pub(crate) after: i64,
    /// The failures since then.
    pub(crate) failures: u32,
    /// Makes the ids of the events unique among all outboxes.
    pub(crate) prefix: String,
}

/// The outcome of a post to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Posted {
    /// The webhook has the event.
    Accepted { event: i64 },
    /// The webhook does not have it. It pauses for this long, at most [`LONGEST_WEBHOOK_PAUSE`].
    Refused { pause: Duration, why: String },
    /// The webhook does not accept events any more.
    Gone { why: String },
    /// The owner stops.
    Freed,
}

/// The row of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredWebhook {
    pub(crate) place: String,
    pub(crate) after: i64,
    pub(crate) failures: u32,
    pub(crate) next_try: Option<Timestamp>,
    pub(crate) why: Option<String>,
    pub(crate) is_gone: bool,
}

/// The longest pause of a webhook. A longer one in the store comes from a clock that was set back.
pub(crate) const LONGEST_WEBHOOK_PAUSE: Duration = Duration::from_secs(60 * 60);
