//! How much a run takes, while it takes it.

mod memory_limiter;
mod meter;

pub(super) use memory_limiter::MemoryLimiter;
pub(super) use meter::Meter;
