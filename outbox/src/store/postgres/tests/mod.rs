//! The tests of the store: the suite of all stores, and what only a server and several machines can do.

mod clocks;
mod cluster;
mod enqueue;
mod lost_answers;
mod outages;
mod proxy;
mod schema;
mod workers;

use std::time::Duration;

use super::*;
use cluster::Cluster;

/// The lease in tests: short, so that they do not wait long, but longer than a busy machine stands still.
const LEASE: Duration = Duration::from_secs(4);

/// Makes an outbox in a new database of the shared server. Returns its URL too.
async fn open(name: &str) -> Option<(PostgresStore, String)> {
    let url = Cluster::shared()?.database(name).await;
    PostgresStore::migrate(&url).await.expect("it is migrated");
    Some((connect(&url).await, url))
}

/// Connects as another process would.
async fn connect(url: &str) -> PostgresStore {
    let store = PostgresStore::connect(url).await.expect("it connects");
    PostgresStore { lease: Lease(LEASE), ..store }
}

crate::store::suite::suite!(open);
