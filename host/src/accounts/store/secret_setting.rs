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
    let shape = "write it as { env = \"VARIABLE\" }, { file = \"path\" }, { command = [\"program\", \"argument\"] } \
                 or as text";
    if let Some(text) = item.as_str() {
        if text.is_empty() {
            return Err(table.mistake(key, "it is empty"));
        }
        return Ok(Some(Secret::new(text).into()));
    }
    if !item.is_table_like() {
        return Err(table.mistake(key, shape));
    }
    let Some(inner) = table.inner(key, &["env", "file", "command"])? else { return Ok(None) };
    let sources = [
        inner.text("env")?.map(SecretSource::Env),
        inner.text("file")?.map(|path| SecretSource::File(file_beside(directory, &path))),
        inner.texts("command")?.map(SecretSource::Command),
    ];
    let mut sources = sources.into_iter().flatten();
    match (sources.next(), sources.next()) {
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
    };
    value(inner)
}

/// Resolves a path in a settings file: from the file's folder, or from the user's home if it starts with `~/`.
pub(super) fn file_beside(directory: &Path, path: &str) -> PathBuf {
    let path = in_home(Path::new(path));
    directory.join(path)
}
