//! Where the memory of runs comes from.

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::services::Limits;

/// Where the memory of runs comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Allocation {
    /// From the system, for each run anew. Nothing is set aside: for programs that send now and then, and for
    /// machines that are short of address space.
    OnDemand,
    /// From slots that are set up once: a run starts in a third of the time, and several do not wait for each
    /// other in the kernel. While all slots are in use, runs take their memory from the system; none waits. So
    /// they do on a machine without the address space for slots, and where a component wants more than one has.
    Pooled {
        /// Slots. Each takes 16 GiB of address space, and keeps what a small mail needs, about half a megabyte,
        /// once it was used.
        runs: u32,
    },
}

/// Bytes of a slot's memory that stay its own between runs. The kernel would have to be asked for each page
/// of it again; more would have to be cleared after each run. A small mail touches half of it.
const KEEP: usize = 1 << 20;
/// The same of its stack.
const KEEP_STACK: usize = 32 << 10;
/// The same of its tables: the built-in component has a thousand functions in one.
const KEEP_TABLES: usize = 16 << 10;
/// wasmtime's own numbers for what it knows of an instance; ours takes a tenth.
const INSTANCE_SIZE: usize = 1 << 20;

impl Allocation {
    /// How many slots there are.
    pub(in crate::sandbox) fn slots(self) -> Option<u32> {
        match self {
            Self::OnDemand | Self::Pooled { runs: 0 } => None,
            Self::Pooled { runs } => Some(runs),
        }
    }
}

/// More than run at the same time on most machines; those that wait for slow servers are beyond it anyway.
impl Default for Allocation {
    fn default() -> Self {
        Self::Pooled { runs: 64 }
    }
}

/// Has an engine take the memory of runs from so many slots.
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
        // Only the pages that a run has written are reset, where the kernel can tell (Linux 6.7).
        .pagemap_scan(Enabled::Auto)
        .async_stack_keep_resident(KEEP_STACK)
        .table_keep_resident(KEEP_TABLES)
        .max_unused_warm_slots(each(1));
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
}
