//! What the benchmarks share: the mails that they send, and platforms that throw them away.

pub mod mails;
pub mod native;
pub mod sandbox;
