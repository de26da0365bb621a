//! What each worker does beside its deliveries: recovers the runs of dead workers, ends expired ones, deletes old ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::outbox::Outbox;
use crate::store::Owner;

/// How often dead workers and expired runs are looked for.
const OFTEN: Duration = Duration::from_secs(2);
/// How often old runs are deleted.
const RARELY: Duration = Duration::from_secs(10 * 60);

/// A task that ends when this is dropped.
pub(super) struct Upkeep(tokio::task::JoinHandle<()>);

/// Starts the upkeep. It begins at once: a worker that starts after a crash finds its runs.
pub(super) fn start(outbox: &Outbox, owner: Arc<Owner>) -> Upkeep {
    let outbox = outbox.clone();
    Upkeep(tokio::spawn(async move {
        let mut pruned = None::<Instant>;
        loop {
            if let Err(error) = once(&outbox, &owner, &mut pruned).await {
                tracing::warn!(%error, "the outbox cannot be kept up; trying again");
            }
            tokio::time::sleep(OFTEN).await;
        }
    }))
}

async fn once(outbox: &Outbox, owner: &Owner, pruned: &mut Option<Instant>) -> Result<()> {
    let recovered = outbox.store.recover(owner).await?;
    if recovered.ready + recovered.unknown > 0 {
        let (ready, unknown) = (recovered.ready, recovered.unknown);
        tracing::warn!(ready, unknown, "a worker died; its runs were recovered");
    }
    while outbox.store.expire().await? > 0 {}
    if pruned.is_none_or(|last| last.elapsed() >= RARELY) {
        outbox.prune().await?;
        *pruned = Some(Instant::now());
    }
    Ok(())
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.abort();
    }
}
