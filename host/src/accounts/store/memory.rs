//! Accounts in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::accounts::{Account, Accounts};
use crate::error::{Error, Result};
use smtp_connector_smtp::BoxFuture;

/// A fixed set of accounts in memory.
///
/// ```
/// use smtp_connector_host::accounts::{Account, AccountsInMemory};
///
/// let accounts: AccountsInMemory =
///     [Account::builder("work", "smtp.example.com").build()?].into_iter().collect();
/// # Ok::<(), smtp_connector_host::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct AccountsInMemory {
    accounts: BTreeMap<String, Arc<Account>>,
}

impl FromIterator<Account> for AccountsInMemory {
    fn from_iter<T: IntoIterator<Item = Account>>(accounts: T) -> Self {
        let named = |account: Account| (account.name().to_owned(), Arc::new(account));
        Self { accounts: accounts.into_iter().map(named).collect() }
    }
}

impl Accounts for AccountsInMemory {
    fn account<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<Account>>> {
        Box::pin(async move {
            let found = self.accounts.get(name).map(Arc::clone);
            found.ok_or_else(|| Error::no_such_account(name))
        })
    }
}
