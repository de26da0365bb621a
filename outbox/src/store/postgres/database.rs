//! Connections to the database. Each operation ends within a bounded time, whatever the server does.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Connect, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts,
};
use smtp_connector_smtp::BoxFuture;
use tokio::task::JoinHandle;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::fault::{Fault, of_pool, of_postgres, slow};
use crate::error::{Error, Result};

/// A connection from the pool.
pub(super) type Session = Object;
/// The second half of a connection, which moves the bytes.
pub(super) type Wire = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// The database, with a pool of connections. Cheap to clone.
#[derive(Clone)]
pub(super) struct Database {
    pool: Pool,
    address: Arc<Address>,
}

/// The most connections of a process to the database, besides one for notifications and one for each worker's
/// heartbeat. More would not help: commits share a write to the disk.
const CONNECTIONS: usize = 10;
/// How long an operation waits for a free connection, and how long opening one takes.
const WAIT: Duration = Duration::from_secs(10);
/// How long an operation takes. The server ends its statements a little earlier.
const OPERATION: Duration = Duration::from_secs(30);
/// The additional time for each mebibyte of input: a slow network has 1 Mbit/s.
const MEBIBYTE: Duration = Duration::from_secs(8);

/// The settings of each connection, whatever those of the role and the database.
const SETTINGS: &str = "
    SET search_path = smtp_connector, pg_temp;
    SET statement_timeout = '25s';
    SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '30s';
    SET default_transaction_isolation = 'read committed';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

impl Database {
    pub(super) fn new(address: Address) -> Result<Self> {
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let connect = Opener { tls: address.tls.clone() };
        let manager = Manager::from_connect(address.config.clone(), connect, config);
        let timeouts = Timeouts { wait: Some(WAIT), create: Some(WAIT), recycle: Some(WAIT) };
        let built = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build();
        let pool =
            built.map_err(|reason| slow("the outbox cannot be opened", &reason.to_string()))?;
        Ok(Self { pool, address: Arc::new(address) })
    }

    /// Does some work on a connection of the pool. `what` says what could not be done, if it fails.
    pub(super) fn run<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl for<'c> FnOnce(&'c mut Session) -> BoxFuture<'c, Result<T, Fault>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        self.run_with(0, what, work)
    }

    /// As [`run`](Self::run), for work that moves this many bytes.
    pub(super) fn run_with<T: Send + 'static>(
        &self,
        bytes: usize,
        what: &'static str,
        work: impl for<'c> FnOnce(&'c mut Session) -> BoxFuture<'c, Result<T, Fault>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let this = self.clone();
        let time = OPERATION + MEBIBYTE * u32::try_from(bytes >> 20).unwrap_or(u32::MAX >> 8);
        Box::pin(async move {
            let mut session =
                this.pool.get().await.map_err(|reason| of_pool(&this.at(what), reason))?;
            let outcome = tokio::time::timeout(time, work(&mut session)).await;
            match outcome {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(Fault::Refused(error))) => return Err(error),
                Ok(Err(Fault::Postgres(_))) | Err(_) => {}
            }
            // Nothing is known about this connection any more: the next one begins afresh.
            drop(Object::take(session));
            Err(match outcome {
                Ok(Err(Fault::Postgres(reason))) => of_postgres(&this.at(what), &reason),
                _ => slow(&this.at(what), &format!("no answer within {} s", time.as_secs())),
            })
        })
    }

    /// Opens a connection beside the pool. It ends when the client is dropped.
    pub(super) async fn open(&self, what: &str) -> Result<(Client, Wire)> {
        let Address { config, tls, .. } = &*self.address;
        self.in_time(what, config.connect(tls.clone())).await
    }

    /// Opens a connection beside the pool, with the pool's settings.
    pub(super) async fn open_session(&self, what: &str) -> Result<Client> {
        let Address { config, tls, .. } = &*self.address;
        let opener = Opener { tls: tls.clone() };
        let (client, _task) = self.in_time(what, opener.connect(config)).await?;
        Ok(client)
    }

    async fn in_time<T>(
        &self,
        what: &str,
        opening: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        match tokio::time::timeout(WAIT, opening).await {
            Ok(opened) => opened.map_err(|reason| of_postgres(&self.at(what), &reason)),
            Err(_) => Err(slow(&self.at(what), &format!("no answer within {} s", WAIT.as_secs()))),
        }
    }

    /// Converts an error of a connection beside the pool.
    pub(super) fn error(&self, what: &str, reason: &tokio_postgres::Error) -> Error {
        of_postgres(&self.at(what), reason)
    }

    /// Returns the database and its server, for people.
    pub(super) fn place(&self) -> &str {
        &self.address.place
    }

    fn at(&self, what: &str) -> String {
        format!("{what} (database {})", self.place())
    }
}

/// Moves the bytes of a connection until it ends. Its client gets the error.
async fn drive(wire: Wire) {
    if let Err(error) = wire.await {
        tracing::debug!(%error, "a connection to PostgreSQL ended");
    }
}

/// Opens connections for the pool.
struct Opener {
    tls: MakeRustlsConnect,
}

impl Connect for Opener {
    fn connect(
        &self,
        config: &Config,
    ) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        let (config, tls) = (config.clone(), self.tls.clone());
        Box::pin(async move {
            let (client, wire) = config.connect(tls).await?;
            let task = tokio::spawn(drive(wire));
            client.batch_execute(SETTINGS).await?;
            Ok((client, task))
        })
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("place", &self.address.place).finish_non_exhaustive()
    }
}
