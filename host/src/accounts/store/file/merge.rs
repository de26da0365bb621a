//! Changes an account's table key by key, so that its comments and the order of its keys stay.

use toml_edit::{Item, Table, TableLike, Value};

/// The tables that users write by hand. A change of the account keeps them.
const KEPT: &[&str] = &["tls", "timeouts", "limits", "policy"];

/// Gives `table` the keys of `new`. Keys with the same value stay untouched, and others are removed.
pub(super) fn merge(table: &mut dyn TableLike, new: Table) {
    let keys: Vec<_> = table.iter().map(|(key, _)| key.to_owned()).collect();
    for key in keys {
        if !new.contains_key(&key) && !KEPT.contains(&key.as_str()) {
            table.remove(&key);
        }
    }
    for (key, item) in new {
        match table.get_mut(&key) {
            Some(before) if is_same(before, &item) => {}
            Some(before) => replace(before, item),
            None => {
                table.insert(&key, item);
            }
        }
    }
}

fn is_same(one: &Item, other: &Item) -> bool {
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
