//! What a run may take.

use std::time::Duration;

/// What one run of a component may take before it is stopped.
///
/// | limit | default | why |
/// |---|---|---|
/// | `memory_bytes` | 96 MiB | an input of 25 MiB of base64 is in memory once, and its preview once more |
/// | `cpu` | 5 s | a 25 MiB message takes a tenth of a second; a machine may be ten times slower |
/// | `wall_clock` | 20 min | an account's own deadlines end at 15, attachments before that at 30 s each |
/// | `host_calls` | 100 000 | a message of 1 GiB takes a third of it |
/// | `host_call_bytes` | 64 MiB | the result of a preview with the whole message in it |
/// | `handles` | 1 024 | a message has one outgoing, and at most some hundred attachments |
/// | `table_elements` | 100 000 | functions that a component may call by pointer |
/// | `log_bytes` | 64 KiB | what a component prints before it panics |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of linear memory.
    pub memory_bytes: usize,
    /// Time that the component itself computes, in steps of 10 ms.
    pub cpu: Duration,
    /// Time from start to end, whatever it waits for.
    pub wall_clock: Duration,
    /// Calls to the host.
    pub host_calls: u32,
    /// Bytes that one call may pass out of the sandbox.
    pub host_call_bytes: usize,
    /// Open attachments and messages.
    pub handles: usize,
    /// Elements of tables.
    pub table_elements: usize,
    /// Bytes of output that are kept.
    pub log_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 96 << 20,
            cpu: Duration::from_secs(5),
            wall_clock: Duration::from_secs(20 * 60),
            host_calls: 100_000,
            host_call_bytes: 64 << 20,
            handles: 1_024,
            table_elements: 100_000,
            log_bytes: 64 << 10,
        }
    }
}
