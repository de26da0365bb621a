//! What ends a command, early or not.

use std::path::PathBuf;

use smtp_connector_host::{Error, Failure, FailureCode, Phase};

use super::exit::Exit;

/// What ends a command early.
pub(crate) enum Stop {
    /// Something failed.
    Failed(Error),
    /// A signal stopped a message on its way.
    Interrupted(Error, Exit),
    /// The command was not used as it is meant to be: a sentence, and what to do.
    Usage(String),
    /// The same, with what to do in a sentence of its own.
    UsageWithHint(String, String),
    /// The component that was named cannot be used.
    Component(PathBuf, Error),
    /// Nobody reads any more what is printed.
    Closed,
}

/// How a command ends.
pub(crate) type Outcome = Result<Exit, Stop>;

/// A failure that is nobody's mistake.
pub(crate) fn bug(message: impl Into<String>) -> Error {
    Failure::new(FailureCode::Internal, Phase::Build, message).into()
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<std::io::Error> for Stop {
    /// Of what is printed: when it is piped into `head`, that is no mistake of anybody's.
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::Failed(bug(format!("nothing can be printed: {error}")))
    }
}
