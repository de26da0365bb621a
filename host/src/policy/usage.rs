//! The usage of each account, over all runs of a host.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::accounts::Account;
use smtp_connector_smtp::failure::{Failure, FailureCode, Phase};

/// The runs of each account now, and its messages in the last minute.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    accounts: Mutex<HashMap<String, Use>>,
}

#[derive(Debug, Default)]
struct Use {
    runs: u32,
    /// The start times of the messages of the last minute, the oldest first.
    begun: VecDeque<Instant>,
}

/// A permit for one run of an account. The run counts until the permit is dropped.
pub(crate) struct RunPermit {
    usage: Arc<Usage>,
    account: Arc<Account>,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Usage {
    /// Begins a run. Returns an error if the account has reached its limit of concurrent runs.
    pub(crate) fn enter(self: &Arc<Self>, account: &Arc<Account>) -> Result<RunPermit, Failure> {
        let mut accounts = self.lock();
        let used = accounts.entry(account.name().to_owned()).or_default();
        if let Some(most) = account.limits.concurrent_runs
            && used.runs >= most
        {
            let message = format!("the account has {most} runs in progress, which is its limit");
            return Err(too_much(message, "concurrentRuns"));
        }
        used.runs += 1;
        Ok(RunPermit { usage: Arc::clone(self), account: Arc::clone(account) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Use>> {
        // A panic under this lock cannot leave the value incomplete.
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunPermit {
    /// Counts a message. Returns an error if the account has reached its limit of messages per minute.
    pub(crate) fn begin_message(&self, now: Instant) -> Result<(), Failure> {
        let Some(most) = self.account.limits.messages_per_minute else { return Ok(()) };
        let mut accounts = self.usage.lock();
        let used = accounts.entry(self.account.name().to_owned()).or_default();
        used.forget_before(now);
        if used.begun.len() >= most as usize {
            let message = format!(
                "the account has started {most} messages in the last minute, which is its limit"
            );
            return Err(too_much(message, "messagesPerMinute"));
        }
        used.begun.push_back(now);
        Ok(())
    }
}

impl Drop for RunPermit {
    fn drop(&mut self) {
        let mut accounts = self.usage.lock();
        let Some(used) = accounts.get_mut(self.account.name()) else { return };
        used.runs = used.runs.saturating_sub(1);
        used.forget_before(Instant::now());
        // There may be thousands of accounts, so an account without runs and recent messages is removed.
        if used.runs == 0 && used.begun.is_empty() {
            accounts.remove(self.account.name());
        }
    }
}

impl Use {
    fn forget_before(&mut self, now: Instant) {
        while self.begun.front().is_some_and(|&begun| now.duration_since(begun) >= MINUTE) {
            self.begun.pop_front();
        }
    }
}

fn too_much(message: String, limit: &str) -> Failure {
    let hint = format!("try again in a minute, or raise the account's limit {limit}");
    Failure::new(FailureCode::Policy, Phase::Policy, message).hint(hint).later()
}

impl fmt::Debug for RunPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunPermit").field(&self.account.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::AccountLimits;

    fn account(limits: AccountLimits) -> Arc<Account> {
        let account = Account::builder("work", "mail.example").limits(limits).build();
        Arc::new(account.expect("the settings are right"))
    }

    #[test]
    fn a_minute_is_any_sixty_seconds() {
        let limits = AccountLimits::default().messages_per_minute(2);
        let permit = Arc::new(Usage::default()).enter(&account(limits)).expect("it may run");
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(permit.begin_message(at(0)).is_ok());
        assert!(permit.begin_message(at(30)).is_ok());
        let refused = permit.begin_message(at(59)).expect_err("two are enough");
        assert!(refused.is_transient() && refused.code == FailureCode::Policy);
        assert!(permit.begin_message(at(60)).is_ok());
        assert!(permit.begin_message(at(89)).is_err());
        assert!(permit.begin_message(at(90)).is_ok());
    }

    #[test]
    fn runs_are_counted_only_while_they_last() {
        let limits = AccountLimits::default().concurrent_runs(1);
        let usage = Arc::new(Usage::default());
        let account = account(limits);
        let first = usage.enter(&account).expect("it may run");
        assert!(usage.enter(&account).expect_err("one is enough").is_transient());
        drop(first);
        drop(usage.enter(&account).expect("it may run again"));
        assert!(usage.lock().is_empty());
    }
}
