//! The WASI interfaces of a component. They give no access to the outside.
//!
//! Rust's standard library imports them, but sending a mail does not call them. So the context behind them is created
//! at the first call, which most runs never make.

use std::time::Duration;

use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx};

/// The WASI state of one run.
pub(super) struct Wasi {
    /// The start time, since 1970.
    started: Duration,
    /// The component's output, such as a panic message.
    log: MemoryOutputPipe,
    context: Option<Box<WasiCtx>>,
}

impl Wasi {
    /// Creates the state for a run that started `started_at` seconds after 1970 and may print `log_bytes` bytes.
    pub(super) fn new(started_at: u64, log_bytes: usize) -> Self {
        let log = MemoryOutputPipe::new(log_bytes);
        Self { started: Duration::from_secs(started_at), log, context: None }
    }

    /// Returns the context, which has no files, arguments, environment or sockets. Its clock stands still at the run's
    /// start and its random numbers are fixed, so a run can be repeated exactly.
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

    /// Returns the component's output so far.
    pub(super) fn printed(&self) -> bytes::Bytes {
        self.log.contents()
    }
}

/// A clock that always shows the same time.
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
