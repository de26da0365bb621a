//! One run: what it may see, and how it is kept within its limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, StoreContextMut, StoreLimits, StoreLimitsBuilder, UpdateDeadline};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use super::Limits;
use super::engine::TICK;
use crate::accounts::Account;
use crate::attachments::Uploads;
use crate::transport::{CheckedTransport, Progress};

/// What a run is about.
pub(crate) struct Run {
    /// Unique to it, the same on its retries.
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) started_at: u64,
    /// Assemble, and send nothing.
    pub(crate) dry_run: bool,
    pub(crate) account: Option<Arc<Account>>,
    pub(crate) uploads: Arc<dyn Uploads>,
    /// None without an account.
    pub(crate) transport: Option<CheckedTransport>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) limits: Limits,
    calls: AtomicU32,
}

/// Why a run was stopped: a limit, in words.
#[derive(Debug)]
pub(super) struct LimitReached(pub(super) &'static str);

impl Run {
    pub(super) fn new(
        id: String,
        started_at: u64,
        account: Option<Arc<Account>>,
        uploads: Arc<dyn Uploads>,
        limits: Limits,
    ) -> Self {
        Self {
            id,
            started_at,
            dry_run: false,
            account,
            uploads,
            transport: None,
            progress: Arc::default(),
            limits,
            calls: AtomicU32::new(0),
        }
    }

    /// Counts a call to the host; a component that calls without end is stopped.
    pub(crate) fn count_call(&self) -> wasmtime::Result<()> {
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        if before >= self.limits.host_calls {
            return Err(wasmtime::Error::new(LimitReached("calls to its host")));
        }
        Ok(())
    }
}

/// What a store holds.
pub(super) struct State {
    pub(super) table: ResourceTable,
    wasi: WasiCtx,
    limits: StoreLimits,
    pub(super) run: Run,
    /// What the component printed: a panic's message.
    pub(super) log: MemoryOutputPipe,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// A store for one run, with nothing in it that another run could leave behind.
pub(super) fn store(engine: &Engine, run: Run) -> Store<State> {
    let limits = run.limits;
    let log = MemoryOutputPipe::new(limits.log_bytes);
    let started = Duration::from_secs(run.started_at);
    // No files, arguments, environment or sockets; a clock that stands still at the run's start, and
    // randomness that is none: the same run does the same again.
    let wasi = WasiCtx::builder()
        .stderr(log.clone())
        .wall_clock(Standing(started))
        .monotonic_clock(Standing(Duration::ZERO))
        .insecure_random_seed(0)
        .max_random_size(4096)
        .build();
    let mut table = ResourceTable::new();
    table.set_max_capacity(limits.handles);
    let memory = StoreLimitsBuilder::new()
        .memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        .instances(16)
        .tables(16)
        .memories(4)
        .trap_on_grow_failure(true)
        .build();
    let mut store = Store::new(engine, State { table, wasi, limits: memory, run, log });
    store.limiter(|state| &mut state.limits);
    store.set_hostcall_fuel(limits.host_call_bytes);
    store.set_max_component_handles(limits.handles);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(count_ticks(limits.cpu));
    store
}

/// Counts the ticks in which the component itself computed: after a wait, however long, it is one.
fn count_ticks(
    cpu: Duration,
) -> impl FnMut(StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> + Send + Sync + 'static
{
    let allowed = cpu.as_millis() / TICK.as_millis();
    let mut ticks = 0;
    move |_| {
        ticks += 1;
        if ticks > allowed {
            return Err(wasmtime::Error::new(LimitReached("computing time")));
        }
        Ok(UpdateDeadline::Yield(1))
    }
}

/// A clock that stands still.
struct Standing(Duration);

impl HostWallClock for Standing {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

impl HostMonotonicClock for Standing {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}

impl std::fmt::Display for LimitReached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the component took more than it may of {}", self.0)
    }
}

impl std::error::Error for LimitReached {}
