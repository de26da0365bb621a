//! What a run may take.

use std::time::Duration;

use super::invocation::Invocation;
use smtp_connector_smtp::{Issue, setters};

/// What one run of a component may take before it is stopped.
///
/// | limit | default | why |
/// |---|---|---|
/// | `input_bytes` | 48 MiB | a message of 25 MiB, as base64 in JSON, and its body twice |
/// | `keywords_bytes` | 48 MiB | attachments may be bound to keywords that hold their bytes |
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
/// A run costs its host at most `memory_bytes`, twice `host_call_bytes` (a result is there twice while it is corrected),
/// four times its input and keywords, and 16 MiB. Those are for the names in a small input, for blocks of a message and of
/// attachments on their way, and for what errors repeat of a component's texts.
///
/// ```
/// use smtp_connector_host::{Limits, Services};
///
/// let services = Services::builder().limits(Limits::default().memory_bytes(64 << 20)).build();
/// ```
///
/// Besides, a run has at most 16 core instances, 16 tables and 4 memories: a component has a handful. Its
/// clock stands still, its randomness is always the same, and there is no file, socket, variable or
/// argument for it to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of an input. The host reads it before and beside the component.
    pub input_bytes: usize,
    /// Bytes of the keywords.
    pub keywords_bytes: usize,
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
    /// Core instances: the module, and those that adapt it.
    pub(crate) const INSTANCES: usize = 16;
    pub(crate) const TABLES: usize = 16;
    pub(crate) const MEMORIES: usize = 4;

    /// Holds an invocation against the limits of what is read before the component runs.
    pub(crate) fn check(&self, invocation: &Invocation) -> Result<(), Issue> {
        let keywords = invocation.keywords.as_ref().map_or(0, |keywords| keywords.len());
        for (length, most, path, what) in [
            (invocation.input.len(), self.input_bytes, "$", "the input has"),
            (keywords, self.keywords_bytes, "keywords", "the keywords have"),
        ] {
            if length > most {
                let message = format!(
                    "{what} {length} bytes, and a run takes at most {most}: attach large files as uploads or by URL"
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

/// Why a run was stopped: a limit, in words.
#[derive(Debug)]
pub(crate) struct LimitReached(pub(crate) &'static str);

impl std::fmt::Display for LimitReached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the component took more than it may of {}", self.0)
    }
}

impl std::error::Error for LimitReached {}
