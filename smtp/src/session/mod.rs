//! A message on a connection: its envelope, its content, both as often as it takes.

pub(crate) mod commands;
pub(crate) mod content;
pub(crate) mod delivery;
pub(crate) mod transaction;
