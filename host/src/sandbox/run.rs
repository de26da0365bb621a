//! One run: what it may see, and how it is kept within its limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, StoreContextMut, UpdateDeadline};
use wasmtime_wasi::{WasiCtxView, WasiView};

use super::Limits;
use super::ceiling::Ceiling;
use super::fair_share::{FairShare, Ledger, cost};
use super::meter::Meter;
use super::wasi::Wasi;
use crate::accounts::{Account, AccountLimits};
use crate::attachments::{AttachmentHosts, SourceError, Uploads};
use crate::policy::allowlist::{Allowlists, SourceAllowlist};
use crate::policy::{CheckedTransport, Progress};
use smtp_connector_smtp::network::{DeniedAddresses, Network};

/// What a run is about.
pub(crate) struct Run {
    /// Unique to it, the same on its retries.
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) started_at: u64,
    /// Assemble, and send nothing.
    pub(crate) dry_run: bool,
    pub(crate) account: Option<Arc<Account>>,
    /// What it may open. None: it checks an input, and opens nothing.
    pub(crate) sources: Option<Sources>,
    /// None without an account.
    pub(crate) transport: Option<CheckedTransport>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) limits: Limits,
    pub(super) meter: Arc<Meter>,
    calls: AtomicU32,
    attachments: AtomicU32,
}

/// Where attachments of a run come from, and which of them its input names.
pub(crate) struct Sources {
    pub(crate) uploads: Arc<dyn Uploads>,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) denied: DeniedAddresses,
    pub(crate) hosts: Arc<AttachmentHosts>,
    pub(crate) allowlists: Arc<Allowlists>,
}

/// Why a run was stopped: a limit, in words.
#[derive(Debug)]
pub(super) struct LimitReached(pub(super) &'static str);

impl Run {
    pub(super) fn new(
        id: String,
        started_at: u64,
        account: Option<Arc<Account>>,
        limits: Limits,
    ) -> Self {
        Self {
            id,
            started_at,
            dry_run: false,
            account,
            sources: None,
            transport: None,
            progress: Arc::default(),
            limits,
            meter: Arc::new(Meter::new()),
            calls: AtomicU32::new(0),
            attachments: AtomicU32::new(0),
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

impl Run {
    /// Bytes of its message so far.
    fn bytes_sent(&self) -> u64 {
        self.progress.bytes()
    }

    /// Admits an attachment that is to be opened: what the run may open, if it may open one more and its input names
    /// this one.
    pub(crate) async fn admit(
        &self,
        is_named: impl FnOnce(&SourceAllowlist) -> bool,
    ) -> Result<&Sources, SourceError> {
        let forbidden = |why: &str| SourceError::Forbidden(why.to_owned());
        let sources = self.sources.as_ref();
        let sources = sources.ok_or_else(|| forbidden("nothing is opened to check an input"))?;
        let limits = self.account.as_ref().map_or_else(AccountLimits::default, |one| one.limits);
        if self.attachments.fetch_add(1, Ordering::Relaxed) >= limits.attachments {
            return Err(forbidden("the account's mails have no more attachments"));
        }
        let found = sources.allowlists.found().await;
        let found = found.map_err(|failure| forbidden(&failure.message))?;
        if !is_named(&found.sources) {
            return Err(forbidden("the input's attachments do not name it"));
        }
        Ok(sources)
    }
}

/// What a store holds.
pub(super) struct State {
    pub(super) table: ResourceTable,
    pub(super) wasi: Wasi,
    ceiling: Ceiling,
    pub(super) run: Run,
}

impl State {
    /// Bytes of linear memory that the run has taken.
    pub(super) fn memory_bytes(&self) -> usize {
        self.ceiling.bytes_taken(&self.run.limits)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: self.wasi.context(), table: &mut self.table }
    }
}

/// A store for one run, with nothing in it that another run could leave behind.
pub(super) fn store(
    engine: &Engine,
    share: &Arc<FairShare>,
    ledger: &Arc<Ledger>,
    run: Run,
) -> Store<State> {
    let limits = run.limits;
    let wasi = Wasi::new(run.started_at, limits.log_bytes);
    let mut table = ResourceTable::new();
    table.set_max_capacity(limits.handles);
    let mut store = Store::new(engine, State { table, wasi, ceiling: Ceiling::new(&limits), run });
    store.limiter(|state| &mut state.ceiling);
    store.set_hostcall_fuel(limits.host_call_bytes);
    store.set_max_component_handles(limits.handles);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(give_way(Arc::clone(share), Arc::clone(ledger)));
    store
}

/// What happens at each tick: a run that computed too long ends, and one that computes for a while lets others
/// run. One that was waiting meanwhile has missed a tick, and goes on.
fn give_way(
    share: Arc<FairShare>,
    ledger: Arc<Ledger>,
) -> impl FnMut(StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> + Send + Sync + 'static
{
    let mut charged = Duration::ZERO;
    let mut gave_way_at = Duration::ZERO;
    move |store| {
        let run = &store.data().run;
        let computed = run.meter.computed();
        if computed > run.limits.cpu {
            return Err(wasmtime::Error::new(LimitReached("computing time")));
        }
        if computed.saturating_sub(gave_way_at) < SLICE {
            return Ok(UpdateDeadline::Continue(1));
        }
        gave_way_at = computed;
        let cost = cost(computed, run.bytes_sent());
        let just = cost.saturating_sub(charged);
        charged = charged.max(cost);
        Ok(match share.charge(&ledger, Instant::now(), just, cost) {
            Some(turn) => {
                UpdateDeadline::YieldCustom(1, Box::pin(tokio::time::sleep_until(turn.into())))
            }
            None => UpdateDeadline::Yield(1),
        })
    }
}

/// What a run computes before it has to give way: more than a small mail takes, and less than a tick.
const SLICE: Duration = Duration::from_millis(1);

impl std::fmt::Display for LimitReached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the component took more than it may of {}", self.0)
    }
}

impl std::error::Error for LimitReached {}
