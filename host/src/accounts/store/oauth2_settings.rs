//! Reads and writes the table `oauth2` of an account in a settings file.

use std::path::Path;

use toml_edit::{InlineTable, Item, value};

use super::secret_setting::{read_secret, secret_item};
use super::settings_table::{Mistake, Table};
use smtp_connector_smtp::InvalidSetting;
use smtp_connector_smtp::settings::{ConsentUrls, OAuth2, TokenSource, TokenUrl};

const KEYS: &[&str] = &[
    "grant",
    "tokenUrl",
    "clientId",
    "clientSecret",
    "refreshToken",
    "accessToken",
    "scope",
    "issuer",
    "authorizationUrl",
    "deviceUrl",
];

/// Reads the table, if there is one.
pub(super) fn read_oauth2(table: &Table<'_>, directory: &Path) -> Result<Option<OAuth2>, Mistake> {
    let Some(inner) = table.inner("oauth2", KEYS)? else { return Ok(None) };
    let grants: Vec<_> = OAuth2::GRANTS.iter().map(|name| (*name, *name)).collect();
    let grant = inner.choice("grant", &grants)?.ok_or_else(|| {
        inner.mistake("grant", format!("must be one of {}", OAuth2::GRANTS.join(", ")))
    })?;
    let needed: &[&str] = match grant {
        "token" => &["accessToken"],
        "refresh-token" => &["tokenUrl", "clientId", "refreshToken"],
        _ => &["tokenUrl", "clientId", "clientSecret"],
    };
    let allowed: &[&str] = match grant {
        "token" => &["grant"],
        "refresh-token" => {
            &["grant", "clientSecret", "scope", "issuer", "authorizationUrl", "deviceUrl"]
        }
        _ => &["grant", "scope"],
    };
    for key in KEYS {
        let given = inner.item(key).is_some();
        if !given && needed.contains(key) {
            return Err(inner.mistake(key, format!("grant = {grant:?} requires this key")));
        }
        if given && !needed.contains(key) && !allowed.contains(key) {
            return Err(inner.mistake(key, format!("grant = {grant:?} does not use this key")));
        }
    }
    let secret = |key| read_secret(&inner, key, directory);
    let (Some(url), Some(client_id)) = (inner.text("tokenUrl")?, inner.text("clientId")?) else {
        return Ok(secret("accessToken")?.map(OAuth2::token));
    };
    let url = url.parse().map_err(|error: InvalidSetting| {
        inner.mistake("tokenUrl", error.to_string().trim_start_matches("tokenUrl: ").to_owned())
    })?;
    let oauth2 = match (secret("refreshToken")?, secret("clientSecret")?) {
        (Some(refresh), Some(secret)) => {
            OAuth2::refresh_token(url, client_id, refresh).client_secret(secret)
        }
        (Some(refresh), None) => OAuth2::refresh_token(url, client_id, refresh),
        (None, Some(secret)) => OAuth2::client_credentials(url, client_id, secret),
        (None, None) => return Ok(None),
    };
    let oauth2 = oauth2.consent(read_consent(&inner)?);
    Ok(Some(match inner.text("scope")? {
        Some(scope) => oauth2.scope(scope),
        None => oauth2,
    }))
}

/// Reads the URLs at which the user gives consent again.
fn read_consent(table: &Table<'_>) -> Result<ConsentUrls, Mistake> {
    let url = |key, example: &str| -> Result<Option<TokenUrl>, Mistake> {
        let Some(text) = table.text(key)? else { return Ok(None) };
        let url = text.parse();
        url.map(Some).map_err(|_: InvalidSetting| {
            table.mistake(key, format!("not a valid URL; use https, as in {example}"))
        })
    };
    Ok(ConsentUrls::default()
        .issuer(url("issuer", "https://login.example.com")?)
        .authorization(url("authorizationUrl", "https://login.example.com/authorize")?)
        .device(url("deviceUrl", "https://login.example.com/device")?))
}

