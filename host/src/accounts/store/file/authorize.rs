//! Stores a user's consent: the refresh token in a file beside the accounts file, and the login in the account.

use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, TableLike, value};

use super::merge::{merge, replace};
use super::{AccountsFile, accounts_of, entries, put_table, storage, with_line_ends_of};
use crate::accounts::store::oauth2_settings::oauth2_item;
use crate::accounts::store::table::table_of;
use crate::accounts::{Account, AccountName, ConsentPreset};
use crate::error::{Error, Result};
use smtp_connector_smtp::consent::Grant;
use smtp_connector_smtp::secret::{SecretSource, TokenFile};
use smtp_connector_smtp::settings::{Auth, AuthSecret, ConsentUrls, OAuth2, TokenSource, TokenUrl};

impl AccountsFile {
    /// Returns the file for an account's refresh token, beside the accounts file.
    ///
    /// # Errors
    ///
    /// Returns an error if something else is there.
    pub fn refresh_token_file(&self, name: &str) -> Result<PathBuf> {
        Ok(self.token_file(name)?.path().to_owned())
    }

    /// Stores a consent for an existing account. The refresh token goes to a file of mode 0600, and the account logs in
    /// with it from now on. Its password is removed. The rest of the file is kept, with comments. With `username`, the
    /// account's username is replaced.
    ///
    /// Either everything is stored, or nothing is changed.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`put`](Self::put), and an error if the account does not exist or has a mistake.
    pub fn authorize(&self, name: &str, username: Option<&str>, grant: &Grant) -> Result<()> {
        self.store(name, grant, |document, login| {
            let accounts = accounts_of(document, &self.path)?;
            let table = accounts.get_mut(name).and_then(Item::as_table_like_mut);
            let table = table.ok_or_else(|| Error::no_such_account(name))?;
            if let Some(username) = username {
                table.insert("username", value(username));
            }
            log_in_with(table, login, self.folder());
            Ok(())
        })
    }

    /// Stores a consent for a new account, like [`authorize`](Self::authorize). The consent replaces the secret of the
    /// account's login.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`add`](Self::add).
    pub fn add_authorized(&self, account: &Account, grant: &Grant) -> Result<()> {
        let name = account.name();
        self.store(name, grant, |document, login| {
            let accounts = accounts_of(document, &self.path)?;
            if accounts.contains_key(name) {
                return Err(Error::account(format!("the account {name:?} already exists"))
                    .with_hint("another program added it in the meantime; authorize it again"));
            }
            let mut table = table_of(account);
            log_in_with(&mut table, login, self.folder());
            accounts.insert(name, Item::Table(table));
            Ok(())
        })
    }

    /// Stores a consent with an account, which replaces an account of the same name, like [`put`](Self::put). The consent
    /// replaces the secret of the account's login.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`put`](Self::put).
    pub fn put_authorized(&self, account: &Account, grant: &Grant) -> Result<()> {
        self.store(account.name(), grant, |document, login| {
            let mut table = table_of(account);
            log_in_with(&mut table, login, self.folder());
            put_table(accounts_of(document, &self.path)?, account.name(), table, self.folder());
            Ok(())
        })
    }

    fn store(
        &self,
        name: &str,
        grant: &Grant,
        change: impl FnOnce(&mut DocumentMut, Item) -> Result<()>,
    ) -> Result<()> {
        let _lock = self.lock(storage::PATIENCE)?;
        let file = self.token_file(name)?;
        let text = self.read()?;
        let mut document = entries::parse(&self.path, &text)?.into_mut();
        // The path is relative, so that the folder can be moved.
        let beside = file.path().file_name().map(PathBuf::from).unwrap_or_default();
        let login = without_known_urls(grant.login(SecretSource::File(beside)));
        change(&mut document, oauth2_item(&login))?;
        let new = document.to_string();
        // Nothing is written unless the account can be used afterwards.
        let mut accounts = entries::read_all(&self.path, &new, &entries::parse(&self.path, &new)?)?;
        accounts.remove(name).unwrap_or_else(|| Err(Error::no_such_account(name)))?;
        let before = file.token().map_err(|reason| unwritten(&file, reason))?;
        file.write(&grant.refresh_token).map_err(|reason| unwritten(&file, reason))?;
        let is_secret = entries::holds_secret(&document);
        self.write(&with_line_ends_of(&text, new), is_secret).inspect_err(|_| {
            // The account still has its previous login, which may be the previous token.
            let _ = match before {
                Some(before) => file.write(&before),
                None => std::fs::remove_file(file.path()),
            };
        })
    }

    /// Removes the refresh token of an account that is gone, or no longer logs in with it.
    pub(super) fn forget_token(&self, name: &str, account: Option<&Account>) -> Result<()> {
        // The name of an account with a mistake may be a path. Such an account never has a token file.
        let Ok(name) = name.parse::<AccountName>() else { return Ok(()) };
        let file = self.token_path(&name);
        let is_used = account.is_some_and(|account| logs_in_with(account, &file));
        if is_used || !matches!(file.token(), Ok(Some(_))) {
            return Ok(());
        }
        std::fs::remove_file(file.path()).map_err(|reason| unwritten(&file, reason))
    }

