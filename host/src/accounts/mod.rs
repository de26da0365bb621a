//! Email accounts: their settings, their secrets, and where both are stored.

mod account;
mod account_name;
mod builder;
mod form;
mod providers;
mod rules;
mod store;
mod tilde;

pub use account::Account;
pub use account_name::AccountName;
pub use builder::AccountBuilder;
pub use form::AccountForm;
pub use providers::{ConsentPreset, Preset};
pub use rules::{AccountLimits, DomainRule, Policy, SenderRule, UrlHost, WarmUp};
pub use store::{Accounts, AccountsFile, AccountsInMemory, TokenPlace};
pub use tilde::in_home;

pub use smtp_connector_smtp::address::{Domain, EhloName, HostName, InvalidHostName, InvalidPath};
pub use smtp_connector_smtp::secret::{KeyringEntry, KeyringState, Secret, SecretSource};
pub use smtp_connector_smtp::settings::{
    Auth, AuthSecret, CertificatePin, ClientCertificate, ConsentUrls, Credentials, OAuth2,
    Provider, Proxy, ProxyKind, Security, ServerSettings, ServerSettingsBuilder, Timeouts,
    TlsSettings, TlsVersion, TokenUrl,
};
pub use smtp_connector_smtp::{BoxFuture, InvalidSetting};
