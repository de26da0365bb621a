//! Runs the SMTP connector, a WebAssembly component that turns an action's input into mail.
//!
//! This host library does what the sandboxed component cannot do: it holds the account's password, opens the connection
//! and reads attachments.
//!
//! ```no_run
//! # async fn example() -> smtp_connector_host::Result<()> {
//! use smtp_connector_host::accounts::{Account, AccountsInMemory};
//! use smtp_connector_host::{Connector, Host, Invocation, Secret};
//!
//! let account = Account::builder("work", "smtp.example.com")
//!     .credentials("alice@example.com", Secret::new("hunter2"))
//!     .sender("Alice <alice@example.com>")
//!     .build()?;
//! let host = Host::builder().accounts(AccountsInMemory::from_iter([account])).build()?;
//! let connector = Connector::builtin(&host)?;
//!
//! let input = r#"{"to": "bob@example.com", "subject": "Hi", "body": "Hi, Bob!"}"#;
//! let outcome = connector.invoke(Invocation::send_mail(input).account("work")).await?;
//! println!("{}", outcome.as_json());
//! # Ok(()) }
//! ```
//!
//! | topic | items |
//! |---|---|
//! | loading a component, checking an input, sending | [`Connector`], [`Invocation`], [`Outcome`] |
//! | shared parts and limits of runs | [`Host`], [`Limits`] |
//! | accounts, secrets, providers | [`accounts`] |
//! | a user's consent to send mail (OAuth 2) | [`consent`] |
//! | uploads | [`attachments`] |
//! | transports: SMTP, or your own | [`transport`], [`smtp`] |
//! | imports for your wasmtime `Linker` | [`linker`] |
//! | errors | [`Error`], [`Failure`] |
//! | a test server that catches mail | the crate `smtp-connector-inbox` |
//!
//! Each run is a `tracing` span named `run`, with the fields `call`, `action`, `account`, `phase`, `outcome` and
//! `bytes`. It also records these `metrics`:
//!
//! | metric | kind | labels |
//! |---|---|---|
//! | `smtp_connector_runs_total` | counter | `call`; `outcome`: `ok`, or an error's code |
//! | `smtp_connector_run_seconds` | histogram | `call` |
//! | `smtp_connector_message_bytes` | histogram, for sent messages | |
//!
//! Every outgoing connection is logged as a `tracing` event with the target `smtp_connector_host::connections` and
//! the level `INFO`. There is one event for each address that is tried. There is also one for an attempt that is denied
//! or fails before an address is tried. Events never contain secrets or the path of a URL.
//!
//! | field | meaning |
//! |---|---|
//! | `outcome` | `connected`, `failed`, `denied` (not a public address, or in a denied range), `unresolved` (the name has no address), `abandoned` (the run was dropped during the attempt) |
//! | `purpose` | `smtp`, `attachment`, `token-endpoint`, `webhook` (of the outbox), or `proxy` for the connection to a proxy, which has its own event |
//! | `host`, `port` | as in the account or the attachment's URL |
//! | `address` | IP address and port; missing if the name was not resolved, or if a proxy resolves it |
//! | `account` | the account's name; missing in a run without an account |
//! | `reason` | why the connection failed; empty on success. For attachments, only this log distinguishes an unknown name from a name that is not public |

#![deny(missing_docs)]
#![deny(unsafe_code)]

pub mod accounts;
pub mod attachments;
/// A user's consent to send mail in their name (OAuth 2). Store the refresh token in your vault, or with
/// [`AccountsFile::authorize`](accounts::AccountsFile::authorize).
pub mod consent {
    pub use smtp_connector_smtp::consent::{
        Authorization, Consent, ConsentRequest, DeviceConsent, Endpoints, Grant, HttpClient,
        Loopback, LoopbackHost, NetworkClient,
    };
}
mod error;
mod imports;
pub mod linker;
pub mod policy;
mod sandbox;
mod services;

/// The SMTP client, and the transport that most hosts use.
pub mod smtp {
    pub use smtp_connector_smtp::{
        Entry, RefreshTokens, SmtpTransport, Transcript, replies, steps,
    };
}
pub mod transport;

pub use accounts::Account;
pub use error::{Error, Issue, Result};
pub use sandbox::{
    Allocation, AttachedFile, CacheEvent, ComponentDigest, ComponentSource, Connector, Findings,
    Host, HostBuilder, Outcome, OwnMessage, Status,
};
pub use services::{Invocation, Limits, Services, ServicesBuilder};
pub use smtp_connector_smtp::failure::{
    Delivered, Failure, FailureCode, Mend, Phase, Refusal, Retry,
};
pub use smtp_connector_smtp::network::{
    AddressRange, InvalidAddressRange, NameResolution, Network, NetworkStream, NoProxy,
    ProxyNetwork, SystemNetwork, Target, is_public,
};
pub use smtp_connector_smtp::secret::Secret;
pub use smtp_connector_smtp::{EnhancedStatusCode, ForwardPath, Reply, ReplyCode, ReversePath};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../docs/rust.md")]
struct EmbeddingInRust;
