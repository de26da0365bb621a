//! The changes that a platform reacts to.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::error::Result;
use crate::run::{RunId, names};
use crate::timestamp::Timestamp;
use std::fmt;
use std::str::FromStr;

names! {
    /// The kind of an event.
    EventKind {
        /// The server accepted the mail, and no recipient waits.
        Sent => "sent",
        /// The mail, or some of its recipients, will be tried again.
        Deferred => "deferred",
        /// The mail failed for good.
        Failed => "failed",
        /// It is not known whether the mail was delivered.
        Unknown => "unknown",
        /// The mail was tried until it expired.
        Expired => "expired",
        /// A person cancelled the mail.
        Cancelled => "cancelled",
        /// The account's runs wait: its server or its login does not work, or its quota is used up.
        AccountPaused => "account-paused",
        /// The account works again.
        AccountResumed => "account-resumed",
    }
}

/// A change of a run or an account. Events are stored with the change, in the same transaction.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The number of the event. Later events have larger numbers.
    pub id: i64,
    /// The kind.
    pub kind: EventKind,
    /// When it happened.
    pub at: Timestamp,
    /// The account.
    pub account: String,
    /// The run, except for events of accounts.
    pub run: Option<RunId>,
    /// The result or `{"error": ...}` of the attempt.
    pub result: Option<Value>,
}

/// A stream of events, in order. Each event comes once, from this process's workers and from others'.
#[derive(Debug)]
pub struct Events {
    pub(crate) receiver: mpsc::Receiver<Result<Event>>,
}

impl Events {
    /// Waits for the next event. Returns `None` once the outbox is closed.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        self.receiver.recv().await
    }
}

impl Stream for Events {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(context)
    }
}