    /// Copies an account's refresh token to the file of its new name, if this program wrote the old file.
    pub(super) fn copy_token(&self, account: &Account, to: &str) -> Result<Option<MovedToken>> {
        let old = self.token_path(&account.name);
        if !logs_in_with(account, &old) {
            return Ok(None);
        }
        let token = old.token().map_err(|reason| unwritten(&old, reason))?;
        let Some(token) = token else { return Ok(None) };
        let new = self.token_file(to)?;
        new.write(&token).map_err(|reason| unwritten(&new, reason))?;
        Ok(Some(MovedToken { old, new }))
    }

    fn token_path(&self, name: &AccountName) -> TokenFile {
        TokenFile::new(self.folder().join(format!("{}.refresh-token", name.as_str())))
    }

    fn token_file(&self, name: &str) -> Result<TokenFile> {
        let file = self.token_path(&name.parse()?);
        if file.is_foreign().map_err(|reason| unwritten(&file, reason))? {
            let path = file.path().display();
            let message = format!(
                "{path} is in the way: the refresh token belongs there, and smtp-connector did not write that file"
            );
            return Err(Error::account(message).with_hint("move it to another place"));
        }
        Ok(file)
    }
}

/// Reports whether an account's refresh token is in this file.
fn logs_in_with(account: &Account, file: &TokenFile) -> bool {
    match account.credentials().map(|one| &one.secret) {
        Some(AuthSecret::OAuth2(OAuth2 { source: TokenSource::Endpoint(request), .. })) => {
            matches!(&request.refresh_token, Some(SecretSource::File(path)) if path == file.path())
        }
        _ => false,
    }
}

/// Removes the URLs that are a built-in provider's. If the provider changes them, the account follows.
fn without_known_urls(login: OAuth2) -> OAuth2 {
    let TokenSource::Endpoint(request) = &login.source else { return login };
    let Some(preset) = ConsentPreset::at_token_url(request.url.as_str()) else { return login };
    let ConsentUrls { issuer, authorization, device, .. } = &*login.consent;
    let is_known = |url: &Option<TokenUrl>, known: Option<&str>| {
        url.as_ref().is_none_or(|url| Some(url.as_str()) == known)
    };
    let are_known = issuer.is_none()
        && is_known(authorization, Some(preset.authorization_url))
        && is_known(device, preset.device_url);
    if are_known { login.consent(ConsentUrls::default()) } else { login }
}

/// Makes OAuth 2 the login of an account.
fn log_in_with(account: &mut dyn TableLike, login: Item, folder: &Path) {
    account.remove("password");
    // A mechanism for passwords does not take a token.
    let by_token = [Auth::XOAuth2, Auth::OAuthBearer].map(|auth| auth.to_string());
    if account
        .get("auth")
        .and_then(Item::as_str)
        .is_some_and(|auth| !by_token.iter().any(|one| one == auth))
    {
        account.remove("auth");
    }
    match account.get_mut("oauth2") {
        Some(Item::Table(table)) => {
            if let Some(login) = login.as_table_like() {
                merge(table, login, folder);
            }
        }
        Some(before) => replace(before, login),
        None => {
            account.insert("oauth2", login);
        }
    }
}

/// A refresh token that was copied to the file of its account's new name.
pub(super) struct MovedToken {
    old: TokenFile,
    new: TokenFile,
}

impl MovedToken {
    /// Makes the account read the new file.
    pub(super) fn set_in(&self, account: &mut Item) {
        let oauth2 = account.get_mut("oauth2").and_then(Item::as_table_like_mut);
        let source = oauth2.and_then(|oauth2| oauth2.get_mut("refreshToken"));
        let file =
            source.and_then(Item::as_table_like_mut).and_then(|source| source.get_mut("file"));
        if let (Some(file), Some(name)) = (file, self.new.path().file_name()) {
            replace(file, value(name.to_string_lossy().into_owned()));
        }
    }

    /// Removes the file that is not needed: the old one, or the new one if the account was not renamed.
    pub(super) fn end(self, renamed: Result<()>) -> Result<()> {
        let rest = if renamed.is_ok() { self.old } else { self.new };
        let removed = std::fs::remove_file(rest.path()).map_err(|reason| unwritten(&rest, reason));
        renamed.and(removed)
    }
}

fn unwritten(file: &TokenFile, reason: std::io::Error) -> Error {
    let path = file.path().display();
    Error::account(format!(
        "the refresh token's file {path} cannot be read or written: {}",
        reason.kind()
    ))
    .with_hint("check the owner and the mode of the file and of its folder, and give consent again")
    .with_source(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use smtp_connector_smtp::secret::Secret;

    fn url(text: &str) -> TokenUrl {
        text.parse().expect(text)
    }

    #[test]
    fn the_urls_of_a_built_in_provider_are_not_stored() {
        let tenant = "https://login.microsoftonline.com/tenant/oauth2/v2.0/authorize";
        let google = "https://accounts.google.com/o/oauth2/v2/auth";
        for (token, authorization, is_stored) in [
            ("https://oauth2.googleapis.com/token", google, false),
            ("https://login.microsoftonline.com/common/oauth2/v2.0/token", tenant, true),
            ("https://login.example.com/token", google, true),
        ] {
            let urls = ConsentUrls::default().authorization(url(authorization));
            let login = OAuth2::refresh_token(url(token), "id", Secret::new("t")).consent(urls);
            let stored = without_known_urls(login).consent.authorization.is_some();
            assert_eq!(stored, is_stored, "{token}");
        }
    }
}
