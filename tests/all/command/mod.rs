//! The command, as its user runs it.

mod account_files;
mod account_test;
mod account_writes;
mod accounts;
#[cfg(unix)]
mod asking;
pub(crate) mod authorize;
mod body;
mod demo;
mod describe;
mod first_account;
mod inbox;
#[cfg(unix)]
mod interrupt;
mod last_use;
mod outbox;
mod preview;
mod send;
mod terminal;
mod usage;
mod validate;
