//! How much a run takes, while it takes it.

mod ceiling;
mod meter;

pub(super) use ceiling::Ceiling;
pub(super) use meter::Meter;
