//! Code shared by the benchmarks: mails, and platforms that discard them.

pub mod mails;
pub mod native;
pub mod sandbox;
