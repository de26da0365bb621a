//! Sending one message on a connection: its envelope and its content, in one or more transactions.

pub(crate) mod commands;
pub(crate) mod content;
pub(crate) mod delivery;
pub(crate) mod transaction;
