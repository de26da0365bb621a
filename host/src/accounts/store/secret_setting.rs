//! Reads and writes a secret in a settings file: text, or the place where it is stored.

use std::path::{Path, PathBuf};

use smtp_connector_smtp::secret::{Secret, SecretSource};
use toml_edit::{Array, InlineTable, Item, value};

use super::settings_table::{Mistake, Table};
use crate::accounts::in_home;

/// Reads a secret, or the place where it is stored.
pub(super) fn read_secret(
    table: &Table<'_>,
    key: &str,
    directory: &Path,
) -> Result<Option<SecretSource>, Mistake> {
    let Some(item) = table.item(key) else { return Ok(None) };
    let shape = "write it as { env = \"VARIABLE\" }, { file = \"path\" }, { command = [\"program\", \"argument\"] }, \
                 { keyring = \"name\" } or as text";
    if let Some(text) = item.as_str() {
        if text.is_empty() {
            return Err(table.mistake(key, "it is empty"));
        }
        return Ok(Some(Secret::new(text).into()));
    }
    if !item.is_table_like() {
        return Err(table.mistake(key, shape));
    }
    let Some(inner) = table.inner(key, &["env", "file", "command", "keyring"])? else {
        return Ok(None);
    };
    let sources = [
        inner.text("env")?.map(SecretSource::Env),
        inner.text("file")?.map(|path| SecretSource::File(file_beside(directory, &path))),
        inner.texts("command")?.map(SecretSource::Command),
        inner.text("keyring")?.map(SecretSource::Keyring),
    ];
    let mut sources = sources.into_iter().flatten();
    match (sources.next(), sources.next()) {
        (Some(SecretSource::Keyring(name)), None) if name.is_empty() => {
            Err(inner.mistake("keyring", "it is empty; give the name of the keyring entry"))
        }
        (Some(source), None) => Ok(Some(source)),
        _ => Err(table.mistake(key, shape)),
    }
}

/// Returns a secret for a settings file.
pub(super) fn secret_item(source: &SecretSource) -> Item {
    let mut inner = InlineTable::new();
    match source {
        SecretSource::Text(secret) => return value(secret.expose()),
        SecretSource::Env(name) => inner.insert("env", name.into()),
        SecretSource::File(path) => inner.insert("file", path.display().to_string().into()),
        SecretSource::Command(words) => inner.insert("command", Array::from_iter(words).into()),
        SecretSource::Keyring(name) => inner.insert("keyring", name.into()),
    };
    value(inner)
}

/// Resolves a path in a settings file: from the file's folder, or from the user's home if it starts with `~/`.
pub(super) fn file_beside(directory: &Path, path: &str) -> PathBuf {
    let path = in_home(Path::new(path));
    directory.join(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Account, AccountsFile};
    use smtp_connector_smtp::settings::AuthSecret;

    #[test]
    fn a_secret_reads_back_as_it_was_put() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let accounts = AccountsFile::new(directory.path().join("accounts.toml"));
        for source in [
            SecretSource::Env("MAIL_PASSWORD".into()),
            SecretSource::File(directory.path().join("password")),
            SecretSource::Command(vec!["pass".into(), "show".into(), "mail".into()]),
            SecretSource::Keyring("my mail".into()),
            Secret::new("s3cr3t").into(),
        ] {
            let account = Account::builder("work", "mail.example");
            let account = account.credentials("user", source.clone()).build().expect("right");
            accounts.put(&account).expect("it is written");
            let read = accounts.get("work").expect("it is there");
            let secret = read.credentials().map(|one| one.secret.clone());
            assert_eq!(secret, Some(AuthSecret::Password(source)));
        }
    }

    #[test]
    fn a_keyring_entry_needs_a_name_and_no_second_source() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("accounts.toml");
        for (source, words) in [
            ("{ keyring = \"\" }", "password.keyring: it is empty"),
            ("{ keyring = 7 }", "password.keyring: must be text"),
            ("{ keyring = \"work\", env = \"X\" }", "{ keyring = \"name\" }"),
            ("{ keychain = \"work\" }", "password.keychain"),
        ] {
            let text =
                format!("[accounts.work]\nhost = \"h\"\nusername = \"u\"\npassword = {source}\n");
            std::fs::write(&path, text).expect("it is written");
            let error = AccountsFile::new(&path).get("work").expect_err(source);
            assert!(error.to_string().contains(words), "{source}: {error}");
        }
    }
}
