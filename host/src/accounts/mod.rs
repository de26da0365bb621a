//! Connected accounts: their settings, their secrets, and where both are kept.

mod account;
mod account_name;
mod address_rule;
mod builder;
mod domain;
mod file;
mod memory;
mod oauth2_settings;
mod policy;
mod preset;
mod provider_rules;
mod settings;
mod settings_table;
mod table;
mod tilde;
mod usage;

use std::sync::Arc;

pub use account::Account;
pub use account_name::AccountName;
pub use address_rule::{PlainAddress, SenderRule};
pub use builder::AccountBuilder;
pub use domain::DomainRule;
pub(crate) use domain::a_labels;
pub use file::AccountsFile;
pub use memory::AccountsInMemory;
pub use policy::{AccountLimits, Policy, UrlHost};
pub use preset::{PRESETS, Preset};
pub use tilde::in_home;
pub(crate) use usage::{RunPermit, Usage};

pub use smtp_connector_smtp::address::{EhloName, HostName, InvalidHostName};
pub use smtp_connector_smtp::secret::{Secret, SecretSource};
pub use smtp_connector_smtp::settings::{
    Auth, CertificatePin, ClientCertificate, Credentials, OAuth2, Proof, Provider, Security,
    ServerSettings, ServerSettingsBuilder, Timeouts, TlsSettings, TlsVersion, TokenUrl,
};
pub use smtp_connector_smtp::{BoxFuture, InvalidSetting};

use crate::error::Result;

/// Where accounts are found: a file, memory, or your own store.
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
    /// Finds the account of that name.
    fn account<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<Account>>>;
}
