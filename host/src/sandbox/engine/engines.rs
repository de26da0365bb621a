//! The engines that all runs share, and the clock that interrupts them.
//!
//! One takes the memory of each run from the system, and compiles. The other, where there is one, has a pool,
//! and runs what the first compiled. It has a slot for so many runs; the others are the first one's.

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

/// How often a component that computes is interrupted, so that others can run: whoever waits for it waits at most so
/// long. Shorter is no better, since timers are no finer than a millisecond.
const TICK: Duration = Duration::from_millis(2);

/// The stack that is left for host functions when a component has used up its own: wasmtime's default.
const HOST_STACK: usize = 3 << 19;

/// What components are compiled and run by.
pub(in crate::sandbox) struct Engines {
    roomy: LinkedEngine,
    pooled: Option<Pooled>,
    /// Where compiled components are kept.
    directory: Option<Directory>,
}

/// An engine, and what its components may import.
struct LinkedEngine {
    engine: Engine,
    linker: Linker<State>,
}

struct Pooled {
    inner: LinkedEngine,
    /// A permit for each slot.
    slots: Semaphore,
}

/// A component that is ready to run on every engine that there is.
#[derive(Clone)]
pub(in crate::sandbox) struct LinkedComponent {
    roomy: PluginPre<State>,
    /// None too for a component that wants more than a slot has.
    pooled: Option<PluginPre<State>>,
}

/// Where one run goes on, for as long as this is held.
pub(in crate::sandbox) struct Lease<'r> {
    pub(in crate::sandbox) pre: &'r PluginPre<State>,
    _slot: Option<SemaphorePermit<'r>>,
}

/// Why a component is not ready to run.
pub(in crate::sandbox) enum LoadError {
    /// It cannot be compiled.
    Code(wasmtime::Error),
    /// It imports what is not there.
    Imports(wasmtime::Error),
    /// It does not export the contract.
    Exports(wasmtime::Error),
}

impl Engines {
    /// Builds them. With a directory, compiled components are kept there for the next start.
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
                // A machine without the address space for it does without.
                let inner = LinkedEngine::build(&config).ok();
                inner.map(|inner| Pooled { inner, slots: Semaphore::new(slots as usize) })
            }
        };
        let mut ticking = vec![roomy.engine.weak()];
        ticking.extend(pooled.as_ref().map(|pooled| pooled.inner.engine.weak()));
        start_ticker(ticking);
        Ok(Self { roomy, pooled, directory: cache.map(|path| Directory::at(path, observer)) })
    }

    /// Compiles a component, or finds it compiled, and links it.
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

    /// A slot of the pool, if one is free, and memory from the system otherwise.
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

/// What the engines have in common: what one compiled, the other can run.
fn configuration(limits: &Limits) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // Components that want the asynchronous ABI are refused, and every call is three times faster.
        .concurrency_support(false)
        .max_wasm_stack(limits.stack_bytes)
        // Host functions run on what the component leaves of it.
        .async_stack_size(limits.stack_bytes + HOST_STACK)
        // Traps are told in a sentence, not in a backtrace.
        .wasm_backtrace_max_frames(None);
    config
}

/// Ticks until the engines are gone.
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
