//! Changes an account's table key by key, so that its comments and the order of its keys stay.

use std::path::Path;

use toml_edit::{Item, TableLike, Value};

use crate::accounts::store::secret_setting::file_beside;

/// The tables that users write by hand. A change of the account keeps them.
const KEPT: &[&str] = &["tls", "timeouts", "limits", "policy"];

/// Gives `table` the keys of `new`. Keys with the same value stay untouched, and others are removed.
///
/// Relative paths start from `folder`, the folder of the accounts file. A path to the same file stays as it is written.
pub(super) fn merge(table: &mut dyn TableLike, new: &dyn TableLike, folder: &Path) {
    let keys: Vec<_> = table.iter().map(|(key, _)| key.to_owned()).collect();
    for key in keys {
        if !new.contains_key(&key) && !KEPT.contains(&key.as_str()) {
            table.remove(&key);
        }
    }
    for (key, item) in new.iter() {
        match table.get_mut(key) {
            Some(before) if is_same(key, before, item, folder) => {}
            Some(before) => match (before.as_table_like_mut(), item.as_table_like()) {
                (Some(inner), Some(new)) => {
                    merge(inner, new, folder);
                    // Keys that were added or removed leave spaces in the wrong places.
                    if let Some(inline) = before.as_inline_table_mut() {
                        inline.fmt();
                    }
                }
                _ => replace(before, item.clone()),
            },
            None => {
                table.insert(key, item.clone());
            }
        }
    }
}

fn is_same(key: &str, one: &Item, other: &Item, folder: &Path) -> bool {
    if let ("file", Some(one), Some(other)) = (key, one.as_str(), other.as_str()) {
        return file_beside(folder, one) == file_beside(folder, other);
    }
    let bare =
        |item: &Item| item.as_value().map(|value| value.clone().decorated("", "").to_string());
    bare(one).is_some() && bare(one) == bare(other)
}

/// Replaces a value, and keeps the comment on its line.
pub(super) fn replace(before: &mut Item, item: Item) {
    let decor = before.as_value().map(Value::decor).cloned();
    *before = item;
    if let (Some(value), Some(decor)) = (before.as_value_mut(), decor) {
        *value.decor_mut() = decor;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::accounts::AccountsFile;
    use smtp_connector_smtp::private_files;
    use smtp_connector_smtp::secret::SecretSource;

    fn file(text: &str) -> (tempfile::TempDir, AccountsFile) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("accounts.toml");
        private_files::write(&path, text.as_bytes()).expect("the file is written");
        (directory, AccountsFile::new(path))
    }

    #[test]
    fn a_change_keeps_the_paths_of_secrets_as_they_are_written() {
        let (directory, accounts) = file(
            "[accounts.work]\nhost = \"a.example\"\nusername = \"u\"\npassword = { file = \"./own/password\" } # mine\n\
             [accounts.gmail]\nprovider = \"gmail\"\nusername = \"u\"\n\n[accounts.gmail.oauth2]\n\
             grant = \"refresh-token\"\ntokenUrl = \"https://login.example.com/token\"\nclientId = \"id\" # ours\n\
             refreshToken = { file = \"gmail.refresh-token\" }\n",
        );
        for name in ["work", "gmail"] {
            let before = accounts.get(name).expect("it is right");
            let changed = before.to_builder().sender("u@example.com").build().expect("it is right");
            accounts.put(&changed).expect("it is written");
            let after = accounts.get(name).expect("it is right");
            assert_eq!(after.credentials(), before.credentials());
            assert_eq!(after.sender(), Some("u@example.com"));
        }
        let text = fs::read_to_string(accounts.path()).expect("it is there");
        for kept in [
            "password = { file = \"./own/password\" } # mine\n",
            "[accounts.gmail.oauth2]\n",
            "clientId = \"id\" # ours\n",
            "refreshToken = { file = \"gmail.refresh-token\" }\n",
        ] {
            assert!(text.contains(kept), "{text}");
        }
        // Another source takes the place of the path, and another file is written as it is given.
        let other = directory.path().join("other");
        for (source, written) in [
            (SecretSource::Env("P".into()), "password = { env = \"P\" } # mine\n".to_owned()),
            (
                SecretSource::File(other.clone()),
                format!("password = {{ file = \"{}\" }} # mine\n", other.display()),
            ),
        ] {
            let before = accounts.get("work").expect("it is right");
            let changed =
                before.to_builder().credentials("u", source).build().expect("it is right");
            accounts.put(&changed).expect("it is written");
            let text = fs::read_to_string(accounts.path()).expect("it is there");
            assert!(text.contains(&written), "{text}");
        }
    }
}
