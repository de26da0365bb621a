//! An SMTP server that catches mail instead of delivering it. Use it in tests and demonstrations, or to look at the
//! mail that a program sends.
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use smtp_connector_inbox::Inbox;
//!
//! let inbox = Inbox::builder().start("127.0.0.1:0").await?;
//! println!("send to {}", inbox.address());
//! let message = inbox.next().await;
//! println!("{} octets for {:?}", message.content.len(), message.recipients);
//! # Ok(()) }
//! ```

mod command;
mod content;
mod entry;
mod failures;
mod line;
mod mailbox;
mod query;
mod received;
mod room;
mod server;
mod session;
mod settings;
mod stored;

pub use entry::Entry;
pub use failures::{Failure, FailureAct, FailureStage, Failures, InvalidFailure};
pub use mailbox::{Mailbox, MailboxError};
pub use query::{InvalidQuery, Query};
pub use received::{Received, Store};
pub use server::{Inbox, InboxBuilder};
pub use settings::Encryption;
pub use stored::Stored;
