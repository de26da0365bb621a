//! The command, as its user types it.

mod accounts;
mod demo;
mod describe;
mod inbox;
mod preview;
mod send;
mod terminal;
mod usage;
mod validate;
