//! What each worker does beside its deliveries: recovers the runs of dead workers, ends expired ones, deletes old ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smtp_connector_host::Services;

use crate::error::Result;
use crate::outbox::Outbox;
use crate::store::{Owner, Reports};

/// How often dead workers and expired runs are looked for.
const OFTEN: Duration = Duration::from_secs(2);
/// How often old runs are deleted.
const RARELY: Duration = Duration::from_secs(10 * 60);

/// A task that ends when this is dropped.
pub(super) struct Upkeep(tokio::task::JoinHandle<()>);

/// Starts the upkeep. It begins at once: a worker that starts after a crash finds its runs.
pub(super) fn start(outbox: &Outbox, services: &Services, owner: Arc<Owner>) -> Upkeep {
    let (outbox, services) = (outbox.clone(), services.clone());
    Upkeep(tokio::spawn(async move {
        let mut pruned = None::<Instant>;
        loop {
            if let Err(error) = once(&outbox, &services, &owner, &mut pruned).await {
                tracing::warn!(%error, "the outbox cannot be kept up; trying again");
            }
            tokio::time::sleep(OFTEN).await;
        }
    }))
}

async fn once(
    outbox: &Outbox,
    services: &Services,
    owner: &Owner,
    pruned: &mut Option<Instant>,
) -> Result<()> {
    let recovered = outbox.store.recover(owner).await?;
    if recovered.ready + recovered.unknown > 0 {
        let (ready, unknown) = (recovered.ready, recovered.unknown);
        tracing::warn!(ready, unknown, "a worker died; its runs were recovered");
    }
    for account in outbox.store.expiring_accounts().await? {
        let reports = reports(outbox, services, &account).await;
        while outbox.store.expire(account.clone(), reports.clone()).await? > 0 {}
    }
    if pruned.is_none_or(|last| last.elapsed() >= RARELY) {
        outbox.prune().await?;
        *pruned = Some(Instant::now());
    }
    Ok(())
}

/// Returns how to report an account's runs that expire, if its settings say so. An account that was removed says nothing.
async fn reports(outbox: &Outbox, services: &Services, account: &str) -> Option<Reports> {
    let account = services.find_account(account).await.ok()?;
    let reporter = account.policy().expiry_reports.as_ref()?.as_str().to_owned();
    Some(Reports { account: reporter, lifetime: outbox.options.expires_after })
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.abort();
    }
}
