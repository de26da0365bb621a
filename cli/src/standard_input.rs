//! Standard input: what is piped to the command.
//!
//! Where an option asks for it, it is read to its end, however long that takes. Where none does, a command in front of
//! the pipe is waited for, and a parent process that only leaves a pipe open is not.

use std::io::{self, IsTerminal as _, Read as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::context::Context;
use super::stop::Stop;
use super::text;
use smtp_connector_host::Limits;

/// How long a pipe that a parent process holds open may stay silent. A program that pipes a body does so at once.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same where the system does not say who holds the pipe: a slow command in front of it has a chance, and nothing
/// waits for ever.
#[cfg(not(target_os = "linux"))]
const PATIENCE_WITH_STRANGERS: Duration = Duration::from_secs(60);
/// After so long, a person is told what the command waits for.
const SILENCE: Duration = Duration::from_secs(2);

/// Reads all of it.
pub(crate) fn read(context: &Context<'_>, what: &str) -> Result<Vec<u8>, Stop> {
    if io::stdin().is_terminal() {
        context
            .output
            .note(format_args!("type {what}, and end it with Ctrl-D on a line of its own"));
    }
    rest(Vec::new(), what)
}

/// Reads what is piped, although no option says that anything is. None: nothing.
/// `option` is the one that asks for it.
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
            "standard input is a file that something else reads too, such as a loop with `read`; its rest is not \
             taken for {what}, so nothing was sent. Add < /dev/null, or {option} if it is meant"
        );
        return Err(Stop::Usage(message));
    }
    rest(first, what).map(Some)
}

/// The first bytes, or none at its end.
fn first(context: &Context<'_>, what: &str, option: &str) -> Result<Vec<u8>, Stop> {
    let (sender, receiver) = mpsc::channel();
    // A read cannot be taken back: the thread ends with the process.
    std::thread::spawn(move || {
        let mut bytes = vec![0; 64 * 1024];
        let read = io::stdin().read(&mut bytes).map(|length| {
            bytes.truncate(length);
            bytes
        });
        // Nobody waits for it any more.
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
            "nothing came on standard input, which another process holds open; nothing was sent. \
             Pipe {what}, or add < /dev/null if there is none; {option} waits for as long as it takes"
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
    Stop::Usage(format!("{what} cannot be read from standard input: {}", text::reason(reason)))
}

/// Whether it is a file, and not at its beginning.
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

/// How long it may stay silent. None: for as long as the other side likes.
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
    //! Who holds the other end of the pipe, as `/proc` says.

    use std::fs;
    use std::path::Path;

    /// Whether a process above this one may write to standard input.
    ///
    /// A command in front of the pipe is a sister of this process: the shell that started both has let go of the pipe.
    pub(super) fn is_held_by_an_ancestor() -> bool {
        let Ok(pipe) = fs::read_link("/proc/self/fd/0") else { return false };
        match pipe.to_str() {
            // The other end has a number of its own. Shells do not pipe through sockets; programs that start others do.
            Some(name) if name.starts_with("socket:") => true,
            Some(name) if name.starts_with("pipe:") => {
                ancestors().any(|process| writes_to(&process, &pipe))
            }
            _ => false,
        }
    }

    /// The processes above this one, the nearest first.
    fn ancestors() -> impl Iterator<Item = String> {
        let parent = |process: &String| {
            let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim();
            (parent != "0").then(|| parent.to_owned())
        };
        std::iter::successors(parent(&"self".to_owned()), parent)
    }

    /// Whether a process has the end of a pipe that is written to.
    fn writes_to(process: &str, pipe: &Path) -> bool {
        let process = Path::new("/proc").join(process);
        let Ok(open) = fs::read_dir(process.join("fd")) else { return false };
        let is_writer = |number: &Path| {
            let told = fs::read_to_string(process.join("fdinfo").join(number)).unwrap_or_default();
            let flags = told.lines().find_map(|line| line.strip_prefix("flags:"));
            // In octal. O_WRONLY and O_RDWR are its last two bits.
            flags.is_some_and(|flags| !flags.trim().ends_with(['0', '4']))
        };
        open.flatten().any(|descriptor| {
            fs::read_link(descriptor.path()).is_ok_and(|path| path == pipe)
                && is_writer(Path::new(&descriptor.file_name()))
        })
    }
}
