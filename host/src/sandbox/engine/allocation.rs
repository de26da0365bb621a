//! The memory allocation of runs.

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::services::Limits;

/// The source of the memory of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Allocation {
    /// The system allocates memory for each run. This reserves no memory, and suits programs that send occasionally and
    /// machines with little address space.
    OnDemand,
    /// Runs use slots that are set up once. A run starts in a third of the time, and concurrent runs do not wait for
    /// each other in the kernel.
    ///
    /// Runs take their memory from the system instead if all slots are in use, if the machine does not have enough
    /// address space for slots, or if a component needs more than a slot has.
    Pooled {
        /// The number of slots. Each takes 16 GiB of address space. After its first use, it also keeps the memory of a
        /// small mail, about 0.5 MB.
        runs: u32,
    },
}

/// The bytes of a slot's memory that stay resident between runs. With less, the kernel must provide each page again.
/// With more, more must be cleared after each run. A small mail uses half of it.
const KEEP: usize = 1 << 20;
/// The bytes of a slot's stack that stay resident.
const KEEP_STACK: usize = 32 << 10;
/// The bytes of a slot's tables that stay resident. The built-in component has a table with a thousand functions.
const KEEP_TABLES: usize = 16 << 10;
/// The most bytes of wasmtime's data about an instance. It is wasmtime's default, and the built-in component uses a
/// tenth.
const INSTANCE_SIZE: usize = 1 << 20;

impl Allocation {
    /// Returns the number of slots, or `None` without a pool.
    pub(in crate::sandbox) fn slots(self) -> Option<u32> {
        match self {
            Self::OnDemand | Self::Pooled { runs: 0 } => None,
            Self::Pooled { runs } => Some(runs),
        }
    }
}

/// 64 slots are more than the runs that compute at the same time on most machines. Runs that wait for slow servers can
/// exceed any number of slots.
impl Default for Allocation {
    fn default() -> Self {
        Self::Pooled { runs: 64 }
    }
}

/// Configures an engine to take the memory of runs from a pool of `slots` slots.
pub(in crate::sandbox) fn pool(slots: u32, limits: &Limits, config: &mut Config) {
    let each = |number: usize| slots.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(each(1))
        .total_core_instances(each(Limits::INSTANCES))
        .total_memories(each(Limits::MEMORIES))
        .total_tables(each(Limits::TABLES))
        .total_stacks(each(1))
        .max_component_instance_size(INSTANCE_SIZE)
        .max_core_instance_size(INSTANCE_SIZE)
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        .linear_memory_keep_resident(KEEP)
        // If the kernel supports it (Linux 6.7), only the pages that a run has written are reset.
        .pagemap_scan(Enabled::Auto)
        .async_stack_keep_resident(KEEP_STACK)
        .table_keep_resident(KEEP_TABLES)
        .max_unused_warm_slots(each(1));
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
}
