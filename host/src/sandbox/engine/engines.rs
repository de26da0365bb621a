//! The engines that all runs share, and the clock that interrupts them.
//!
//! The `roomy` engine takes the memory of each run from the system, and compiles components. The `pooled` engine, if
//! there is one, has a pool with a fixed number of slots, and runs what the first one compiled. When all slots are in
//! use, runs go to the `roomy` engine.

use std::path::Path;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, EngineWeak};

use super::allocation::pool;
use super::compiled::{CacheObserver, Code, Directory};
use super::linking;
use crate::error::{Error, Result};
use crate::imports::bindings::PluginPre;
use crate::sandbox::Allocation;
use crate::sandbox::store::State;
use crate::services::Limits;

/// The interval at which a running component is interrupted, so that others can run. It is the longest time that
/// another run waits for it. A shorter interval does not help, since timers have a resolution of about 1 ms.
const TICK: Duration = Duration::from_millis(2);

/// The stack space that remains for host functions when a component has used up its stack. It is wasmtime's default.
const HOST_STACK: usize = 3 << 19;

/// The engines that compile and run components.
pub(in crate::sandbox) struct Engines {
    roomy: LinkedEngine,
    pooled: Option<Pooled>,
    /// The directory of compiled components.
    directory: Option<Directory>,
}

/// An engine, and the linker with its components' imports.
struct LinkedEngine {
    engine: Engine,
    linker: Linker<State>,
}

struct Pooled {
    inner: LinkedEngine,
    /// One permit for each slot.
    slots: Semaphore,
}

/// A component that is ready to run on each engine.
#[derive(Clone)]
pub(in crate::sandbox) struct LinkedComponent {
    roomy: PluginPre<State>,
    /// `None` without a pool, or if the component needs more than a slot has.
    pooled: Option<PluginPre<State>>,
}

/// The place where one run executes. Dropping it frees the slot.
pub(in crate::sandbox) struct Lease<'r> {
    pub(in crate::sandbox) pre: &'r PluginPre<State>,
    _slot: Option<SemaphorePermit<'r>>,
}

/// The reason why a component cannot be loaded.
pub(in crate::sandbox) enum LoadError {
    /// It cannot be compiled.
    Code(wasmtime::Error),
    /// It imports an interface that the host does not provide.
    Imports(wasmtime::Error),
    /// It does not export the contract.
    Exports(wasmtime::Error),
}

impl Engines {
    /// Builds the engines. If `cache` is a directory, compiled components are kept there for the next start.
    pub(in crate::sandbox) fn build(
        cache: Option<&Path>,
        observer: Option<CacheObserver>,
        allocation: Allocation,
        limits: &Limits,
    ) -> Result<Self> {
        let roomy = LinkedEngine::build(&configuration(limits))?;
        let pooled = match allocation.slots() {
            None => None,
            Some(slots) => {
                let mut config = configuration(limits);
                pool(slots, limits, &mut config);
                // Without enough address space, there is no pool.
                let inner = LinkedEngine::build(&config).ok();
                inner.map(|inner| Pooled { inner, slots: Semaphore::new(slots as usize) })
            }
        };
        let mut ticking = vec![roomy.engine.weak()];
        ticking.extend(pooled.as_ref().map(|pooled| pooled.inner.engine.weak()));
        start_ticker(ticking);
        Ok(Self { roomy, pooled, directory: cache.map(|path| Directory::at(path, observer)) })
    }

    /// Compiles a component, or loads it from the cache, and links it.
    pub(in crate::sandbox) fn prepare(
        &self,
        component: &[u8],
    ) -> Result<LinkedComponent, LoadError> {
        let (component, code) = self.compile(component).map_err(LoadError::Code)?;
        let roomy = self.roomy.prepare(&component)?;
        let pooled = self.pooled.as_ref().and_then(|pooled| {
            let component = code.load(&pooled.inner.engine).ok()?;
            pooled.inner.prepare(&component).ok()
        });
        Ok(LinkedComponent { roomy, pooled })
    }

    fn compile(&self, component: &[u8]) -> wasmtime::Result<(Component, Code)> {
        let engine = &self.roomy.engine;
        match &self.directory {
            Some(directory) => directory.load(engine, component),
            None => {
                let code = Code::compile(engine, component)?;
                Ok((code.load(engine)?, code))
            }
        }
    }

    /// Leases a slot of the pool if one is free, and memory from the system otherwise.
    pub(in crate::sandbox) fn lease<'r>(&'r self, linked: &'r LinkedComponent) -> Lease<'r> {
        let slot = self.pooled.as_ref().and_then(|pooled| pooled.slots.try_acquire().ok());
        match (&linked.pooled, slot) {
            (Some(pre), slot @ Some(_)) => Lease { pre, _slot: slot },
            _ => Lease { pre: &linked.roomy, _slot: None },
        }
    }
}

impl LinkedEngine {
    fn build(config: &Config) -> Result<Self> {
        let engine = Engine::new(config).map_err(|reason| {
            Error::component("the sandbox cannot be started on this machine")
                .with_hint("it needs a 64-bit processor that wasmtime supports")
                .with_source(reason)
        })?;
        let linker = linking::link(&engine).map_err(|reason| {
            Error::component("the sandbox cannot be set up").with_source(reason)
        })?;
        Ok(Self { engine, linker })
    }

    fn prepare(&self, component: &Component) -> Result<PluginPre<State>, LoadError> {
        let linked = self.linker.instantiate_pre(component).map_err(LoadError::Imports)?;
        PluginPre::new(linked).map_err(LoadError::Exports)
    }
}

/// Returns the configuration that both engines share, so that one can run what the other compiled.
fn configuration(limits: &Limits) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // Components with the asynchronous ABI are refused. This makes every call three times faster.
        .concurrency_support(false)
        .max_wasm_stack(limits.stack_bytes)
        // Host functions run on the part of this stack that the component leaves.
        .async_stack_size(limits.stack_bytes + HOST_STACK)
        // Errors describe a trap in a sentence, without a backtrace.
        .wasm_backtrace_max_frames(None);
    config
}

/// Starts the thread that ticks until the engines are dropped.
fn start_ticker(engines: Vec<EngineWeak>) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(TICK);
            for engine in &engines {
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        }
    });
}
