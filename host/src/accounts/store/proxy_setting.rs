//! Reads and writes the setting `proxy` of an account in a settings file.

use std::path::Path;

use smtp_connector_smtp::InvalidSetting;
use smtp_connector_smtp::settings::Proxy;
use toml_edit::{InlineTable, Item, value};

use super::secret_setting::{read_secret, secret_item};
use super::settings_table::{Mistake, Table};

/// Reads the proxy: a URL, or a table with a URL and a password.
pub(super) fn read_proxy(table: &Table<'_>, directory: &Path) -> Result<Option<Proxy>, Mistake> {
    let Some(item) = table.item("proxy") else { return Ok(None) };
    let mistake = |invalid: InvalidSetting| Mistake {
        hint: invalid.hint().map(str::to_owned),
        ..table.mistake("proxy", invalid.to_string().trim_start_matches("proxy: ").to_owned())
    };
    if let Some(text) = item.as_str() {
        return text.parse().map(Some).map_err(mistake);
    }
    let shape = "write it as \"socks5://HOST:PORT\", or as { url = \"socks5://USERNAME@HOST:PORT\", password = ... }";
    if !item.is_table_like() {
        return Err(table.mistake("proxy", shape));
    }
    let Some(inner) = table.inner("proxy", &["url", "password"])? else { return Ok(None) };
    let Some(url) = inner.text("url")? else { return Err(table.mistake("proxy", shape)) };
    let proxy = match read_secret(&inner, "password", directory)? {
        Some(password) => Proxy::with_password(&url, password),
        None => url.parse(),
    };
    proxy.map(Some).map_err(mistake)
}

/// Returns the proxy for a settings file.
pub(super) fn proxy_item(proxy: &Proxy) -> Item {
    let Some(password) = proxy.password() else { return value(proxy.url()) };
    let mut inner = InlineTable::new();
    inner.insert("url", proxy.url().into());
    if let Ok(password) = secret_item(password).into_value() {
        inner.insert("password", password);
    }
    value(inner)
}

/// Reports whether the setting itself contains a password, even if it has a mistake.
pub(super) fn has_password(item: &Item) -> bool {
    let in_url = |item: &Item| {
        let login = item.as_str().and_then(|url| url.rsplit_once('@')).map(|(login, _)| login);
        let login = login.map(|login| login.split_once("://").map_or(login, |(_, login)| login));
        login.is_some_and(|login| login.contains(':'))
    };
    let inner = item.as_table_like();
    let in_table = |key| inner.and_then(|inner| inner.get(key));
    in_url(item)
        || in_table("url").is_some_and(in_url)
        || in_table("password").is_some_and(Item::is_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Account, AccountsFile};
    use smtp_connector_smtp::secret::SecretSource;

    fn proxy(text: &str) -> Proxy {
        text.parse().expect(text)
    }

    #[test]
    fn a_proxy_reads_back_as_it_was_put() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let accounts = AccountsFile::new(directory.path().join("accounts.toml"));
        let from_env = SecretSource::Env("PROXY_PASSWORD".into());
        for proxy in [
            proxy("socks5h://proxy.example:9050"),
            proxy("http://[2001:db8::1]:3128"),
            proxy("socks5://al%3Aice:p%40ss@proxy.example"),
            Proxy::with_password("http://alice@proxy.example:3128", from_env).expect("right"),
        ] {
            let account = Account::builder("work", "mail.example").proxy(proxy.clone());
            accounts.put(&account.build().expect("the account is right")).expect("it is written");
            let read = accounts.get("work").expect("it is there");
            assert_eq!(read.server().proxy(), Some(&proxy));
            assert_eq!(Account::clone(&read).without_proxy().server().proxy(), None);
        }
    }

    #[test]
    fn a_password_of_a_proxy_is_found_in_the_file() {
        for (text, found) in [
            ("proxy = \"socks5://h:1080\"", false),
            ("proxy = \"socks5://u:p@h:1080\"", true),
            ("proxy = \"u:p@h\"", true),
            ("proxy = { url = \"socks5://u@h:1080\", password = { env = \"P\" } }", false),
            ("proxy = { url = \"socks5://u@h:1080\", password = \"p\" }", true),
            ("proxy = { url = \"socks5://u:p@h:1080\" }", true),
        ] {
            let document: toml_edit::DocumentMut = text.parse().expect(text);
            assert_eq!(has_password(&document["proxy"]), found, "{text}");
        }
    }
}
