//! Accounts in a file, `accounts.toml`. Each account is a table, such as `[accounts.work]`.

mod authorize;
mod entries;
mod merge;
mod secret_place;
mod storage;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml_edit::{DocumentMut, Item, Table, TableLike};

pub use self::secret_place::TokenPlace;

use self::merge::merge;
use crate::accounts::Account;
use crate::accounts::AccountName;
use crate::accounts::Accounts;
use crate::accounts::store::table::table_of;
use crate::error::{Error, Result};
use smtp_connector_smtp::BoxFuture;
use smtp_connector_smtp::private_files;

/// The accounts of a file. The file is read for each request, so that a change takes effect at once.
///
/// The file decides which servers receive passwords, and which programs are run to get them. On Unix, the file and its
/// folder must belong to this user or to root, and other users must not be able to write to them. If the file contains
/// a password, other users must not be able to read it either. Otherwise the file is not used.
///
/// Each change takes a lock (`.accounts.toml.lock`, beside the file), so that programs can change the file at the same
/// time without losing changes. A change blocks its thread until the lock is free, for at most 10 seconds. If the path
/// is a link, its target is changed.
#[derive(Clone, Debug)]
pub struct AccountsFile {
    path: PathBuf,
}

impl AccountsFile {
    /// Uses the file at `path`. The file does not need to exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns every account by its name. An account with a mistake is an error that gives the line and the key. The
    /// other accounts still work.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or is not TOML.
    pub fn all(&self) -> Result<BTreeMap<String, Result<Arc<Account>>>> {
        let text = self.read()?;
        let document = entries::parse(&self.path, &text)?;
        if entries::holds_secret(&document)
            && let Ok(found) = std::fs::metadata(&self.path)
        {
            private_files::check_secret(&self.path, &found)?;
        }
        entries::read_all(&self.path, &text, &document)
    }

    /// Returns one account.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`all`](Self::all), and an error if the account has a mistake or does not exist.
    pub fn get(&self, name: &str) -> Result<Arc<Account>> {
        let mut accounts = self.all()?;
        match accounts.remove(name) {
            Some(account) => account,
            None => Err(unknown(name, accounts.keys())),
        }
    }

    /// Writes an account to the file, and replaces an account of the same name.
    ///
    /// Comments and the order of keys are kept, and so are the replaced account's tables `tls`, `timeouts`, `limits` and
    /// `policy`, because users write them by hand. A relative path to a secret's file stays relative. A refresh token that
    /// [`authorize`](Self::authorize) stored is removed, unless the new account uses it, and so is a keyring entry with the
    /// account's name, unless an account uses it.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or written, or if another program holds its lock for more than 10
    /// seconds.
    pub fn put(&self, account: &Account) -> Result<()> {
        // A file that cannot be used is reported by the change.
        let before = self.all().ok().and_then(|mut all| all.remove(account.name())?.ok());
        self.change(|document| {
            put_table(
                accounts_of(document, &self.path)?,
                account.name(),
                table_of(account),
                self.folder(),
            );
            Ok(())
        })?;
        self.forget(account.name(), before.as_deref(), Some(account))
    }

