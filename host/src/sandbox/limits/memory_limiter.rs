//! The memory limit of a run, over all its memories and tables together.

use wasmtime::ResourceLimiter;

use crate::services::LimitReached;
use crate::services::Limits;

/// A limiter that counts the growth of a store's memories and tables, and stops a component that exceeds the limit.
///
/// wasmtime's `StoreLimits` checks each memory alone, so four memories could use four times the limit.
#[derive(Debug)]
pub(in crate::sandbox) struct MemoryLimiter {
    bytes_left: usize,
    elements_left: usize,
}

impl MemoryLimiter {
    pub(in crate::sandbox) fn new(limits: &Limits) -> Self {
        Self { bytes_left: limits.memory_bytes, elements_left: limits.table_elements }
    }

    /// Returns the bytes that the memories use. Memories only grow.
    pub(in crate::sandbox) fn bytes_taken(&self, limits: &Limits) -> usize {
        limits.memory_bytes - self.bytes_left
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        take(&mut self.bytes_left, desired.saturating_sub(current), "memory")
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        take(&mut self.elements_left, desired.saturating_sub(current), "memory for its tables")
    }

    fn instances(&self) -> usize {
        Limits::INSTANCES
    }

    fn tables(&self) -> usize {
        Limits::TABLES
    }

    fn memories(&self) -> usize {
        Limits::MEMORIES
    }
}

fn take(left: &mut usize, wanted: usize, what: &'static str) -> wasmtime::Result<bool> {
    *left = left.checked_sub(wanted).ok_or_else(|| wasmtime::Error::new(LimitReached(what)))?;
    Ok(true)
}
