//! Access tokens (RFC 6749): asked for once, and kept until shortly before they expire.

mod endpoint;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

use crate::accounts::{Secret, TokenRequest};
use crate::failure::Failure;
use crate::network::Reach;

/// Tokens that were fetched, by what they were asked for with.
#[derive(Default)]
pub(crate) struct Tokens {
    /// Each behind a lock of its own: of many runs that need one token, one asks for it.
    entries: Mutex<HashMap<TokenRequest, Arc<AsyncMutex<Entry>>>>,
}

#[derive(Default)]
struct Entry {
    token: Option<Token>,
    /// The refresh token that came in the place of the account's, which may be good no more (RFC 6749
    /// section 6).
    rotated: Option<Secret>,
}

#[derive(Clone)]
struct Token {
    access: Secret,
    until: Instant,
}

impl Entry {
    /// Whether it holds what cannot be asked for again, or need not be yet.
    fn is_needed(&self) -> bool {
        let is_good = |token: &Token| token.until > Instant::now();
        self.rotated.is_some() || self.token.as_ref().is_some_and(is_good)
    }
}

/// A token, and whether it was asked for just now.
pub(crate) struct AccessToken {
    pub(crate) secret: Secret,
    pub(crate) is_fresh: bool,
}

/// From so many on, tokens that have expired are dropped.
const MANY: usize = 1024;

/// Clocks differ, and a login takes a while.
const MARGIN: Duration = Duration::from_secs(60);

impl Tokens {
    /// A token that is good for a while yet.
    ///
    /// # Errors
    ///
    /// An endpoint that gives none: an `auth` failure.
    pub(crate) async fn token(
        &self,
        request: &TokenRequest,
        reach: Reach,
        deadline: Instant,
    ) -> Result<AccessToken, Failure> {
        let entry = self.entry(request);
        let mut entry = entry.lock().await;
        if let Some(token) = entry.token.as_ref().filter(|token| token.until > Instant::now()) {
            return Ok(AccessToken { secret: token.access.clone(), is_fresh: false });
        }
        let granted = endpoint::ask(request, entry.rotated.as_ref(), reach, deadline).await?;
        let until = granted.lifetime.and_then(|lifetime| lifetime.checked_sub(MARGIN));
        entry.token = until
            .map(|rest| Token { access: granted.access.clone(), until: Instant::now() + rest });
        entry.rotated = granted.refresh.or_else(|| entry.rotated.take());
        Ok(AccessToken { secret: granted.access, is_fresh: true })
    }

    /// Drops a token that a server did not take.
    pub(crate) async fn forget(&self, request: &TokenRequest, secret: &Secret) {
        let entry = self.entry(request);
        let mut entry = entry.lock().await;
        entry.token.take_if(|token| token.access == *secret);
    }

    fn entry(&self, request: &TokenRequest) -> Arc<AsyncMutex<Entry>> {
        // Nothing that is done under this lock can leave the map half changed.
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(request) {
            return Arc::clone(entry);
        }
        if entries.len() >= MANY {
            entries.retain(|_, entry| entry.try_lock().map_or(true, |entry| entry.is_needed()));
        }
        Arc::clone(entries.entry(request.clone()).or_default())
    }
}
