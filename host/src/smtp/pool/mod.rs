//! Connections that are kept for the messages to come.
//!
//! deadpool keeps them; what is here says which may be used again: a connection of the same settings,
//! between two messages, on which nothing has come since, not too old and not used too often.

mod lease;
mod site;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(super) use lease::Lease;

use self::site::Site;
use super::handshake::Opener;
use crate::accounts::Account;
use crate::failure::Failure;

/// The connections of all accounts.
pub(super) struct Pool {
    /// By account name; several, where hosts that share a transport mean different accounts by one name,
    /// or while the last connections of an account's old settings are idle.
    sites: Mutex<HashMap<String, Vec<Arc<Site>>>>,
    idle_time: Duration,
}

/// Servers wait five minutes for a command (RFC 5321 section 4.5.3.2.7), and under load ten seconds.
const IDLE_TIME: Duration = Duration::from_secs(30);

impl Pool {
    pub(super) fn new() -> Self {
        Self::with_idle_time(IDLE_TIME)
    }

    pub(super) fn with_idle_time(idle_time: Duration) -> Self {
        Self { sites: Mutex::default(), idle_time }
    }

    /// A connection for a message: one that is idle, or a new one, as soon as the account may have one.
    pub(super) async fn lease(
        &self,
        account: &Arc<Account>,
        opener: &Opener,
    ) -> Result<Lease, Failure> {
        let site = self.site(account, opener);
        site.lease(account).await
    }

    /// Sees off every idle connection. Those in use are seen off when their message is.
    pub(super) async fn close(&self) {
        let sites = std::mem::take(&mut *self.lock());
        for site in sites.into_values().flatten() {
            site.close().await;
        }
    }

    fn site(&self, account: &Arc<Account>, opener: &Opener) -> Arc<Site> {
        let mut sites = self.lock();
        let same_name = sites.entry(account.name().to_owned()).or_default();
        if let Some(site) = same_name.iter().find(|site| site.serves(account)) {
            return Arc::clone(site);
        }
        same_name.retain(|site| !site.is_empty());
        let site = Arc::new(Site::new(Arc::clone(account), opener.clone(), self.idle_time));
        same_name.push(Arc::clone(&site));
        site
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Arc<Site>>>> {
        // Nothing that is done under this lock can leave the map half changed.
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
