//! Compiles components, and links them with the interfaces that they may import.

mod allocation;
mod compile_lock;
mod compiled;
mod engines;
mod linking;

pub use allocation::Allocation;
pub use compiled::CacheEvent;
pub(super) use compiled::CacheObserver;
pub(super) use engines::{Engines, LinkedComponent, LoadError};
