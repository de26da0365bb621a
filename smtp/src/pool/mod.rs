//! Connections that are kept for the messages to come.
//!
//! deadpool keeps them; what is here says which may be used again: a connection of the same settings,
//! between two messages, on which nothing has come since, not too old and not used too often.

mod lease;
mod site;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use lease::Lease;

use self::site::Site;
use crate::client::clock::Clock;
use crate::failure::Failure;
use crate::opener::Opener;
use crate::settings::ServerSettings;

/// The connections of all accounts.
pub(crate) struct Pool {
    sites: Mutex<Sites>,
    idle_time: Duration,
}

#[derive(Default)]
struct Sites {
    /// A connection serves another message if everything that was said to open it is the same.
    by_settings: HashMap<Arc<ServerSettings>, Arc<Site>>,
    /// How many settings there may be before those that are no longer used are forgotten.
    room: usize,
}

/// Servers wait five minutes for a command (RFC 5321 section 4.5.3.2.7), and under load ten seconds.
const IDLE_TIME: Duration = Duration::from_secs(30);

impl Pool {
    pub(crate) fn new() -> Self {
        Self::with_idle_time(IDLE_TIME)
    }

    pub(crate) fn with_idle_time(idle_time: Duration) -> Self {
        Self { sites: Mutex::default(), idle_time }
    }

    /// An empty pool with the same settings.
    pub(crate) fn another(&self) -> Self {
        Self::with_idle_time(self.idle_time)
    }

    /// A connection for a message: one that is idle, or a new one, as soon as the account may have one.
    pub(crate) async fn lease(
        &self,
        account: &Arc<ServerSettings>,
        opener: &Opener,
        clock: Clock,
    ) -> Result<Lease, Failure> {
        loop {
            let site = self.site(account, opener);
            match site.lease(account, clock).await {
                Ok((object, permit)) => {
                    return Ok(Lease::pooled(object, permit, site, account, clock));
                }
                // The pool was closed in between: its successor has another site.
                Err(_) if site.is_closed() => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Sees off every idle connection. Those in use are seen off when their message is.
    pub(crate) async fn close(&self) {
        let sites = std::mem::take(&mut *self.lock());
        for site in sites.by_settings.into_values() {
            site.close().await;
        }
    }

    fn site(&self, account: &Arc<ServerSettings>, opener: &Opener) -> Arc<Site> {
        let mut sites = self.lock();
        if let Some(site) = sites.by_settings.get(account) {
            return Arc::clone(site);
        }
        sites.make_room();
        let site = Arc::new(Site::new(Arc::clone(account), opener.clone(), self.idle_time));
        sites.by_settings.insert(Arc::clone(account), Arc::clone(&site));
        site
    }

    fn lock(&self) -> MutexGuard<'_, Sites> {
        // Nothing that is done under this lock can leave the map half changed.
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sites {
    /// Forgets accounts that are no longer used, once there are twice as many as last time: a platform has
    /// more customers in a year than in an hour.
    fn make_room(&mut self) {
        if self.by_settings.len() < self.room.max(FEW) {
            return;
        }
        self.by_settings.retain(|_, site| is_used(site));
        self.room = 2 * self.by_settings.len();
    }
}

/// So many accounts are kept without a thought.
const FEW: usize = 64;

/// Whether anything is open there, or somebody is about to open it.
fn is_used(site: &Arc<Site>) -> bool {
    Arc::strong_count(site) > 1 || !site.is_empty()
}
