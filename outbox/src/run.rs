//! A mail in the outbox: its id, its state, and what became of each recipient.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

use crate::timestamp::Timestamp;

/// The id of a run. The Message-ID of its mail comes from it, so it is the same in every attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for RunId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl From<&str> for RunId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Declares an enum whose values are stored by name.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$inner])* $variant,)+
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the name, as it is stored and printed.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = String;

            /// Parses the name. The error lists all names.
            fn from_str(name: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().copied().find(|one| one.as_str() == name);
                let names = || Self::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ");
                found.ok_or_else(|| format!("{name:?} is none of {}", names()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use names;

names! {
    /// The state of a run.
    RunState {
        /// A person must release it first.
        Held => "held",
        /// It waits for its next attempt.
        Ready => "ready",
        /// A worker is connecting, or sends the content.
        Leased => "leased",
        /// The end of the message is being sent. The mark is durable.
        Sending => "sending",
        /// The server accepted it for at least one recipient, and no recipient waits.
        Sent => "sent",
        /// No recipient has it, and it is not tried again.
        Failed => "failed",
        /// The end of the message was sent, but the server's answer is not known. Only a person tries it again.
        Unknown => "unknown",
        /// A person cancelled it.
        Cancelled => "cancelled",
    }
}

names! {
    /// The state of a recipient.
    RecipientState {
        /// The server deferred it, and a later attempt is for it.
        Pending => "pending",
        /// The server accepted the mail for it.
        Accepted => "accepted",
        /// The server refused it.
        Refused => "refused",
    }
}

impl RunState {
    /// Reports whether the run has ended, unless a person tries it again.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Sent | Self::Failed | Self::Unknown | Self::Cancelled)
    }
}

/// The answer to [`Outbox::enqueue`](crate::Outbox::enqueue): the mail is safe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// The id of the run.
    pub id: RunId,
    /// The state of the run. It is that of the earlier request if the key was known.
    pub state: RunState,
    /// Whether this request made the run. If not, an earlier request with the same key did.
    pub is_new: bool,
}

/// A run in the outbox.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The id.
    pub id: RunId,
    /// The account's name.
    pub account: String,
    /// The action.
    pub action: String,
    /// The idempotency key.
    pub key: Option<String>,
    /// The state.
    pub state: RunState,
    /// The number of attempts that have begun.
    pub attempts: u32,
    /// When the run was accepted.
    pub created_at: Timestamp,
    /// When the state changed last.
    pub updated_at: Timestamp,
    /// When the next attempt is due, for a run that is ready or held.
    pub next_try: Timestamp,
    /// When the run expires.
    pub expires_at: Timestamp,
    /// The result of the last attempt, or `{"error": ...}`.
    pub result: Option<Value>,
    /// The recipients, once an attempt reached them.
    pub recipients: Vec<RunRecipient>,
}

/// A recipient of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct RunRecipient {
    /// The address.
    pub address: String,
    /// The input's field that names it, if it is known.
    pub field: Option<String>,
    /// The state.
    pub state: RecipientState,
    /// The reply code of the server.
    pub code: Option<u16>,
    /// The enhanced status code of the server.
    pub enhanced: Option<String>,
    /// The text of the server's reply.
    pub reply: Option<String>,
}

/// Which runs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Only runs in one of these states. If empty, all.
    pub states: Vec<RunState>,
    /// Only runs of this account.
    pub account: Option<String>,
    /// Only runs that were accepted before this one, for the next page.
    pub before: Option<RunId>,
    /// At most this many, the newest first. `None` means 100.
    pub limit: Option<u32>,
}

smtp_connector_smtp::setters!(Filter { states: Vec<RunState> } optional {
    account: String, before: RunId, limit: u32,
});

/// The number of runs in each state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// The states that have runs, with their numbers.
    pub states: Vec<(RunState, u64)>,
    /// When the oldest run that is due was due.
    pub oldest_due: Option<Timestamp>,
}

impl Counts {
    /// Returns the number of runs in a state.
    pub fn of(&self, state: RunState) -> u64 {
        self.states.iter().find(|(one, _)| *one == state).map_or(0, |(_, number)| *number)
    }
}

/// An account whose runs wait, because of something that would stop each of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct PausedAccount {
    /// The account's name.
    pub account: String,
    /// When one run tries whether it works again.
    pub until: Timestamp,
    /// Why: the code of the error, such as `auth`.
    pub code: String,
    /// The error, in one sentence.
    pub reason: String,
}