    /// Renames an account, and its refresh token's file if [`authorize`](Self::authorize) wrote it. A keyring entry with
    /// the account's name gets the new name, if no other account uses it. If the account is the default account, it stays
    /// so.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`put`](Self::put), and an error if there is no account `from`, if there is an account `to`
    /// already, or if `to` is not a valid name.
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        let to: AccountName = to.parse()?;
        let known = self.all()?;
        let Some(account) = known.get(from) else { return Err(unknown(from, known.keys())) };
        if known.contains_key(to.as_str()) {
            return Err(exists_already(to.as_str()));
        }
        let moved = match account {
            Ok(account) => self.copy_secret(account, to.as_str())?,
            // An account with a mistake keeps its settings as they are.
            Err(_) => None,
        };
        let changed = self.change(|document| {
            let is_default = default_of(document) == Some(from);
            let accounts = accounts_of(document, &self.path)?;
            if accounts.contains_key(to.as_str()) {
                return Err(exists_already(to.as_str()));
            }
            // A table keeps its place in the file: `toml_edit` remembers it.
            if let Some(mut account) = accounts.remove(from) {
                if let Some(moved) = &moved {
                    moved.set_in(&mut account);
                }
                accounts.insert(to.as_str(), account);
            }
            if is_default {
                set_default_of(document, Some(to.as_str()));
            }
            Ok(())
        });
        match moved {
            Some(moved) => moved.end(from, changed),
            None => changed,
        }
    }

    /// Returns the name of the default account, if the file sets one.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or is not TOML.
    pub fn default_name(&self) -> Result<Option<String>> {
        let document = entries::parse(&self.path, &self.read()?)?;
        Ok(default_of(&document).map(str::to_owned))
    }

    /// Makes an account the default.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`put`](Self::put), and an error if there is no such account.
    pub fn set_default(&self, name: &str) -> Result<()> {
        let known = self.all()?;
        if !known.contains_key(name) {
            return Err(unknown(name, known.keys()));
        }
        self.change(|document| {
            set_default_of(document, Some(name));
            Ok(())
        })
    }

    /// Adds a new account to the file.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`put`](Self::put), and an error if an account of this name already exists.
    pub fn add(&self, account: &Account) -> Result<()> {
        self.change(|document| {
            let accounts = accounts_of(document, &self.path)?;
            let name = account.name();
            if accounts.contains_key(name) {
                return Err(exists_already(name));
            }
            accounts.insert(name, Item::Table(table_of(account)));
            Ok(())
        })
    }

    /// Removes an account from the file, even if the account has a mistake. Its refresh token is removed too, if
    /// [`authorize`](Self::authorize) stored it, and so is a keyring entry with the account's name, unless another account
    /// uses it.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`put`](Self::put), and an error if the account does not exist or is outside the table
    /// `accounts`. If only the keyring entry cannot be removed, the error says so, and the account is gone.
    pub fn remove(&self, name: &str) -> Result<()> {
        // The error lists the other accounts. It is returned without taking the lock.
        let mut accounts = self.all()?;
        let Some(before) = accounts.remove(name) else {
            return Err(unknown(name, accounts.keys()));
        };
        self.change(|document| {
            if accounts_of(document, &self.path)?.remove(name).is_none() {
                let message = format!(
                    "{}: {name:?} is outside the table accounts, so it is not an account",
                    self.path.display()
                );
                return Err(Error::account(message)
                    .with_hint("remove it in the file, or write it as [accounts.NAME]"));
            }
            if default_of(document) == Some(name) {
                set_default_of(document, None);
            }
            Ok(())
        })?;
        self.forget(name, before.ok().as_deref(), None)
    }

    /// Returns the file's folder, from which relative paths in the file start.
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Reads, changes and writes the file under its lock.
    fn change(&self, change: impl FnOnce(&mut DocumentMut) -> Result<()>) -> Result<()> {
        let _lock = self.lock(storage::PATIENCE)?;
        let text = self.read()?;
        let mut document = entries::parse(&self.path, &text)?.into_mut();
        change(&mut document)?;
        let is_secret = entries::holds_secret(&document);
        self.write(&with_line_ends_of(&text, document.to_string()), is_secret)
    }
}

impl Accounts for AccountsFile {
    fn account<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<Account>>> {
        // The file is small and local: reading it is faster than passing it to another thread.
        Box::pin(async move { self.get(name) })
    }
}

fn unknown<'n>(name: &str, others: impl Iterator<Item = &'n String>) -> Error {
    let others: Vec<_> = others.map(String::as_str).collect();
    let hint = match others.as_slice() {
        [] => {
            format!("add it: smtp-connector accounts add {name:?} --host ... (or --provider ...)")
        }
        others => format!("the accounts are {}", others.join(", ")),
    };
    Error::account(format!("there is no account {name:?}")).with_hint(hint)
}

fn exists_already(name: &str) -> Error {
    Error::account(format!("the account {name:?} already exists"))
        .with_hint("choose another name, or replace the account")
}

fn default_of(document: &Table) -> Option<&str> {
    document.get(DEFAULT).and_then(Item::as_str)
}

fn set_default_of(document: &mut DocumentMut, name: Option<&str>) {
    match name {
        Some(name) => document[DEFAULT] = toml_edit::value(name),
        None => {
            document.remove(DEFAULT);
        }
    }
}

/// The key of the default account's name.
const DEFAULT: &str = "default";

fn accounts_of<'d>(document: &'d mut DocumentMut, path: &Path) -> Result<&'d mut dyn TableLike> {
    let accounts = document.entry("accounts").or_insert_with(implicit_table);
    accounts.as_table_like_mut().ok_or_else(|| {
        Error::account(format!("{}: accounts is not a table", path.display()))
            .with_hint("write each account as a table: [accounts.NAME]")
    })
}

/// Writes an account's table, or gives its keys to the table that is there.
fn put_table(accounts: &mut dyn TableLike, name: &str, table: Table, folder: &Path) {
    match accounts.get_mut(name).and_then(Item::as_table_like_mut) {
        Some(before) => merge(before, &table, folder),
        None => {
            accounts.insert(name, Item::Table(table));
        }
    }
}

fn implicit_table() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

/// Returns the new text with the line ends of the old one, because the parser writes only `\n`.
fn with_line_ends_of(old: &str, new: String) -> String {
    if !old.contains("\r\n") {
        return new;
    }
    new.replace("\r\n", "\n").replace('\n', "\r\n")
}
