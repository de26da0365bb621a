//! An account as a settings file has it.

use toml_edit::{Array, InlineTable, Item, Table, value};

use crate::accounts::Account;
use crate::accounts::store::oauth2_settings::oauth2_item;
use smtp_connector_smtp::secret::SecretSource;
use smtp_connector_smtp::settings::AuthSecret;
use smtp_connector_smtp::settings::{Auth, Security};

/// An account as a table, leaving out what goes without saying.
pub(super) fn table_of(account: &Account) -> Table {
    let mut table = Table::new();
    let mut set = |key: &str, item: Item| table.insert(key, item);
    match account.provider {
        Some(preset) => {
            set("provider", value(preset.id));
            if preset.host != account.server().host().to_string() {
                set("host", value(account.server().host().to_string()));
            }
        }
        None => {
            set("host", value(account.server().host().to_string()));
        }
    }
    set("port", value(i64::from(account.server().port())));
    let auto = Security::of_server(account.host(), account.port(), account.credentials().is_some());
    if account.server().security() != auto {
        set("security", value(account.server().security().to_string()));
    }
    if let Some(credentials) = account.server().credentials() {
        set("username", value(&credentials.username));
        match &credentials.secret {
            AuthSecret::Password(password) => set("password", secret_item(password)),
            AuthSecret::OAuth2(oauth2) => set("oauth2", oauth2_item(oauth2)),
        };
    }
    if account.server().auth() != Auth::Auto {
        set("auth", value(account.server().auth().to_string()));
    }
    if let Some(sender) = &account.sender {
        set("from", value(sender));
    }
    if let Some(reply_to) = &account.reply_to {
        set("replyTo", value(reply_to));
    }
    if let Some(name) = account.server().ehlo_name() {
        set("ehloName", value(name.as_str()));
    }
    if !account.server().pipelining() {
        set("pipelining", value(false));
    }
    table
}

pub(super) fn secret_item(source: &SecretSource) -> Item {
    let mut inner = InlineTable::new();
    match source {
        SecretSource::Text(secret) => return value(secret.expose()),
        SecretSource::Env(name) => inner.insert("env", name.into()),
        SecretSource::File(path) => inner.insert("file", path.display().to_string().into()),
        SecretSource::Command(words) => inner.insert("command", Array::from_iter(words).into()),
    };
    value(inner)
}
