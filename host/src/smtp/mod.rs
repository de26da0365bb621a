//! The SMTP conversation (RFC 5321).
//!
//! lettre has the commands, their parameters and the addresses in them. The socket is ours, and so is
//! what is read from it: deadlines are absolute, replies bounded, nothing that came in the clear counts
//! once TLS has begun, and success is what the RFC calls success.
//!
//! CHUNKING (RFC 3030) is not used: with PIPELINING the wait for DATA's 354 costs nothing, doubling dots
//! next to nothing, and no message here is binary.
//!
//! | from the account to the server's last word | |
//! |---|---|
//! | the transport, and the connections that it keeps | `transport`, `pool` |
//! | dialled, greeted, encrypted, logged in | `handshake`, `greeting`, `tls`, `auth` |
//! | an envelope, a message's content, both as often as it takes | `transaction`, `content`, `delivery` |
//! | commands out, replies in, all of it in time | `connection`, `reply`, `stream`, `clock` |
//! | what a reply means | `replies`, asked by `verdict`; `extensions` |

mod auth;
mod client_auth;
mod clock;
mod connection;
mod content;
mod delivery;
mod envelope;
mod extensions;
mod greeting;
mod handshake;
mod local_name;
mod pool;
pub mod replies;
mod reply;
mod stream;
mod tls;
mod tls_failure;
mod transaction;
mod transcript;
mod transport;
mod verdict;

pub use transcript::{Entry, Transcript};
pub use transport::SmtpTransport;
