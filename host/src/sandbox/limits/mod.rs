//! Measures and limits what a run uses while it runs.

mod memory_limiter;
mod meter;

pub(super) use memory_limiter::MemoryLimiter;
pub(super) use meter::Meter;
