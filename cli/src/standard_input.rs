//! Standard input, as a pipe or a file.
//!
//! If an option asks for standard input, it is read to its end without a time limit. If no option does, the command
//! waits for the program before it in the pipeline, but not for a parent process that only leaves a pipe open.

use std::io::{self, IsTerminal as _, Read as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::context::Context;
use super::stop::Stop;
use super::text;
use smtp_connector_host::Limits;

/// The time limit for a pipe that a parent process holds open. A program that pipes a body writes at once.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time limit if the system does not report which process holds the pipe. It is long enough for a slow program
/// before it in the pipeline.
#[cfg(not(target_os = "linux"))]
const PATIENCE_WITH_STRANGERS: Duration = Duration::from_secs(60);
/// The delay before the command prints what it waits for.
const SILENCE: Duration = Duration::from_secs(2);

/// Reads standard input to its end.
pub(crate) fn read(context: &Context<'_>, what: &str) -> Result<Vec<u8>, Stop> {
    if io::stdin().is_terminal() {
        context.output.note(format_args!("type {what}; to end it, press Enter and then Ctrl-D"));
    }
    rest(Vec::new(), what)
}

/// Reads piped input that no option asks for. Returns `None` if there is none. `option` is the option that would ask
/// for it, for error messages.
pub(crate) fn read_if_piped(
    context: &Context<'_>,
    what: &str,
    option: &str,
) -> Result<Option<Vec<u8>>, Stop> {
    if io::stdin().is_terminal() {
        return Ok(None);
    }
    let is_begun = is_begun_by_others();
    let first = first(context, what, option)?;
    if first.is_empty() {
        return Ok(None);
    }
    if is_begun {
        let message = format!(
            "standard input is a file that another program also reads, such as a loop with `read`, so its rest is \
             not used as {what} and nothing was sent. Add < /dev/null, or use {option} to read it"
        );
        return Err(Stop::Usage(message));
    }
    rest(first, what).map(Some)
}

/// Reads the first bytes. Returns an empty vector at the end of the input.
fn first(context: &Context<'_>, what: &str, option: &str) -> Result<Vec<u8>, Stop> {
    let (sender, receiver) = mpsc::channel();
    // A blocked read cannot be cancelled, so the thread ends with the process.
    std::thread::spawn(move || {
        let mut bytes = vec![0; 64 * 1024];
        let read = io::stdin().read(&mut bytes).map(|length| {
            bytes.truncate(length);
            bytes
        });
        // Sending fails if the receiver has timed out.
        let _ = sender.send(read);
    });
    let told = receiver.recv_timeout(SILENCE).or_else(|_| {
        context.output.note(format_args!("waiting for {what} on standard input"));
        match patience() {
            Some(patience) => receiver.recv_timeout(patience.saturating_sub(SILENCE)),
            None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    });
    match told {
        Ok(read) => read.map_err(|reason| unreadable(what, &reason)),
        Err(_) => Err(Stop::Usage(format!(
            "no data arrived on standard input, which another process holds open, so nothing was sent. \
             Pipe {what}, or add < /dev/null if there is none. {option} waits without a time limit"
        ))),
    }
}

fn rest(mut bytes: Vec<u8>, what: &str) -> Result<Vec<u8>, Stop> {
    let most = Limits::default().input_bytes;
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = io::stdin().lock().take(limit).read_to_end(&mut bytes);
    read.map_err(|reason| unreadable(what, &reason))?;
    if bytes.len() > most {
        let most = most >> 20;
        return Err(Stop::Usage(format!("{what} on standard input is larger than {most} MiB")));
    }
    Ok(bytes)
}

fn unreadable(what: &str, reason: &io::Error) -> Stop {
    Stop::Usage(format!("could not read {what} from standard input: {}", text::reason(reason)))
}

/// Reports whether standard input is a file that is already partly read.
#[cfg(unix)]
fn is_begun_by_others() -> bool {
    use std::io::Seek as _;
    use std::os::fd::AsFd as _;
    let copy = io::stdin().as_fd().try_clone_to_owned().map(std::fs::File::from);
    copy.and_then(|mut file| file.stream_position()).is_ok_and(|position| position > 0)
}

#[cfg(not(unix))]
fn is_begun_by_others() -> bool {
    false
}

/// Returns the time limit for the first bytes, or `None` for no limit.
#[cfg(target_os = "linux")]
fn patience() -> Option<Duration> {
    holders::is_held_by_an_ancestor().then_some(PATIENCE)
}

#[cfg(not(target_os = "linux"))]
fn patience() -> Option<Duration> {
    Some(PATIENCE_WITH_STRANGERS)
}

#[cfg(target_os = "linux")]
mod holders {
    //! Finds the processes that hold the other end of the pipe, from `/proc`.

    use std::fs;
    use std::path::Path;

    /// Reports whether an ancestor process may write to standard input.
    ///
    /// The program before this one in a pipeline is not an ancestor but a sibling. The shell that started both has
    /// closed its end of the pipe.
    pub(super) fn is_held_by_an_ancestor() -> bool {
        let Ok(pipe) = fs::read_link("/proc/self/fd/0") else { return false };
        match pipe.to_str() {
            // The other end of a socket has a different number, so it cannot be found. Shells do not use sockets for
            // pipelines, but programs that start other programs do.
            Some(name) if name.starts_with("socket:") => true,
            Some(name) if name.starts_with("pipe:") => {
                ancestors().any(|process| writes_to(&process, &pipe))
            }
            _ => false,
        }
    }

    /// Returns the ancestor processes, nearest first.
    fn ancestors() -> impl Iterator<Item = String> {
        let parent = |process: &String| {
            let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim();
            (parent != "0").then(|| parent.to_owned())
        };
        std::iter::successors(parent(&"self".to_owned()), parent)
    }

    /// Reports whether a process holds the write end of a pipe.
    fn writes_to(process: &str, pipe: &Path) -> bool {
        let process = Path::new("/proc").join(process);
        let Ok(open) = fs::read_dir(process.join("fd")) else { return false };
        let is_writer = |number: &Path| {
            let told = fs::read_to_string(process.join("fdinfo").join(number)).unwrap_or_default();
            let flags = told.lines().find_map(|line| line.strip_prefix("flags:"));
            // The flags are octal. The last two bits are zero unless O_WRONLY or O_RDWR is set.
            flags.is_some_and(|flags| !flags.trim().ends_with(['0', '4']))
        };
        open.flatten().any(|descriptor| {
            fs::read_link(descriptor.path()).is_ok_and(|path| path == pipe)
                && is_writer(Path::new(&descriptor.file_name()))
        })
    }
}
