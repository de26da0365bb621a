//! Exit codes, as in sysexits.h.

use std::process::ExitCode;

use smtp_connector_smtp::failure::{Delivered, FailureCode, Retry};

/// The exit codes of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Success.
    Done = 0,
    /// A bug in the command or the component.
    Bug = 1,
    /// The command line is wrong.
    Usage = 64,
    /// The input is wrong, or the message was refused permanently.
    Data = 65,
    /// Recipients were refused.
    Recipients = 67,
    /// The server cannot be reached, or does not speak SMTP correctly.
    Unavailable = 69,
    /// It is not known whether the message was sent.
    Unknown = 73,
    /// A temporary failure: retry later.
    Later = 75,
    /// Refused by authentication or policy.
    Refused = 77,
    /// The account's settings are wrong.
    Settings = 78,
    /// Stopped by Ctrl-C: 128 plus the number of SIGINT, as shells report it.
    Interrupted = 130,
    /// Stopped by SIGTERM.
    Terminated = 143,
}

impl From<&smtp_connector_host::Error> for Exit {
    fn from(error: &smtp_connector_host::Error) -> Self {
        if error.delivered() == Delivered::Unknown {
            return Self::Unknown;
        }
        let later = error.retry() == Retry::Later;
        let asked = error.reply().is_some_and(|reply| reply.code.is_transient());
        match error.code() {
            FailureCode::Cancelled => Self::Interrupted,
            // The server replied, and asks for a retry.
            _ if later && asked => Self::Later,
            FailureCode::Dns
            | FailureCode::Connect
            | FailureCode::Timeout
            | FailureCode::Protocol => Self::Unavailable,
            _ if later => Self::Later,
            FailureCode::Auth | FailureCode::Policy => Self::Refused,
            FailureCode::Tls | FailureCode::Account => Self::Settings,
            FailureCode::Recipients => Self::Recipients,
            FailureCode::Sender if error.retry() == Retry::AfterConfigChange => Self::Refused,
            FailureCode::Validation
            | FailureCode::Attachment
            | FailureCode::Sender
            | FailureCode::TooLarge
            | FailureCode::Data
            | FailureCode::Limit => Self::Data,
            // `Internal`, and codes that this command does not know.
            _ => Self::Bug,
        }
    }
}

impl From<&smtp_connector_outbox::Error> for Exit {
    fn from(error: &smtp_connector_outbox::Error) -> Self {
        use smtp_connector_outbox::ErrorKind;
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::WrongState => Self::Usage,
            ErrorKind::Invalid | ErrorKind::KeyReused => Self::Data,
            ErrorKind::DiskFull | ErrorKind::Unavailable => Self::Later,
            ErrorKind::Forbidden => Self::Refused,
            ErrorKind::Moved | ErrorKind::NotAnOutbox => Self::Settings,
            // `Damaged`, and kinds that this command does not know.
            _ => Self::Bug,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        // Every discriminant fits in a byte.
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smtp_connector_smtp::failure::{Failure, Phase};
    use smtp_connector_smtp::{Reply, ReplyCode};

    fn exit(failure: Failure) -> Exit {
        Exit::from(&smtp_connector_host::Error::from(failure))
    }

    #[test]
    fn a_temporary_refusal_and_an_unreachable_server_have_different_exit_codes() {
        let connect = || Failure::new(FailureCode::Connect, Phase::Greeting, "x").later();
        assert_eq!(exit(connect()), Exit::Unavailable);
        let reply = Reply::new(ReplyCode::new(421).expect("a reply code"), "busy");
        assert_eq!(exit(Failure { reply: Some(reply), ..connect() }), Exit::Later);
    }

    #[test]
    fn doubt_comes_before_everything_else() {
        let failure = Failure::new(FailureCode::Connect, Phase::FinalReply, "x").later();
        assert_eq!(exit(Failure { delivered: Delivered::Unknown, ..failure }), Exit::Unknown);
    }

    #[test]
    fn every_code_has_its_exit() {
        for (code, expected) in [
            (FailureCode::Validation, Exit::Data),
            (FailureCode::Account, Exit::Settings),
            (FailureCode::Tls, Exit::Settings),
            (FailureCode::Auth, Exit::Refused),
            (FailureCode::Policy, Exit::Refused),
            (FailureCode::Recipients, Exit::Recipients),
            (FailureCode::TooLarge, Exit::Data),
            (FailureCode::Limit, Exit::Data),
            (FailureCode::Cancelled, Exit::Interrupted),
            (FailureCode::Internal, Exit::Bug),
        ] {
            assert_eq!(exit(Failure::new(code, Phase::Policy, "x")), expected, "{code}");
        }
    }
}
