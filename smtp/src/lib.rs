//! An SMTP client (RFC 5321) with a connection pool.
//!
//! The commands, their parameters and their addresses are from lettre. This crate implements the connection itself:
//! deadlines are absolute, replies are bounded, data from before TLS is not trusted afterwards, and only the replies
//! that the RFC defines as success count as success.
//!
//! | What | Where |
//! |---|---|
//! | the client with its connection pool | [`SmtpTransport`] |
//! | server settings: login, security, timeouts | [`settings`], [`secret`] |
//! | a message: its envelope and its bytes | [`Envelope`], [`Outgoing`], [`Receipt`] |
//! | a user's consent to send mail (OAuth 2) | [`consent`] |
//! | errors | [`failure`] |
//! | the steps of a connection test | [`steps`] |
//! | outgoing connections and the allowed addresses | [`network`] |
//! | HTTP under the same rules | [`http_connection`] |
//! | host names, EHLO names and email addresses | [`address`] |
//! | server replies and their causes | [`reply`], [`replies`] |
//!
//! The internal layers, from the top down:
//!
//! | Layer | Task |
//! |---|---|
//! | `transport` | the public interface |
//! | `session` | sends the envelope and the content, and retries |
//! | `pool` | keeps connections for reuse |
//! | `opener` | connects, greets, starts TLS and logs in |
//! | `auth`, `consent`, `oauth2` | login mechanisms, users' consent and access tokens |
//! | `http_connection` | HTTP requests |
//! | `client` | commands, replies and TLS |
//! | `replies` | parses replies and finds their causes |

#![deny(missing_docs)]
#![deny(unsafe_code)]

pub mod address;
mod auth;
mod client;
pub mod consent;
mod envelope;
pub mod excerpt;
pub mod failure;
pub mod http_connection;
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
pub mod steps;
mod transport;
pub mod waited;

use std::future::Future;
use std::pin::Pin;

pub use address::{ForwardPath, ReversePath};
pub use client::transcript::{Entry, Transcript};
pub use envelope::{DsnOptions, DsnReturn, Envelope, EnvelopeId, Receipt};
pub use failure::{Delivered, Failure, FailureCode, Mend, Phase, Refusal, Retry};
pub use invalid_setting::InvalidSetting;
pub use issue::Issue;
pub use oauth2::RefreshTokens;
pub use outgoing::Outgoing;
pub use reply::{EnhancedStatusCode, Reply, ReplyCode};
pub use secret::Secret;
pub use settings::ServerSettings;
pub use transport::SmtpTransport;

/// A boxed future, as trait methods return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
