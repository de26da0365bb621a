//! Access tokens (RFC 6749): asked for once, and kept until shortly before they expire.

mod endpoint;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, timeout_at};

use crate::failure::Failure;
use crate::network::{DeniedAddresses, Network, Reach};
use crate::secret::Secret;
use crate::settings::TokenRequest;

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

/// What a request for a token may do, and the account for the log.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) account: &'a str,
    pub(crate) network: &'a dyn Network,
    pub(crate) reach: Reach,
    pub(crate) denied: &'a DeniedAddresses,
    pub(crate) deadline: Instant,
}

/// From so many on, tokens that have expired are dropped.
const MANY: usize = 1024;

/// Clocks differ, and a login takes a while.
const MARGIN: Duration = Duration::from_secs(60);

/// What a run waits for while another one asks.
const OTHER: &str = "another message's request had no answer";

impl Tokens {
    /// A token that is good for a while yet.
    ///
    /// # Errors
    ///
    /// An endpoint that gives none: an `auth` failure.
    pub(crate) async fn token(
        &self,
        request: &TokenRequest,
        caller: Caller<'_>,
    ) -> Result<AccessToken, Failure> {
        let entry = self.entry(request);
        // Waiting for another run that asks the endpoint counts against the deadline as well.
        let since = Instant::now();
        let entry = timeout_at(caller.deadline, entry.lock()).await;
        let mut entry = entry.map_err(|_| endpoint::late(request, OTHER, since))?;
        if let Some(token) = entry.token.as_ref().filter(|token| token.until > Instant::now()) {
            return Ok(AccessToken { secret: token.access.clone(), is_fresh: false });
        }
        if Instant::now() >= caller.deadline {
            // The other run had the same deadline, and no answer.
            return Err(endpoint::late(request, OTHER, since));
        }
        let granted = endpoint::ask(request, entry.rotated.as_ref(), caller).await?;
        let until = granted.lifetime.and_then(|lifetime| lifetime.checked_sub(MARGIN));
        entry.token = until
            .map(|rest| Token { access: granted.access.clone(), until: Instant::now() + rest });
        entry.rotated = granted.refresh.or_else(|| entry.rotated.take());
        Ok(AccessToken { secret: granted.access, is_fresh: true })
    }

    /// Drops a token that a server refused. If another run holds the lock until the deadline, it is asking for a new
    /// token already.
    pub(crate) async fn forget(&self, request: &TokenRequest, secret: &Secret, deadline: Instant) {
        let entry = self.entry(request);
        if let Ok(mut entry) = timeout_at(deadline, entry.lock()).await {
            entry.token.take_if(|token| token.access == *secret);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{FailureCode, Retry};

    #[tokio::test]
    async fn waiting_for_another_runs_answer_ends_with_the_deadline() {
        let request = TokenRequest {
            url: "https://login.example.com/token".parse().expect("an address"),
            client_id: "client".to_owned(),
            client_secret: Some(Secret::new("s3cr3t").into()),
            refresh_token: None,
            scope: None,
        };
        let tokens = Tokens::default();
        let entry = tokens.entry(&request);
        let _asking = entry.lock().await;
        let deadline = Instant::now() + Duration::from_millis(50);
        let denied = DeniedAddresses::default();
        let caller = Caller {
            account: "work",
            network: &crate::network::SystemNetwork,
            reach: Reach::Public,
            denied: &denied,
            deadline,
        };
        let patience = Duration::from_secs(5);
        let waiting = tokio::time::timeout(patience, tokens.token(&request, caller)).await;
        let failure = waiting.expect("it ends").map(drop).expect_err("there is no token");
        assert_eq!((failure.code, failure.retry), (FailureCode::Auth, Retry::Later));
        let token = Secret::new("t");
        let forgetting = tokens.forget(&request, &token, deadline);
        tokio::time::timeout(patience, forgetting).await.expect("it ends");
    }
}
