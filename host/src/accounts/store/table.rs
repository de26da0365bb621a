//! Writes an account as a table of a settings file.

use toml_edit::{Item, Table, value};

use super::oauth2_settings::oauth2_item;
use super::proxy_setting::proxy_item;
use super::secret_setting::secret_item;
use crate::accounts::Account;
use smtp_connector_smtp::settings::AuthSecret;
use smtp_connector_smtp::settings::{Auth, Security};

/// Returns an account as a table, without settings that have their default value.
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
    if let Some(proxy) = account.server().proxy() {
        set("proxy", proxy_item(proxy));
    }
    table
}
