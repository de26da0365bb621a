//! Reads the accounts in a file one by one, so that a mistake in one account does not affect the others.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml_edit::{Document, Item, Table, TableLike};

use crate::accounts::Account;
use crate::accounts::store::proxy_setting::has_password;
use crate::accounts::store::settings::read_account;
use crate::accounts::store::settings_table::Mistake;
use crate::error::{Error, Result};

/// Parses the file as TOML.
pub(super) fn parse(path: &Path, text: &str) -> Result<Document<String>> {
    Document::parse(text.to_owned()).map_err(|error| {
        let message = error.message().trim().replace('\n', ", ");
        explain(path, text, Mistake { span: error.span(), key: String::new(), message, hint: None })
            .with_hint("fix this line; until then, no account in the file can be used")
    })
}

/// Reads every account. A key outside `accounts` is a mistake, listed under the name of the key.
pub(super) fn read_all(
    path: &Path,
    text: &str,
    document: &Document<String>,
) -> Result<BTreeMap<String, Result<Arc<Account>>>> {
    let mut accounts = BTreeMap::new();
    if let Some(item) = document.get("accounts") {
        let table = item.as_table_like().ok_or_else(|| {
            explain(
                path,
                text,
                mistake(item, "accounts", "must be a table; write each account as [accounts.NAME]"),
            )
        })?;
        for (name, item) in table.iter() {
            let account = read_one(path, name, item).map_err(|mut mistake| {
                mistake.hint.get_or_insert_with(|| {
                    format!("fix the file, or replace the account: smtp-connector accounts add {name:?} --replace ...")
                });
                explain(path, text, mistake)
            });
            accounts.insert(name.to_owned(), account.map(Arc::new));
        }
    }
    for (key, item) in document.as_table() {
        if key != "accounts" && !(key == super::DEFAULT && item.is_str()) {
            let message = "there is no such key; write each account as a table [accounts.NAME]";
            let error = explain(path, text, mistake(item, key, message)).with_hint(format!(
                "if it is an account, write [accounts.{key}]; if not, remove it"
            ));
            // An account may have the same name.
            let name = if accounts.contains_key(key) { format!("[{key}]") } else { key.to_owned() };
            accounts.insert(name, Err(error));
        }
    }
    Ok(accounts)
}

fn read_one(path: &Path, name: &str, item: &Item) -> std::result::Result<Account, Mistake> {
    let directory = path.parent().unwrap_or(Path::new(""));
    match item.as_table_like() {
        Some(table) => read_account(name, table, item.span(), directory),
        None => Err(mistake(
            item,
            &format!("accounts.{name}"),
            "an account must be a table, such as [accounts.work]",
        )),
    }
}

fn mistake(item: &Item, key: &str, message: &str) -> Mistake {
    Mistake { span: item.span(), key: key.to_owned(), message: message.to_owned(), hint: None }
}

fn explain(path: &Path, text: &str, mistake: Mistake) -> Error {
    let line = mistake.span.as_ref().and_then(|span| text.get(..span.start));
    let place =
        line.map_or(String::new(), |before| format!(", line {}", before.matches('\n').count() + 1));
    let key = if mistake.key.is_empty() { String::new() } else { format!(" {}:", mistake.key) };
    let hint = mistake.hint.unwrap_or_else(|| "fix the accounts file".to_owned());
    Error::account(format!("{}{place}:{key} {}", path.display(), mistake.message)).with_hint(hint)
}

/// Reports whether the file itself contains a secret, even in an account with a mistake.
pub(super) fn holds_secret(document: &Table) -> bool {
    let accounts = document.get("accounts").and_then(Item::as_table_like);
    // The user may have forgotten to write `accounts.` before an account's name.
    let misplaced = document.iter().filter_map(|(_, item)| item.as_table_like());
    let mut tables = accounts
        .into_iter()
        .flat_map(|table| table.iter().filter_map(|(_, item)| item.as_table_like()))
        .chain(misplaced);
    tables.any(has_secret)
}

fn has_secret(account: &dyn TableLike) -> bool {
    let is_text = |table: &dyn TableLike, key| table.get(key).is_some_and(Item::is_str);
    let oauth2 = account.get("oauth2").and_then(Item::as_table_like);
    is_text(account, "password")
        || account.get("proxy").is_some_and(has_password)
        || oauth2.is_some_and(|table| {
            ["clientSecret", "refreshToken", "accessToken"].iter().any(|key| is_text(table, key))
        })
}
