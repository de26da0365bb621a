//! A durable outbox: mail that it accepts is delivered, and no mail is delivered twice without anyone knowing.
//!
//! [`Outbox::enqueue`] returns once the mail is safe on disk. [`Worker`]s deliver it, now or when the server is back.
//! If it cannot be known whether a mail was delivered, its state is [`RunState::Unknown`], and a person decides.
//!
//! ```no_run
//! # async fn example(connector: smtp_connector_host::Connector) -> Result<(), Box<dyn std::error::Error>> {
//! use smtp_connector_host::Invocation;
//! use smtp_connector_outbox::{Enqueue, Outbox};
//!
//! let outbox = Outbox::open("outbox.db").await?;
//! let mail = Invocation::send_mail(r#"{"to": "bob@example.com", "subject": "Hi"}"#).account("work");
//! let ticket = outbox.enqueue(Enqueue::new(mail).key("order-4711")).await?;
//!
//! let an_hour = tokio::time::sleep(std::time::Duration::from_secs(3600));
//! outbox.worker(connector).run(an_hour).await?;
//! println!("{:?}", outbox.status(&ticket.id).await?);
//! # Ok(()) }
//! ```
//!
//! The crate `metrics` gets these values, besides those of `smtp-connector-host`. The gauges are recorded when you call
//! [`Outbox::record_gauges`].
//!
//! | metric | kind | labels |
//! |---|---|---|
//! | `smtp_connector_outbox_runs` | gauge | `state` |
//! | `smtp_connector_outbox_oldest_due_seconds` | gauge | |
//! | `smtp_connector_outbox_paused_accounts` | gauge | |
//! | `smtp_connector_outbox_webhook_events_behind` | gauge | `webhook`: the scheme, host and port of its URL |
//! | `smtp_connector_outbox_webhook_failures` | gauge | `webhook` |
//! | `smtp_connector_outbox_attempts_total` | counter, of this process | `event`: `sent`, `deferred`, `failed`, `unknown` |

#![deny(missing_docs)]
#![deny(unsafe_code)]

#[cfg(not(any(feature = "postgres", feature = "sqlite")))]
compile_error!("an outbox needs a store: enable the feature `sqlite` or `postgres`, or both");

mod enqueue;
mod error;
mod event;
mod gauges;
mod moving;
mod outbox;
mod retries;
mod run;
mod store;
mod timestamp;
mod webhook;
mod worker;

pub use enqueue::Enqueue;
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, EventKind, Events};
pub use moving::Moved;
pub use outbox::{Outbox, OutboxOptions};
pub use retries::RetrySchedule;
pub use run::{
    Counts, Filter, PausedAccount, RecipientState, Run, RunId, RunRecipient, RunState, Ticket,
};
#[cfg(feature = "postgres")]
pub use store::postgres::Migrated;
pub use timestamp::Timestamp;
pub use webhook::{Webhook, WebhookState};
pub use worker::{Drained, Worker, WorkerOptions};

#[cfg(doctest)]
#[allow(
    rustdoc::invalid_codeblock_attributes,
    reason = "the page marks commands that tests do not run"
)]
#[doc = include_str!("../../docs/outbox.md")]
struct Docs;
