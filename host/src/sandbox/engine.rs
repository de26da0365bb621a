//! The engine that all runs share, and the clock that interrupts them.

use std::path::Path;
use std::time::Duration;

use wasmtime::{Cache, CacheConfig, Config, Engine};

use super::{Allocation, Limits};
use crate::error::{Error, Result};

/// How often a component that computes is interrupted, so that others can run: whoever waits for it waits at most so
/// long. Shorter is no better, since timers are no finer than a millisecond.
const TICK: Duration = Duration::from_millis(2);

/// The stack that is left for host functions when a component has used up its own: wasmtime's default.
const HOST_STACK: usize = 3 << 19;

/// Builds the engine. With a directory, compiled components are kept there for the next start.
pub(super) fn build(
    cache: Option<&Path>,
    allocation: Allocation,
    limits: &Limits,
) -> Result<Engine> {
    let mut config = Config::new();
    allocation.configure(&mut config, limits);
    config
        .epoch_interruption(true)
        // Components that want the asynchronous ABI are refused, and every call is three times faster.
        .concurrency_support(false)
        .max_wasm_stack(limits.stack_bytes)
        // Host functions run on what the component leaves of it.
        .async_stack_size(limits.stack_bytes + HOST_STACK)
        // Traps are told in a sentence, not in a backtrace.
        .wasm_backtrace_max_frames(None);
    if let Some(directory) = cache {
        config.cache(open_cache(directory));
    }
    let engine = Engine::new(&config).map_err(|reason| {
        Error::component("the sandbox cannot be started on this machine")
            .with_hint("it needs a 64-bit processor that wasmtime supports, and address space for the runs of a pool")
            .with_source(reason)
    })?;
    start_ticker(&engine);
    Ok(engine)
}

/// A cache that cannot be used is none: the next start is slower, and nothing else.
fn open_cache(directory: &Path) -> Option<Cache> {
    let mut config = CacheConfig::new();
    config.with_directory(directory);
    Cache::new(config).ok()
}

/// Ticks until the engine is gone.
fn start_ticker(engine: &Engine) {
    let engine = engine.weak();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(TICK);
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
        }
    });
}
