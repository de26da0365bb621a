//! The store of one run, and the work at each tick of the engine's clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, StoreContextMut, UpdateDeadline};
use wasmtime_wasi::{WasiCtxView, WasiView};

use super::limits::{MemoryLimiter, Meter};
use super::scheduling::{CpuBudget, CpuScheduler, cost};
use super::wasi::Wasi;
use crate::services::{LimitReached, Run};

/// The state in a store.
pub(super) struct State {
    pub(super) table: ResourceTable,
    pub(super) wasi: Wasi,
    memory_limiter: MemoryLimiter,
    pub(super) run: Run,
    pub(super) meter: Arc<Meter>,
}

impl State {
    /// Returns the bytes of linear memory that the run uses.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_limiter.bytes_taken(&self.run.limits)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: self.wasi.context(), table: &mut self.table }
    }
}

/// Creates a store for one run. It contains no data of other runs.
pub(super) fn store(
    engine: &Engine,
    scheduler: &Arc<CpuScheduler>,
    budget: &Arc<CpuBudget>,
    run: Run,
) -> Store<State> {
    let limits = run.limits;
    let wasi = Wasi::new(run.started_at, limits.log_bytes);
    let mut table = ResourceTable::new();
    table.set_max_capacity(limits.handles);
    let mut store = Store::new(
        engine,
        State {
            table,
            wasi,
            memory_limiter: MemoryLimiter::new(&limits),
            run,
            meter: Arc::new(Meter::new()),
        },
    );
    store.limiter(|state| &mut state.memory_limiter);
    store.set_hostcall_fuel(limits.host_call_bytes);
    store.set_max_component_handles(limits.handles);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(on_epoch(Arc::clone(scheduler), Arc::clone(budget)));
    store
}

/// Returns the callback for each tick. A run that exceeds its CPU limit ends, and a run that computes for a while
/// yields to others. A run that was waiting has missed a tick, and continues.
fn on_epoch(
    scheduler: Arc<CpuScheduler>,
    budget: Arc<CpuBudget>,
) -> impl FnMut(StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> + Send + Sync + 'static
{
    let mut charged = Duration::ZERO;
    let mut gave_way_at = Duration::ZERO;
    move |store| {
        let State { run, meter, .. } = store.data();
        let computed = meter.computed();
        if computed > run.limits.cpu {
            return Err(wasmtime::Error::new(LimitReached("CPU time")));
        }
        if computed.saturating_sub(gave_way_at) < SLICE {
            return Ok(UpdateDeadline::Continue(1));
        }
        gave_way_at = computed;
        let cost = cost(computed, run.bytes_sent());
        let just = cost.saturating_sub(charged);
        charged = charged.max(cost);
        Ok(match scheduler.charge(&budget, Instant::now(), just, cost) {
            Some(turn) => {
                UpdateDeadline::YieldCustom(1, Box::pin(tokio::time::sleep_until(turn.into())))
            }
            None => UpdateDeadline::Yield(1),
        })
    }
}

/// The CPU time after which a run must yield. It is more than a small mail takes, and less than a tick.
const SLICE: Duration = Duration::from_millis(1);
