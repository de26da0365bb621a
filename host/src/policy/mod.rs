//! What every message must keep on its way out, whoever sends it.

pub(crate) mod allowlist;
pub(crate) mod checked;
#[cfg(test)]
mod fail_stop;
mod guard;
mod originator;
mod progress;
mod usage;

pub(crate) use checked::{CheckedError, CheckedTransport};
pub use guard::{Breach, Guard};
pub(crate) use progress::{Progress, Seen};
pub(crate) use usage::{RunPermit, Usage};
