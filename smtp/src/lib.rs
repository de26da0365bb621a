//! An SMTP client (RFC 5321): from a server's settings to the server's last word.
//!
//! lettre has the commands, their parameters and the addresses in them. The socket is ours, and so is
//! what is read from it: deadlines are absolute, replies bounded, nothing that came in the clear counts
//! once TLS has begun, and success is what the RFC calls success.
//!
//! | what | where |
//! |---|---|
//! | a client with a connection pool | [`SmtpTransport`] |
//! | a server, how to log in there, how long to wait | [`settings`], [`secret`] |
//! | a message: its envelope, and its bytes | [`Envelope`], [`Outgoing`], [`Receipt`] |
//! | what goes wrong | [`failure`] |
//! | which addresses may be dialled, and by whom | [`network`] |
//! | names of servers and clients, addresses | [`address`] |
//! | what a server says, and what it means | [`reply`], [`replies`] |
//!
//! Inside, from the top down:
//!
//! | floor | |
//! |---|---|
//! | `transport` | what others call |
//! | `session` | an envelope, a message's content, both as often as it takes |
//! | `pool` | connections that are kept |
//! | `opener` | dialled, greeted, encrypted, logged in |
//! | `auth`, `oauth2` | mechanisms, access tokens |
//! | `client` | commands out, replies in, TLS |
//! | `replies` | what a reply is, and what it means |

#![deny(missing_docs)]
#![deny(unsafe_code)]

pub mod address;
mod auth;
mod client;
mod envelope;
pub mod excerpt;
pub mod failure;
mod invalid_setting;
mod issue;
pub mod network;
mod oauth2;
mod opener;
mod outgoing;
mod pool;
pub mod private_files;
pub mod replies;
pub mod reply;
pub mod secret;
mod session;
mod setters;
pub mod settings;
mod transport;
pub mod waited;

use std::future::Future;
use std::pin::Pin;

pub use address::{ForwardPath, ReversePath};
pub use client::transcript::{Entry, Transcript};
pub use envelope::{DsnOptions, DsnReturn, Envelope, EnvelopeId, Receipt};
pub use failure::{Delivered, Failure, FailureCode, Phase, Refusal, Retry};
pub use invalid_setting::InvalidSetting;
pub use issue::Issue;
pub use outgoing::Outgoing;
pub use reply::{EnhancedStatusCode, Reply, ReplyCode};
pub use secret::Secret;
pub use settings::ServerSettings;
pub use transport::SmtpTransport;

/// A future that a trait returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
