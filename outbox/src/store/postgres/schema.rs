//! The schema of the database, its version, and the checks before it is used.

use deadpool_postgres::GenericClient;

use super::database::Session;
use super::fault::{Fault, MIGRATE};
use crate::error::{Error, ErrorKind};

/// The steps from each version to the next, beginning with an empty schema. A step that was released never changes.
const MIGRATIONS: &[&str] = &[include_str!("schema/0001.sql")];

/// The table with the version. Its name and its columns never change: every version reads it.
const VERSIONS: &str = "
    CREATE TABLE smtp_connector.migration (
      version integer PRIMARY KEY,
      applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    COMMENT ON SCHEMA smtp_connector IS 'The outbox of smtp-connector'";

/// The number of the lock that migrations take: "SMTC".
const LOCK: i64 = 0x534d_5443;

/// The outcome of [`Outbox::migrate`](crate::Outbox::migrate).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migrated {
    /// The version of the schema before. 0 if there was none.
    pub from: u32,
    /// The version of the schema now.
    pub to: u32,
    /// Whether the group roles `smtp_connector_worker` and `smtp_connector_enqueue` are there and have their rights. If
    /// not, the role that migrated may not create roles.
    pub has_roles: bool,
}

/// Checks that a worker can use the database.
pub(super) async fn check(session: &mut Session) -> Result<(), Fault> {
    let durable = session
        .query_one("SELECT current_setting('synchronous_commit'), current_setting('fsync')", &[]);
    let durable = durable.await?;
    is_durable(durable.get(0))?;
    if durable.get::<_, &str>(1) == "off" {
        tracing::warn!(
            "fsync is off: if the server's machine crashes, mail can be lost or sent twice"
        );
    }
    match version(session).await? {
        0 => Err(not_there().into()),
        version if version < latest() => {
            let message = format!(
                "the outbox has version {version}, and this program needs version {}",
                latest()
            );
            Err(Error::new(ErrorKind::NotAnOutbox, message).hint_of(MIGRATE).into())
        }
        version if version > latest() => Err(newer(version).into()),
        _ => Ok(()),
    }
}

/// Makes or upgrades the schema, in one transaction.
pub(super) async fn migrate(session: &mut Session) -> Result<Migrated, Fault> {
    let transaction = session.transaction().await?;
    // Two migrations at the same time: the second finds nothing to do.
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let encoding: String =
        transaction.query_one("SELECT current_setting('server_encoding')", &[]).await?.get(0);
    if encoding != "UTF8" {
        let message =
            format!("the database has the encoding {encoding}, which cannot store every mail");
        let error = Error::new(ErrorKind::Invalid, message);
        return Err(error.hint_of("create a database with ENCODING 'UTF8'").into());
    }
    let from = version(&transaction).await?;
    if from > latest() {
        return Err(newer(from).into());
    }
    if from == 0 {
        let has_schema =
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'smtp_connector')";
        if !transaction.query_one(has_schema, &[]).await?.get::<_, bool>(0) {
            transaction.batch_execute("CREATE SCHEMA smtp_connector").await?;
        }
        transaction.batch_execute(VERSIONS).await?;
    }
    for (version, step) in (1_i32..).zip(MIGRATIONS).skip(from as usize) {
        transaction.batch_execute(step).await?;
        let write = "INSERT INTO smtp_connector.migration (version) VALUES ($1)";
        transaction.execute(write, &[&version]).await?;
    }
    let has_roles = grant(&transaction).await?;
    transaction.commit().await?;
    Ok(Migrated { from, to: latest(), has_roles })
}

/// Makes the group roles, if this role may. Returns whether they are there.
async fn grant(client: &impl GenericClient) -> Result<bool, Fault> {
    let roles = "SELECT (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user),
                        (SELECT count(*) FROM pg_roles
                          WHERE rolname IN ('smtp_connector_worker', 'smtp_connector_enqueue')) = 2";
    let row = client.query_one(roles, &[]).await?;
    let (may_create, are_there): (bool, bool) = (row.get(0), row.get(1));
    if !are_there && !may_create {
        return Ok(false);
    }
    for role in ["smtp_connector_worker", "smtp_connector_enqueue"] {
        // Roles belong to all databases of a server, so another database's migration may make them now.
        let create = format!(
            "DO $$ BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$"
        );
        if !are_there {
            client.batch_execute(&create).await?;
        }
    }
    client.batch_execute(include_str!("schema/grants.sql")).await?;
    Ok(true)
}

/// Returns the version of the schema: 0 if the schema is not there or is empty.
async fn version(client: &impl GenericClient) -> Result<u32, Fault> {
    // The catalog can be read without rights to the schema.
    let tables = "SELECT count(*), coalesce(bool_or(relname = 'migration'), false)
                    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                   WHERE nspname = 'smtp_connector'";
    let row = client.query_one(tables, &[]).await?;
    match (row.get::<_, i64>(0), row.get(1)) {
        (0, _) => Ok(0),
        (_, false) => {
            let message = "the schema smtp_connector in the database is another program's";
            Err(Error::new(ErrorKind::NotAnOutbox, message).hint_of("name another database").into())
        }
        (_, true) => {
            let read = "SELECT coalesce(max(version), 0) FROM smtp_connector.migration";
            let version: i32 = client.query_one(read, &[]).await?.get(0);
            Ok(version.unsigned_abs())
        }
    }
}

/// Returns the version after the last step.
fn latest() -> u32 {
    // There are few steps.
    MIGRATIONS.len() as u32
}

/// Refuses a connection whose commits are not durable. The setting was switched on, so only something between this
/// program and the server can have it off still.
fn is_durable(synchronous_commit: &str) -> Result<(), Error> {
    if synchronous_commit != "off" {
        return Ok(());
    }
    let message =
        "synchronous_commit stays off, so a crash of the server would lose mail or send it twice";
    Err(Error::new(ErrorKind::Forbidden, message).hint_of(
        "connect to the server itself, or through a pooler in session mode; or set synchronous_commit = on for the role",
    ))
}

fn not_there() -> Error {
    Error::new(ErrorKind::NotAnOutbox, "the database has no outbox").hint_of(MIGRATE)
}

fn newer(version: u32) -> Error {
    let message = format!(
        "the outbox has version {version}, and this program knows versions up to {}",
        latest()
    );
    Error::new(ErrorKind::NotAnOutbox, message).hint_of("use a newer version of this program")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_must_be_durable() {
        assert_eq!(is_durable("off").expect_err("it is off").kind(), ErrorKind::Forbidden);
        for durable in ["on", "local", "remote_write", "remote_apply"] {
            is_durable(durable).expect(durable);
        }
    }
}
