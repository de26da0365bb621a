//! The ways in which a command ends.

use std::path::PathBuf;

use smtp_connector_host::{Error, Failure, FailureCode, Phase};

use super::exit::Exit;

/// The reason that a command ends early.
pub(crate) enum Stop {
    /// Something failed.
    Failed(Error),
    /// A signal stopped the command during a send.
    Interrupted(Error, Exit),
    /// The command line is wrong. The message says what to do.
    Usage(String),
    /// The command line is wrong, with a separate hint.
    UsageWithHint(String, String),
    /// The component file cannot be used.
    Component(PathBuf, Error),
    /// The outbox cannot do what was asked.
    Outbox(smtp_connector_outbox::Error),
    /// The reader of standard output has closed it.
    Closed,
}

/// The result of a command.
pub(crate) type Outcome = Result<Exit, Stop>;

/// Returns an internal error, which is not the user's mistake.
pub(crate) fn bug(message: impl Into<String>) -> Error {
    Failure::new(FailureCode::Internal, Phase::Build, message).into()
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<smtp_connector_outbox::Error> for Stop {
    fn from(error: smtp_connector_outbox::Error) -> Self {
        Self::Outbox(error)
    }
}

impl From<std::io::Error> for Stop {
    /// Converts a write error. A closed pipe is not an error, because `head` closes it on purpose.
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::Failed(bug(format!("could not write the output: {error}")))
    }
}
