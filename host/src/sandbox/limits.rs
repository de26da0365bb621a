//! What a run may take.

use std::time::Duration;

/// What one run of a component may take before it is stopped.
///
/// | limit | default | why |
/// |---|---|---|
/// | `memory_bytes` | 96 MiB | an input of 25 MiB of base64 is in memory once, and its preview once more |
/// | `stack_bytes` | 512 KiB | inputs nest at most some dozen levels; deeper recursion is a mistake |
/// | `cpu` | 5 s | a 25 MiB message takes a tenth of a second; a machine may be ten times slower |
/// | `wall_clock` | 20 min | an account's own deadlines end at 15, attachments before that at 30 s each |
/// | `attachment_time` | 30 s | a file on the web, from the look-up to its last byte: whoever wants it waits |
/// | `host_calls` | 100 000 | a message of 1 GiB takes a third of it |
/// | `host_call_bytes` | 64 MiB | what one call may pass out, a result included: a preview has the whole message in it |
/// | `handles` | 1 024 | a message has one outgoing, and at most some hundred attachments |
/// | `table_elements` | 100 000 | functions that a component may call by pointer |
/// | `log_bytes` | 64 KiB | what a component prints before it panics |
///
/// Besides, a run has at most 16 core instances, 16 tables and 4 memories: a component has a handful. Its
/// clock stands still, its randomness is always the same, and there is no file, socket, variable or
/// argument for it to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of linear memory.
    pub memory_bytes: usize,
    /// Bytes of the stack that the component's functions are called on.
    pub stack_bytes: usize,
    /// Time that it computes, and its host for it: not the time that it waits.
    pub cpu: Duration,
    /// Time from start to end, whatever it waits for: accounts, attachments, the server.
    pub wall_clock: Duration,
    /// Time for one file on the web, from the look-up to its last byte.
    pub attachment_time: Duration,
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

impl Limits {
    /// Core instances: the module, and those that adapt it.
    pub(super) const INSTANCES: usize = 16;
    pub(super) const TABLES: usize = 16;
    pub(super) const MEMORIES: usize = 4;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 96 << 20,
            stack_bytes: 512 << 10,
            cpu: Duration::from_secs(5),
            wall_clock: Duration::from_secs(20 * 60),
            attachment_time: Duration::from_secs(30),
            host_calls: 100_000,
            host_call_bytes: 64 << 20,
            handles: 1_024,
            table_elements: 100_000,
            log_bytes: 64 << 10,
        }
    }
}
