//! Which workers are alive. Each has a row with the end of its lease, by the server's clock, and renews it. The clocks of
//! the workers' machines are not involved.

use std::time::Duration;

use deadpool_postgres::GenericClient;
use tokio::sync::oneshot;
use tokio_postgres::Client;

use super::Lease;
use super::database::Database;
use super::fault::Fault;
use super::rows;
use crate::error::Result;
use crate::store::{Owner, OwnerId};

/// A worker's registration. Dropping it ends the lease, so that the worker's runs are recovered at once.
#[derive(Debug)]
struct Registration {
    _end: oneshot::Sender<()>,
}

/// Registers a new owner, and keeps its lease until it is dropped.
pub(super) async fn register(database: &Database, lease: Lease) -> Result<Owner> {
    let id = OwnerId(uuid::Uuid::new_v4().to_string());
    let owner = id.clone();
    let what = "the worker could not be registered in the outbox";
    database
        .run(what, move |session| {
            Box::pin(async move {
                super::schema::check(session).await?;
                renew(session, &owner, lease).await
            })
        })
        .await?;
    let (end, ended) = oneshot::channel();
    tokio::spawn(keep(database.clone(), id.clone(), lease, ended));
    Ok(Owner { id, _registration: Box::new(Registration { _end: end }) })
}

/// Begins or extends a lease.
///
/// A lease that has ended may have a new one under the same id: the runs that were recovered have another attempt or
/// another owner by then, so the results of the old attempts do not count.
pub(super) async fn renew(
    client: &impl GenericClient,
    owner: &OwnerId,
    lease: Lease,
) -> Result<(), Fault> {
    rows::execute(client, RENEW, &[&owner.0, &lease.0.as_secs_f64()]).await?;
    Ok(())
}

const RENEW: &str = "
    INSERT INTO worker (id, lease, lease_until)
    VALUES ($1, make_interval(secs => $2), clock_timestamp() + make_interval(secs => $2))
    ON CONFLICT (id) DO UPDATE SET lease_until = clock_timestamp() + worker.lease";

/// Renews a lease three times in its length, until the owner is dropped. Then ends it.
async fn keep(database: Database, owner: OwnerId, lease: Lease, mut ended: oneshot::Receiver<()>) {
    let mut heart = Heart { database, owner, lease, connection: None };
    let mut pause = lease.0 / 3;
    loop {
        tokio::select! {
            _ = &mut ended => break,
            () = tokio::time::sleep(pause) => {}
        }
        let beat = tokio::select! {
            _ = &mut ended => break,
            beat = heart.beat() => beat,
        };
        pause = match beat {
            Ok(()) => lease.0 / 3,
            Err(error) => {
                tracing::warn!(%error, "the worker's lease could not be renewed; trying again");
                heart.connection = None;
                (lease.0 / 30).min(Duration::from_secs(1))
            }
        };
    }
    if let Err(error) = heart.stop().await {
        tracing::debug!(%error, "the lease of a worker that ended runs out by itself");
    }
}

/// The heartbeat of a worker. It has a connection beside the pool: work must not delay it.
struct Heart {
    database: Database,
    owner: OwnerId,
    lease: Lease,
    connection: Option<Client>,
}

impl Heart {
    async fn beat(&mut self) -> Result<()> {
        let lease = self.lease.0.as_secs_f64();
        self.execute(RENEW, &[&self.owner.0.clone(), &lease]).await
    }

    async fn stop(mut self) -> Result<()> {
        let sql =
            "UPDATE worker SET lease_until = clock_timestamp() - interval '1 second' WHERE id = $1";
        self.execute(sql, &[&self.owner.0.clone()]).await
    }

    async fn execute(&mut self, sql: &str, values: &[rows::Value<'_>]) -> Result<()> {
        let what = "the worker's lease could not be renewed";
        let connection = match self.connection.take() {
            Some(open) if !open.is_closed() => open,
            _ => self.database.open_session(what).await?,
        };
        let connection = self.connection.insert(connection);
        // A lease that is not renewed in its length has ended anyway.
        match tokio::time::timeout(self.lease.0, connection.execute(sql, values)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(reason)) => Err(self.database.error(what, &reason)),
            Err(_) => Err(super::fault::slow(what, "the server does not answer")),
        }
    }
}
