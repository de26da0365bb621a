//! Where the memory of runs comes from.

use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::Limits;

/// Where the memory of runs comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Allocation {
    /// From the system, for each run anew. Nothing is set aside, and any number of runs go on at a time: for
    /// programs that send now and then, and for the many that wait for slow servers.
    #[default]
    OnDemand,
    /// From slots that are set up once: a run starts in a third of the time. The next one of so many runs
    /// waits for a slot, and each slot keeps what a small mail needs, about half a megabyte, for good.
    Pooled {
        /// Runs at the same time.
        runs: u32,
    },
}

/// Bytes of a slot's memory that stay its own between runs: what a small mail touches. The kernel would have
/// to be asked for each page of it again; more would have to be cleared after each run.
const KEEP: usize = 1 << 20;
/// The same of its stack.
const KEEP_STACK: usize = 32 << 10;
/// wasmtime's own numbers for what it knows of an instance; ours takes a tenth.
const INSTANCE_SIZE: usize = 1 << 20;

impl Allocation {
    pub(super) fn configure(self, config: &mut Config, limits: &Limits) {
        let Self::Pooled { runs } = self else { return };
        let each =
            |number: usize| runs.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX)).max(1);
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
            .async_stack_keep_resident(KEEP_STACK)
            .max_unused_warm_slots(each(1));
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }

    /// How many runs may go on at a time.
    pub(super) fn runs(self) -> usize {
        match self {
            Self::OnDemand => tokio::sync::Semaphore::MAX_PERMITS,
            Self::Pooled { runs } => runs.max(1) as usize,
        }
    }
}
