//! Hostile components, each written by hand for one kind of attack.
//!
//! In every case the process keeps running, the run ends with an ordinary error, and the next run is not affected.

mod bytes;
mod calls;
mod computing;
pub(crate) mod guest;
mod isolation;
mod mail;
mod memory;
mod output;
mod reaching;
mod results;
pub(crate) mod sending;
mod stalling;
mod waiting;

use std::time::Duration;

use smtp_connector_host::{Error, FailureCode, Host, Invocation, Limits, Outcome};

use crate::support::host_builder;
use guest::Guest;

/// A longer run counts as not stopped. The limits of these tests are far below.
const HANG: Duration = Duration::from_secs(60);

/// A host with limits small enough for a test.
fn strict_host() -> Host {
    let mut limits = Limits::default();
    limits.memory_bytes = 16 << 20;
    limits.cpu = Duration::from_millis(300);
    limits.wall_clock = Duration::from_secs(3);
    limits.host_calls = 10_000;
    limits.host_call_bytes = 4 << 20;
    host_builder([]).limits(limits).build().expect("the sandbox runs on this machine")
}

/// Runs a guest without an account.
async fn run(guest: &Guest) -> Result<Outcome, Error> {
    let host = strict_host();
    let connector = guest.load(&host);
    let attack = connector.invoke(Invocation::send_mail("{}"));
    let outcome = tokio::time::timeout(HANG, attack).await.expect("the run is stopped");
    // The process is alive, and the engine still works.
    let neighbour = Guest::returning(r#"{"status": "dry-run"}"#).load(&host);
    neighbour.invoke(Invocation::send_mail("{}")).await.expect("a neighbour is not disturbed");
    outcome
}

/// Runs a guest, and checks that a limit stops it.
async fn stopped_at_limit(guest: &Guest, words: &str) {
    let error = run(guest).await.expect_err("it takes too much");
    assert_eq!(error.code(), FailureCode::Limit, "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
}

/// Runs a guest, and checks that it traps or breaks the contract.
async fn broken(guest: &Guest, words: &str) {
    let error = run(guest).await.expect_err("it breaks down");
    assert_eq!(error.code(), FailureCode::Internal, "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
}
