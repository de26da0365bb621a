//! The limits of the accounts, for the store to keep over all workers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use smtp_connector_host::Services;

use crate::store::{Pace, Share};

/// The limits of accounts, as they were a short time ago.
pub(super) struct Paces {
    services: Services,
    known: HashMap<String, (Pace, Instant)>,
}

/// How long limits are used before they are read again.
const FRESH: Duration = Duration::from_secs(10);

/// The most accounts whose limits are kept.
const MOST: usize = 10_000;

impl Paces {
    pub(super) fn new(services: Services) -> Self {
        Self { services, known: HashMap::new() }
    }

    /// Returns the share of an account.
    pub(super) async fn share(&mut self, account: String, most: usize) -> Share {
        let pace = match self.known.get(&account) {
            Some((pace, read)) if read.elapsed() < FRESH => pace.clone(),
            _ => self.read(&account).await,
        };
        Share { account, most, pace }
    }

    async fn read(&mut self, account: &str) -> Pace {
        let pace = match self.services.find_account(account).await {
            Ok(found) => {
                let limits = found.limits();
                let runs = limits.concurrent_runs.unwrap_or(u32::MAX);
                Pace {
                    connections: limits.connections.min(runs),
                    per_minute: limits.messages_per_minute,
                    per_day: limits.messages_per_day,
                    warm_up: limits
                        .warm_up
                        .iter()
                        .map(|one| (one.days, one.messages_per_day))
                        .collect(),
                }
            }
            // One attempt meets the same error, which pauses the account.
            Err(_) => Pace { connections: 1, per_minute: None, per_day: None, warm_up: Vec::new() },
        };
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert(account.to_owned(), (pace.clone(), Instant::now()));
        pace
    }
}