/// Returns the table for a settings file.
pub(super) fn oauth2_item(oauth2: &OAuth2) -> Item {
    let mut inner = InlineTable::new();
    let mut set = |key: &str, item: Item| {
        if let Ok(item) = item.into_value() {
            inner.insert(key, item);
        }
    };
    set("grant", value(oauth2.grant()));
    match &oauth2.source {
        TokenSource::Given(token) => set("accessToken", secret_item(token)),
        TokenSource::Endpoint(request) => {
            set("tokenUrl", value(request.url.as_str()));
            set("clientId", value(&request.client_id));
            if let Some(secret) = &request.client_secret {
                set("clientSecret", secret_item(secret));
            }
            if let Some(token) = &request.refresh_token {
                set("refreshToken", secret_item(token));
            }
            if let Some(scope) = &request.scope {
                set("scope", value(scope));
            }
        }
    }
    let ConsentUrls { issuer, authorization, device, .. } = &*oauth2.consent;
    for (key, url) in
        [("issuer", issuer), ("authorizationUrl", authorization), ("deviceUrl", device)]
    {
        if let Some(url) = url {
            set(key, value(url.as_str()));
        }
    }
    value(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Account, AccountsFile};
    use smtp_connector_smtp::secret::{Secret, SecretSource};
    use smtp_connector_smtp::settings::AuthSecret;

    #[test]
    fn an_account_by_oauth_2_reads_back_as_it_was_put() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let accounts = AccountsFile::new(directory.path().join("accounts.toml"));
        let url = || "https://login.example.com/token".parse().expect("an address");
        for oauth2 in [
            OAuth2::token(SecretSource::Env("TOKEN".into())),
            OAuth2::refresh_token(url(), "id", Secret::new("refr3sh")).scope("a b"),
            OAuth2::refresh_token(url(), "id", Secret::new("refr3sh"))
                .client_secret(SecretSource::Env("CLIENT".into())),
            OAuth2::client_credentials(url(), "id", Secret::new("s3cr3t")),
            OAuth2::refresh_token(url(), "id", Secret::new("refr3sh"))
                .consent(ConsentUrls::default().issuer(url())),
            OAuth2::refresh_token(url(), "id", Secret::new("refr3sh"))
                .consent(ConsentUrls::default().authorization(url()).device(url())),
        ] {
            let account = Account::builder("work", "mail.example").oauth2("user", oauth2.clone());
            let account = account.build().expect("the account is right");
            accounts.put(&account).expect("it is written");
            let read = accounts.get("work").expect("it is there");
            let secret = read.credentials().map(|one| one.secret.clone());
            assert_eq!(secret, Some(AuthSecret::OAuth2(oauth2)));
        }
    }

    #[test]
    fn a_url_of_consent_that_is_not_one_is_a_mistake() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("accounts.toml");
        for (grant, key) in [
            ("refresh-token", "issuer = \"login.example.com\""),
            ("refresh-token", "authorizationUrl = \"http://login.example.com/\""),
            ("refresh-token", "deviceUrl = \"file:///x\""),
            // The client asks for its own token, so there is no user who consents.
            ("client-credentials", "issuer = \"https://login.example.com\""),
        ] {
            let token = match grant {
                "refresh-token" => "refreshToken",
                _ => "clientSecret",
            };
            let text = format!(
                "[accounts.work]\nhost = \"mail.example\"\nusername = \"u\"\n[accounts.work.oauth2]\n\
                 grant = \"{grant}\"\ntokenUrl = \"https://login.example.com/token\"\nclientId = \"id\"\n\
                 {token} = {{ env = \"T\" }}\n{key}\n"
            );
            std::fs::write(&path, text).expect("it is written");
            let error = AccountsFile::new(&path).get("work").expect_err(key).to_string();
            let name = key.split(' ').next().expect("a key");
            assert!(error.contains(&format!("line 9: accounts.work.oauth2.{name}")), "{error}");
        }
    }
}
