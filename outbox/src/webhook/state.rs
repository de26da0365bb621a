//! The state of a webhook, for people and metrics.

use serde::Serialize;

use crate::timestamp::Timestamp;

/// The state of a webhook that workers serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct WebhookState {
    /// The scheme, host and port of its URL. Several webhooks can have the same.
    pub webhook: String,
    /// The number of events that it has not accepted.
    pub events_behind: u64,
    /// The number of posts in a row that failed.
    pub failures: u32,
    /// When the next post is tried, after one that failed.
    pub next_try: Option<Timestamp>,
    /// The reason why the last post failed.
    pub reason: Option<String>,
    /// Whether it was given up, because it answered with status 410.
    pub is_given_up: bool,
}
