//! Accounts in a file, `accounts.toml`: one table each, `[accounts.work]`.

mod entries;
mod storage;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml_edit::{DocumentMut, Item, Table};

use crate::accounts::Account;
use crate::accounts::Accounts;
use crate::accounts::store::table::table_of;
use crate::error::{Error, Result};
use smtp_connector_smtp::BoxFuture;
use smtp_connector_smtp::private_files;

/// The accounts of a file. It is read when it is asked, so that a change is seen at once.
///
/// The file decides which servers get passwords, and which programs are run for them. On Unix, it and its folder must
/// belong to this user or to root, and other users must not be able to write to them. If it has a password in it, they
/// must not be able to read it either. Otherwise it is not used.
///
/// A change is made under a lock (`.accounts.toml.lock`, beside the file), so that programs that change the file at the
/// same time lose nothing. It blocks its thread until the lock is free, for 10 seconds at most. If the path is a link, the file that it leads to is changed.
#[derive(Clone, Debug)]
pub struct AccountsFile {
    path: PathBuf,
}

impl AccountsFile {
    /// The accounts in the file at `path`, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every account by its name. One with a mistake is an error, which says in which line and at which key it is; the
    /// others can be used all the same.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or that is not TOML.
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

    /// One account.
    ///
    /// # Errors
    ///
    /// Those of [`all`](Self::all), a mistake in this account, and a name that no account has.
    pub fn get(&self, name: &str) -> Result<Arc<Account>> {
        let mut accounts = self.all()?;
        match accounts.remove(name) {
            Some(account) => account,
            None => Err(unknown(name, accounts.keys())),
        }
    }

    /// Writes an account to the file, in the place of one of the same name; what else stands there stays.
    /// So do the tables of that account, `tls`, `timeouts`, `limits` and `policy`: people write those.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or written, or that another program is changing for longer than 10 seconds.
    pub fn put(&self, account: &Account) -> Result<()> {
        self.change(|document| {
            let accounts = accounts_of(document, &self.path)?;
            let mut table = table_of(account);
            if let Some(before) = accounts.get_mut(account.name()).and_then(Item::as_table_like_mut)
            {
                for name in ["tls", "timeouts", "limits", "policy"] {
                    table.extend(before.remove(name).map(|inner| (name, inner)));
                }
            }
            accounts.insert(account.name(), Item::Table(table));
            Ok(())
        })
    }

    /// Writes a new account to the file.
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put), and a name that an account has already.
    pub fn add(&self, account: &Account) -> Result<()> {
        self.change(|document| {
            let accounts = accounts_of(document, &self.path)?;
            let name = account.name();
            if accounts.contains_key(name) {
                return Err(Error::account(format!("there is an account {name:?} already"))
                    .with_hint("choose another name, or replace the account"));
            }
            accounts.insert(name, Item::Table(table_of(account)));
            Ok(())
        })
    }

    /// Takes an account out of the file, also one with a mistake in it.
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put), and a name that no account has.
    pub fn remove(&self, name: &str) -> Result<()> {
        // For the error that names the others; and what is not there needs no lock.
        let accounts = self.all()?;
        if !accounts.contains_key(name) {
            return Err(unknown(name, accounts.keys()));
        }
        self.change(|document| {
            accounts_of(document, &self.path)?.remove(name);
            Ok(())
        })
    }

    /// Reads, changes and writes the file while no other program does.
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
        // A small local file: quicker read than handed to another thread.
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

fn accounts_of<'d>(
    document: &'d mut DocumentMut,
    path: &Path,
) -> Result<&'d mut dyn toml_edit::TableLike> {
    let accounts = document.entry("accounts").or_insert_with(implicit_table);
    accounts.as_table_like_mut().ok_or_else(|| {
        Error::account(format!("{}: accounts is not a table", path.display()))
            .with_hint("write each account as a table: [accounts.NAME]")
    })
}

fn implicit_table() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

/// The new text with the line ends of the old one: the parser writes `\n` alone.
fn with_line_ends_of(old: &str, new: String) -> String {
    if !old.contains("\r\n") {
        return new;
    }
    new.replace("\r\n", "\n").replace('\n', "\r\n")
}
