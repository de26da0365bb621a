//! Errors of PostgreSQL, as errors of the outbox.

use deadpool_postgres::PoolError;
use tokio_postgres::error::{DbError, SqlState};

use crate::error::{Error, ErrorKind};

/// Why an operation was not done.
#[derive(Debug)]
pub(super) enum Fault {
    Postgres(tokio_postgres::Error),
    /// The operation itself does not apply.
    Refused(Error),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(reason: tokio_postgres::Error) -> Self {
        Self::Postgres(reason)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// The hint for a database that does not answer now.
const AWAY: &str = "check that the PostgreSQL server runs and can be reached; workers wait for it and lose nothing";
/// The hint for a schema that is not there.
pub(super) const MIGRATE: &str =
    "run `smtp-connector outbox migrate` with a role that may change the database";

/// Converts an error of a connection. `what` says what could not be done.
pub(super) fn of_postgres(what: &str, reason: &tokio_postgres::Error) -> Error {
    if let Some(reason) = reason.as_db_error() {
        return of_server(what, reason);
    }
    let mut text = reason.to_string();
    let mut source = std::error::Error::source(reason);
    let mut is_network = reason.is_closed() || source.is_none();
    let mut is_certificate = false;
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        is_network |= cause.is::<std::io::Error>();
        // rustls is inside an I/O error, which does not give it as its source.
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        is_certificate |= inner.is_some_and(|inner| inner.to_string().contains("certificate"));
        source = cause.source();
    }
    let (kind, hint) = match () {
        () if is_certificate => (
            ErrorKind::Forbidden,
            "name the server as its certificate does, or its authority with sslrootcert=PATH in the URL",
        ),
        () if text.contains("does not support TLS") => (
            ErrorKind::Forbidden,
            "switch on ssl on the server, or add sslmode=disable to the URL if you trust the network",
        ),
        () if is_network => (ErrorKind::Unavailable, AWAY),
        () if text.contains("authentication") || text.contains("password") => {
            (ErrorKind::Forbidden, PASSWORD)
        }
        () => (ErrorKind::Damaged, "report this, with the text of the error"),
    };
    Error::new(kind, format!("{what}: {text}")).hint_of(hint)
}

const PASSWORD: &str = "check the user and the password in the URL, or PGPASSWORD";

fn of_server(what: &str, reason: &DbError) -> Error {
    let code = reason.code();
    let (kind, hint) = match code.code() {
        _ if *code == SqlState::DISK_FULL => (
            ErrorKind::DiskFull,
            "free some space on the server: nothing was lost, and nothing was accepted",
        ),
        _ if *code == SqlState::TOO_MANY_CONNECTIONS => (
            ErrorKind::Unavailable,
            "each worker uses up to 12 connections: raise max_connections, or run fewer workers",
        ),
        _ if *code == SqlState::READ_ONLY_SQL_TRANSACTION => (
            ErrorKind::Unavailable,
            "the server is a standby or is read-only: connect to the primary",
        ),
        _ if *code == SqlState::INSUFFICIENT_PRIVILEGE => (
            ErrorKind::Forbidden,
            "grant the role: GRANT smtp_connector_worker TO user; see docs/outbox.md",
        ),
        // The database does not exist.
        "3D000" => (ErrorKind::NotAnOutbox, "create the database, or name another one in the URL"),
        // A table or a schema that is not there.
        "42P01" | "3F000" => (ErrorKind::NotAnOutbox, MIGRATE),
        // Text that the encoding cannot hold, and values that are too large for an index.
        "22021" | "22P05" | "54000" => {
            (ErrorKind::Invalid, "the server cannot store this text: shorten or correct it")
        }
        "XX001" | "XX002" => (ErrorKind::Damaged, "restore the database from a backup"),
        code if is_passing(code) => (ErrorKind::Unavailable, AWAY),
        code if code.starts_with("28") => (ErrorKind::Forbidden, PASSWORD),
        _ => (ErrorKind::Damaged, "report this, with the text of the error"),
    };
    Error::new(kind, format!("{what}: {} ({})", reason.message(), code.code())).hint_of(hint)
}

/// Reports whether the same statement may succeed later.
fn is_passing(code: &str) -> bool {
    // A statement that ran before the schema was upgraded, and lock_timeout.
    matches!(code, "0A000" | "55P03")
        // Connections; rollbacks because of other transactions; resources; shutdown and timeouts; the disk.
        || ["08", "25P", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class))
}

/// Converts an error of the pool.
pub(super) fn of_pool(what: &str, reason: PoolError) -> Error {
    match reason {
        PoolError::Backend(reason) => of_postgres(what, &reason),
        reason => slow(what, &format!("no connection is free ({reason})")),
    }
}

/// Returns the error of an operation that took too long.
pub(super) fn slow(what: &str, why: &str) -> Error {
    Error::new(ErrorKind::Unavailable, format!("{what}: {why}")).hint_of(AWAY)
}
