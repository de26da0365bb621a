//! The limits of a run.

use std::time::Duration;

use super::invocation::Invocation;
use smtp_connector_smtp::{Issue, setters};

/// The limits of one run. A run that exceeds one is stopped.
///
/// | limit | default | why |
/// |---|---|---|
/// | `input_bytes` | 48 MiB | a message of 25 MiB as base64 in JSON, with its body twice |
/// | `keywords_bytes` | 48 MiB | keywords can hold the bytes of attachments |
/// | `memory_bytes` | 96 MiB | holds an input with 25 MiB of base64 and its preview |
/// | `stack_bytes` | 512 KiB | inputs nest a few dozen levels at most; deeper recursion is a bug |
/// | `cpu` | 5 s | a 25 MiB message takes 0.1 s, and some machines are ten times slower |
/// | `wall_clock` | 20 min | an account's timeouts end after 15 min; before that, each attachment may take 30 s |
/// | `attachment_time` | 30 s | one file on the web, from the DNS lookup to the last byte; a user may be waiting |
/// | `host_calls` | 100 000 | a message of 1 GiB needs a third of them |
/// | `host_call_bytes` | 64 MiB | bytes one call may pass out, results included; a preview holds the whole message |
/// | `handles` | 1 024 | a message has one `outgoing` and at most a few hundred attachments |
/// | `table_elements` | 100 000 | functions that a component may call by pointer |
/// | `log_bytes` | 64 KiB | output of a component before it panics |
///
/// One run uses at most this much memory of the host: `memory_bytes`, twice `host_call_bytes`, four times the size of
/// its input and keywords, and 16 MiB. A result is in memory twice while the host corrects it. The 16 MiB hold the
/// names in a small input, blocks of the message and its attachments in transit, and texts of the component that errors
/// repeat.
///
/// ```
/// use smtp_connector_host::{Limits, Services};
///
/// let services = Services::builder().limits(Limits::default().memory_bytes(64 << 20)).build();
/// ```
///
/// A run also has at most 16 core instances, 16 tables and 4 memories. Components need only a few. The clock of a run
/// stands still, and its random numbers are always the same. It has no files, sockets, environment variables or
/// arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of an input. The host reads it too, before and while the component runs.
    pub input_bytes: usize,
    /// Bytes of the keywords.
    pub keywords_bytes: usize,
    /// Bytes of linear memory.
    pub memory_bytes: usize,
    /// Bytes of the component's call stack.
    pub stack_bytes: usize,
    /// CPU time of the component, and of the host on its behalf. Time spent waiting does not count.
    pub cpu: Duration,
    /// Time from start to end, including waits for accounts, attachments and the server.
    pub wall_clock: Duration,
    /// Time for one file on the web, from the DNS lookup to the last byte.
    pub attachment_time: Duration,
    /// Calls to the host.
    pub host_calls: u32,
    /// Bytes that one call may pass out of the sandbox.
    pub host_call_bytes: usize,
    /// Open attachments and messages.
    pub handles: usize,
    /// Elements of all tables.
    pub table_elements: usize,
    /// Bytes of the component's output that are kept.
    pub log_bytes: usize,
}

setters!(Limits {
    input_bytes: usize,
    keywords_bytes: usize,
    memory_bytes: usize,
    stack_bytes: usize,
    cpu: Duration,
    wall_clock: Duration,
    attachment_time: Duration,
    host_calls: u32,
    host_call_bytes: usize,
    handles: usize,
    table_elements: usize,
    log_bytes: usize,
});

impl Limits {
    /// Core instances: the module and its adapters.
    pub(crate) const INSTANCES: usize = 16;
    pub(crate) const TABLES: usize = 16;
    pub(crate) const MEMORIES: usize = 4;

    /// Checks the size of the input and the keywords.
    pub(crate) fn check(&self, invocation: &Invocation) -> Result<(), Issue> {
        let keywords = invocation.keywords.as_ref().map_or(0, |keywords| keywords.len());
        for (length, most, path, what) in [
            (invocation.input.len(), self.input_bytes, "$", "the input has"),
            (keywords, self.keywords_bytes, "keywords", "the keywords have"),
        ] {
            if length > most {
                let message = format!(
                    "{what} {length} bytes, but the limit is {most} bytes: attach large files as uploads or by URL"
                );
                return Err(Issue { path: path.to_owned(), code: "too-long".to_owned(), message });
            }
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            input_bytes: 48 << 20,
            keywords_bytes: 48 << 20,
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

/// The limit that a run exceeded, in words.
#[derive(Debug)]
pub(crate) struct LimitReached(pub(crate) &'static str);

impl std::fmt::Display for LimitReached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the component exceeded its limit of {}", self.0)
    }
}

impl std::error::Error for LimitReached {}
