//! Connected accounts: their settings, their secrets, and where both are kept.

mod account;
mod account_name;
mod address_rule;
mod builder;
mod certificate_pin;
mod checks;
mod domain;
mod ehlo_name;
mod file;
mod host_name;
mod invalid_setting;
mod login;
mod memory;
mod oauth2;
mod oauth2_settings;
mod policy;
mod preset;
mod provider_rules;
mod redaction;
mod secret;
mod security;
mod server;
mod settings;
mod settings_table;
mod table;
mod timeouts;
mod usage;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use account::Account;
pub use account_name::AccountName;
pub use address_rule::{PlainAddress, SenderRule};
pub use builder::AccountBuilder;
pub use certificate_pin::CertificatePin;
pub use domain::DomainRule;
pub(crate) use domain::a_labels;
pub use ehlo_name::EhloName;
pub use file::AccountsFile;
pub use host_name::{HostName, InvalidHostName};
pub use invalid_setting::InvalidSetting;
pub use login::{Credentials, Proof};
pub use memory::AccountsInMemory;
pub use oauth2::{OAuth2, TokenUrl};
pub use policy::{AccountLimits, Policy, UrlHost};
pub use preset::{PRESETS, Preset};
pub use secret::{Secret, SecretSource};
pub use security::{Auth, ClientCertificate, Security, TlsSettings, TlsVersion};
pub use server::{Provider, ServerSettings, ServerSettingsBuilder};
pub use timeouts::Timeouts;
pub(crate) use usage::{RunPermit, Usage};

pub(crate) use oauth2::{TokenRequest, TokenSource};
pub(crate) use redaction::Redaction;

use crate::error::Result;

/// A future that a trait returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

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
