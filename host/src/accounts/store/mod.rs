//! Stores of accounts: a file, memory, or the embedder's store.

mod file;
mod memory;
mod oauth2_settings;
mod proxy_setting;
mod secret_setting;
mod settings;
mod settings_table;
mod table;

use std::sync::Arc;

use smtp_connector_smtp::BoxFuture;

use crate::accounts::Account;
use crate::error::Result;

pub use file::{AccountsFile, TokenPlace};
pub use memory::AccountsInMemory;

/// A store of accounts: a file, memory, or your own store.
///
/// ```
/// use std::sync::Arc;
///
/// use smtp_connector_host::accounts::{Account, Accounts, BoxFuture};
/// use smtp_connector_host::{Result, Secret};
///
/// /// One account for each customer, with a password from the customers' vault.
/// struct Vault;
///
/// impl Accounts for Vault {
///     fn account<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<Account>>> {
///         Box::pin(async move {
///             let password = Secret::new("looked up somewhere");
///             let account = Account::builder(name, "smtp.example.com").credentials(name, password);
///             Ok(Arc::new(account.build()?))
///         })
///     }
/// }
/// ```
pub trait Accounts: Send + Sync + 'static {
    /// Finds the account with this name.
    fn account<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<Account>>>;
}
