//! Ctrl-C and SIGTERM during a send: the command ends at once, and reports whether the message may have been sent.
//!
//! Before a command listens, and in commands that do not send, a signal ends the process in the default way.

use std::cell::Cell;

use super::exit::Exit;
use super::stop::Stop;
use smtp_connector_host::{Delivered, Error, FailureCode};

/// The signals that stop the command.
pub(crate) struct Interrupt {
    came: Cell<Option<Exit>>,
    #[cfg(unix)]
    signals: Signals,
}

impl Interrupt {
    /// Starts to listen for signals.
    pub(crate) fn listen() -> Result<Self, Stop> {
        Ok(Self {
            came: Cell::new(None),
            #[cfg(unix)]
            signals: Signals::listen()?,
        })
    }

    /// Waits for a signal.
    pub(crate) async fn wait(&mut self) {
        #[cfg(unix)]
        let exit = self.signals.next().await;
        #[cfg(not(unix))]
        let exit = match tokio::signal::ctrl_c().await {
            Ok(()) => Exit::Interrupted,
            // Listening failed, so the command cannot be interrupted this way.
            Err(_) => std::future::pending().await,
        };
        self.came.set(Some(exit));
    }

    /// Returns the exit code for the last signal that came.
    pub(crate) fn exit(&self) -> Exit {
        self.came.get().unwrap_or(Exit::Interrupted)
    }

    /// Converts the error of a run: `Stop::Interrupted` if a signal stopped the run, `Stop::Failed` if not.
    pub(crate) fn explain(&self, error: Error) -> Stop {
        match self.came.get() {
            Some(exit) if error.code() == FailureCode::Cancelled => {
                let is_known = error.delivered() != Delivered::Unknown;
                Stop::Interrupted(error, if is_known { exit } else { Exit::Unknown })
            }
            _ => Stop::Failed(error),
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Result<Self, Stop> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind: SignalKind| match is_ignored(kind.as_raw_value()) {
            true => Ok(None),
            false => signal(kind).map(Some).map_err(|reason| {
                let message = format!("could not listen for signals: {reason}");
                Stop::Failed(crate::stop::bug(message))
            }),
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Exit {
        async fn of(signal: &mut Option<tokio::signal::unix::Signal>) {
            match signal {
                Some(signal) => _ = signal.recv().await,
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            () = of(&mut self.interrupt) => Exit::Interrupted,
            () = of(&mut self.terminate) => Exit::Terminated,
        }
    }
}

/// Reports whether the parent process set the signal to be ignored, as a shell script does for commands that it starts
/// with `&`. Listening would undo that. This is known on Linux only.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
