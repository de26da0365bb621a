//! The SMTP conversation (RFC 5321).
//!
//! lettre has the commands, their parameters and the addresses in them. The socket is ours, and so is
//! what is read from it: deadlines are absolute, replies bounded, nothing that came in the clear counts
//! once TLS has begun, and success is what the RFC calls success.

mod auth;
mod connection;
mod envelope;
mod extensions;
mod handshake;
mod local_name;
mod queue_id;
mod reply;
mod stream;
mod tls;
mod transaction;
mod transcript;
mod transport;
mod verdict;

pub use transcript::{Entry, Transcript};
pub use transport::SmtpTransport;
