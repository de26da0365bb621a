//! What a component gets of WASI: interfaces with nothing behind them.
//!
//! Rust's standard library imports them, and a mail that is sent calls none of them. So the context behind them
//! is made when it is first asked for, which most runs never do.

use std::time::Duration;

use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx};

/// One run's share of WASI.
pub(super) struct Wasi {
    /// Since 1970.
    started: Duration,
    /// What the component printed: a panic's message.
    log: MemoryOutputPipe,
    context: Option<Box<WasiCtx>>,
}

impl Wasi {
    /// For a run that started so many seconds after 1970, and may print so many bytes.
    pub(super) fn new(started_at: u64, log_bytes: usize) -> Self {
        let log = MemoryOutputPipe::new(log_bytes);
        Self { started: Duration::from_secs(started_at), log, context: None }
    }

    /// No files, arguments, environment or sockets; a clock that stands still at the run's start, and
    /// randomness that is none: the same run does the same again.
    pub(super) fn context(&mut self) -> &mut WasiCtx {
        self.context.get_or_insert_with(|| {
            let context = WasiCtx::builder()
                .stderr(self.log.clone())
                .wall_clock(FixedClock(self.started))
                .monotonic_clock(FixedClock(Duration::ZERO))
                .insecure_random_seed(0)
                .max_random_size(4096)
                .build();
            Box::new(context)
        })
    }

    /// What the component printed so far.
    pub(super) fn printed(&self) -> bytes::Bytes {
        self.log.contents()
    }
}

/// A clock that stands still.
struct FixedClock(Duration);

impl HostWallClock for FixedClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

impl HostMonotonicClock for FixedClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}
