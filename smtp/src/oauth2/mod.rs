//! The cache of access tokens (RFC 6749), which keeps each one until shortly before it expires.

mod endpoint;
mod http;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, timeout_at};

pub(crate) use endpoint::forbidden;
pub(crate) use http::{Unanswered, exchange};

use crate::BoxFuture;
use crate::failure::Failure;
use crate::network::{DeniedAddresses, Network, Reach};
use crate::secret::{KeyringEntry, Secret, SecretSource, TokenFile};
use crate::settings::{Proxy, TokenRequest};

/// Gets the refresh tokens that providers replace (RFC 6749 section 6). Implement it to write them to your vault.
///
/// The connector uses the new token from then on, for as long as the process runs. The old one may no longer be valid.
///
/// ```
/// use smtp_connector_smtp::{BoxFuture, RefreshTokens, Secret, SmtpTransport};
///
/// struct Vault;
///
/// impl RefreshTokens for Vault {
///     fn replaced<'a>(&'a self, account: &'a str, new: &'a Secret) -> BoxFuture<'a, ()> {
///         Box::pin(async move {
///             // ... write `new` to the account's entry ...
///         })
///     }
/// }
///
/// let transport = SmtpTransport::new().refresh_tokens(Vault);
/// ```
pub trait RefreshTokens: Send + Sync + 'static {
    /// Stores the token that replaces the account's. The message waits for it.
    fn replaced<'a>(&'a self, account: &'a str, new: &'a Secret) -> BoxFuture<'a, ()>;
}

/// The cached tokens, by request.
#[derive(Default)]
pub(crate) struct Tokens {
    /// The embedder's store of refresh tokens.
    store: Option<Arc<dyn RefreshTokens>>,
    /// One lock for each entry. If several runs need the same token, only one requests it.
    entries: Mutex<HashMap<TokenRequest, Arc<AsyncMutex<Entry>>>>,
}

#[derive(Default)]
struct Entry {
    token: Option<Token>,
    /// The refresh token that replaced the account's, which may no longer be valid (RFC 6749 section 6), if the
    /// account's file does not have it.
    rotated: Option<Secret>,
}

#[derive(Clone)]
struct Token {
    access: Secret,
    until: Instant,
}

impl Entry {
    /// Reports whether the entry has a valid access token, or a refresh token that would be lost.
    fn is_needed(&self) -> bool {
        let is_good = |token: &Token| token.until > Instant::now();
        self.rotated.is_some() || self.token.as_ref().is_some_and(is_good)
    }
}

/// A token, and whether it was just requested.
pub(crate) struct AccessToken {
    pub(crate) secret: Secret,
    pub(crate) is_fresh: bool,
}

/// The rules and deadline of a token request, and the account for the log.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) account: Option<&'a str>,
    pub(crate) network: &'a dyn Network,
    pub(crate) reach: Reach,
    pub(crate) denied: &'a DeniedAddresses,
    pub(crate) proxy: Option<&'a Proxy>,
    pub(crate) deadline: Instant,
}

/// The number of entries from which expired ones are removed.
const MANY: usize = 1024;

/// The time before its expiry from which a token is not used. Clocks differ, and a login takes a while.
const MARGIN: Duration = Duration::from_secs(60);

/// The error text if a run waits in vain for another run's request.
const OTHER: &str = "another message's request had no answer";

impl Tokens {
    /// Uses a store for refresh tokens, with an empty cache.
    pub(crate) fn with_store(store: impl RefreshTokens) -> Self {
        Self { store: Some(Arc::new(store)), ..Self::default() }
    }

    /// Returns a valid token, from the cache or from the endpoint.
    ///
    /// # Errors
    ///
    /// An `auth` failure if the endpoint gives no token.
    pub(crate) async fn token(
        &self,
        request: &TokenRequest,
        caller: Caller<'_>,
    ) -> Result<AccessToken, Failure> {
        let entry = self.entry(request);
        // Waiting for another run's request counts against the deadline too.
        let since = Instant::now();
        let entry = timeout_at(caller.deadline, entry.lock()).await;
        let mut entry = entry.map_err(|_| endpoint::late(request, OTHER, since))?;
        if let Some(token) = entry.token.as_ref().filter(|token| token.until > Instant::now()) {
            return Ok(AccessToken { secret: token.access.clone(), is_fresh: false });
        }
        if Instant::now() >= caller.deadline {
            // The other run had the same deadline, and got no answer.
            return Err(endpoint::late(request, OTHER, since));
        }
        let granted = endpoint::ask(request, entry.rotated.as_ref(), caller).await?;
        let until = granted.lifetime.and_then(|lifetime| lifetime.checked_sub(MARGIN));
        entry.token = until
            .map(|rest| Token { access: granted.access.clone(), until: Instant::now() + rest });
        if let Some(next) = granted.refresh {
            // First, since the run may be dropped while the token is stored.
            entry.rotated = Some(next.clone());
            if let Some(store) = &self.store {
                store.replaced(caller.account.unwrap_or_default(), &next).await;
            }
            if keep(request, granted.sent, next).await {
                // The file has the token, and perhaps soon a newer one of another process.
                entry.rotated = None;
            }
        }
        Ok(AccessToken { secret: granted.access, is_fresh: true })
    }

    /// Removes a token that a server refused. If another run holds the lock until the deadline, that run is already
    /// requesting a new token.
    pub(crate) async fn forget(&self, request: &TokenRequest, secret: &Secret, deadline: Instant) {
        let entry = self.entry(request);
        if let Ok(mut entry) = timeout_at(deadline, entry.lock()).await {
            entry.token.take_if(|token| token.access == *secret);
        }
    }

    fn entry(&self, request: &TokenRequest) -> Arc<AsyncMutex<Entry>> {
        // A panic under this lock cannot leave the map inconsistent.
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

/// Writes a new refresh token to the keyring entry of the old one, or to its file, if this program wrote that file.
/// Otherwise the new token is lost when the process ends: a file, variable or command of the user's is not changed.
///
/// The write goes on even if the caller is dropped.
async fn keep(request: &TokenRequest, sent: Option<Secret>, next: Secret) -> bool {
    let (Some(source), Some(sent)) = (request.refresh_token.clone(), sent) else { return false };
    let place = source.to_string();
    let written = tokio::task::spawn_blocking(move || match source {
        SecretSource::File(path) => {
            TokenFile::new(path).rotate(&sent, &next).map_err(|reason| reason.to_string())
        }
        SecretSource::Keyring(name) => {
            KeyringEntry::new(name).rotate(&sent, &next).map_err(|failure| failure.to_string())
        }
        _ => Ok(false),
    });
    match written.await {
        Ok(Ok(is_kept)) => is_kept,
        Ok(Err(reason)) => {
            tracing::warn!(
                %place, %reason,
                "the new refresh token cannot be written; it is lost when this process ends"
            );
            false
        }
        Err(_) => false,
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
            account: Some("work"),
            network: &crate::network::SystemNetwork,
            reach: Reach::Public,
            denied: &denied,
            proxy: None,
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
