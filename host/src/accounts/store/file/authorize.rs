//! Stores a user's consent: the refresh token in a file beside the accounts file or in the keyring, and the login in the
//! account.

use std::path::Path;

use toml_edit::{DocumentMut, Item, TableLike, value};

use super::merge::{merge, replace};
use super::secret_place::{SecretPlace, TokenPlace, token_entry, unwritten};
use super::{AccountsFile, accounts_of, entries, put_table, storage, with_line_ends_of};
use crate::accounts::store::oauth2_settings::oauth2_item;
use crate::accounts::store::table::table_of;
use crate::accounts::{Account, AccountName, ConsentPreset};
use crate::error::{Error, Result};
use smtp_connector_smtp::consent::Grant;
use smtp_connector_smtp::secret::{SecretSource, TokenFile};
use smtp_connector_smtp::settings::{Auth, AuthSecret, ConsentUrls, OAuth2, TokenSource, TokenUrl};

impl AccountsFile {
    /// Returns where an account's refresh token is, or will be: a file beside the accounts file, or a keyring entry.
    ///
    /// # Errors
    ///
    /// Returns an error if something else is there, or if the keyring cannot be used.
    pub fn refresh_token_source(&self, name: &str, place: TokenPlace) -> Result<SecretSource> {
        Ok(match self.place(name, place)? {
            SecretPlace::File(file) => SecretSource::File(file.path().to_owned()),
            place => place.source(),
        })
    }

    /// Stores a consent for an existing account. The refresh token goes to a file of mode 0600 or to the keyring, and the
    /// account logs in with it from now on. Its password is removed. The rest of the file is kept, with comments. With
    /// `username`, the account's username is replaced.
    ///
    /// Either everything is stored, or nothing is changed.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`put`](Self::put), and an error if the account does not exist or has a mistake.
    pub fn authorize(
        &self,
        name: &str,
        username: Option<&str>,
        place: TokenPlace,
        grant: &Grant,
    ) -> Result<()> {
        self.store(name, place, grant, |document, login| {
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
    pub fn add_authorized(
        &self,
        account: &Account,
        place: TokenPlace,
        grant: &Grant,
    ) -> Result<()> {
        let name = account.name();
        self.store(name, place, grant, |document, login| {
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
    pub fn put_authorized(
        &self,
        account: &Account,
        place: TokenPlace,
        grant: &Grant,
    ) -> Result<()> {
        self.store(account.name(), place, grant, |document, login| {
            let mut table = table_of(account);
            log_in_with(&mut table, login, self.folder());
            put_table(accounts_of(document, &self.path)?, account.name(), table, self.folder());
            Ok(())
        })
    }

    fn store(
        &self,
        name: &str,
        place: TokenPlace,
        grant: &Grant,
        change: impl FnOnce(&mut DocumentMut, Item) -> Result<()>,
    ) -> Result<()> {
        let _lock = self.lock(storage::PATIENCE)?;
        let place = self.place(name, place)?;
        let text = self.read()?;
        let earlier = self.all()?.remove(name).and_then(Result::ok);
        let mut document = entries::parse(&self.path, &text)?.into_mut();
        let login = without_known_urls(grant.login(place.source()));
        change(&mut document, oauth2_item(&login))?;
        let new = document.to_string();
        // Nothing is written unless the account can be used afterwards.
        let mut accounts = entries::read_all(&self.path, &new, &entries::parse(&self.path, &new)?)?;
        let account = accounts.remove(name).unwrap_or_else(|| Err(Error::no_such_account(name)))?;
        let before = place.read()?;
        place.write(&grant.refresh_token)?;
        let is_secret = entries::holds_secret(&document);
        self.write(&with_line_ends_of(&text, new), is_secret).inspect_err(|_| {
            // The account still has its previous login, which may be the previous token.
            let _ = place.restore(before.as_ref());
        })?;
        self.forget(name, earlier.as_deref(), Some(&account))
    }

    /// Returns the place for an account's refresh token, unless something else is there.
    fn place(&self, name: &str, place: TokenPlace) -> Result<SecretPlace> {
        Ok(match place {
            TokenPlace::File => SecretPlace::File(self.token_file(name)?),
            TokenPlace::Keyring => {
                let entry = token_entry(name.parse::<AccountName>()?.as_str());
                self.check_entry(&entry, name)?;
                SecretPlace::Keyring(entry)
            }
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

    pub(super) fn token_path(&self, name: &AccountName) -> TokenFile {
        TokenFile::new(self.folder().join(format!("{}.refresh-token", name.as_str())))
    }

    pub(super) fn token_file(&self, name: &str) -> Result<TokenFile> {
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
