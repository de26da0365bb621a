//! Reads a table of a settings file key by key, so that each mistake has a line and a key.
//!
//! serde is not used, because its errors repeat the value, which may be a password in the wrong place.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use toml_edit::{Item, TableLike, Value};

/// A mistake in a settings file. It never repeats a value, which may be a password in the wrong place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The place in the file, in bytes, if it is known.
    pub(super) span: Option<Range<usize>>,
    /// The key, such as `accounts.work.port`. It is empty for a mistake in the whole file.
    pub(super) key: String,
    /// The mistake, and the expected value.
    pub(super) message: String,
    /// The hint, if there is more to do than to fix the key.
    pub(super) hint: Option<String>,
}

type Result<T> = std::result::Result<T, Mistake>;

/// A table, and its place in the file.
pub(super) struct Table<'t> {
    table: &'t dyn TableLike,
    path: String,
    span: Option<Range<usize>>,
}

impl<'t> Table<'t> {
    pub(super) fn of_account(
        name: &str,
        table: &'t dyn TableLike,
        span: Option<Range<usize>>,
    ) -> Self {
        Self { table, path: format!("accounts.{name}"), span }
    }

    /// Rejects unknown keys, and suggests a known key or lists all of them.
    pub(super) fn check_keys(&self, known: &[&str]) -> Result<()> {
        for (key, _) in self.table.iter() {
            if !known.contains(&key) {
                let fold = |name: &str| name.to_ascii_lowercase().replace(['_', '-'], "");
                let near = known.iter().find(|name| fold(name) == fold(key));
                return Err(self.mistake(
                    key,
                    match near {
                        Some(near) => format!("there is no such key; did you mean {near}?"),
                        None => {
                            format!("there is no such key; the known keys are {}", known.join(", "))
                        }
                    },
                ));
            }
        }
        Ok(())
    }

    pub(super) fn inner(&self, key: &str, known: &[&str]) -> Result<Option<Table<'t>>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        let Some(table) = item.as_table_like() else {
            return Err(self.mistake(key, format!("must be a table with {}", known.join(", "))));
        };
        let inner = Table { table, path: format!("{}.{key}", self.path), span: item.span() };
        inner.check_keys(known)?;
        Ok(Some(inner))
    }

    /// Returns the tables of an array of tables.
    pub(super) fn tables(&self, key: &str, known: &[&str]) -> Result<Vec<Table<'t>>> {
        let Some(item) = self.table.get(key) else { return Ok(Vec::new()) };
        let tables: Option<Vec<(&dyn TableLike, _)>> = match item {
            Item::ArrayOfTables(tables) => {
                Some(tables.iter().map(|table| (table as _, table.span())).collect())
            }
            item => item.as_array().and_then(|values| {
                let table = |value: &'t Value| Some((value.as_inline_table()? as _, value.span()));
                values.iter().map(table).collect()
            }),
        };
        let wanted = || format!("must be an array of tables with {}", known.join(", "));
        let tables = tables.ok_or_else(|| self.mistake(key, wanted()))?;
        let path = format!("{}.{key}", self.path);
        let tables =
            tables.into_iter().map(|(table, span)| Table { table, path: path.clone(), span });
        tables.map(|table| table.check_keys(known).map(|()| table)).collect()
    }

    /// Reads a number that must be there.
    pub(super) fn required(&self, key: &str, least: f64, most: f64) -> Result<f64> {
        let number = self.number(key, least, most)?;
        number.ok_or_else(|| self.mistake(key, format!("missing: a number from {least} to {most}")))
    }

    pub(super) fn item(&self, key: &str) -> Option<&Item> {
        self.table.get(key)
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        match item.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(self.mistake(key, "must be text in quotes")),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        let flag = item.as_bool().ok_or_else(|| self.mistake(key, "must be true or false"));
        flag.map(Some)
    }

    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        let texts = item.as_array().and_then(|array| {
            array.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        match texts {
            Some(texts) => Ok(Some(texts)),
            None => {
                Err(self.mistake(key, "must be an array of strings, such as [\"one\", \"two\"]"))
            }
        }
    }

    pub(super) fn parse<T: FromStr<Err: Display>>(&self, key: &str, text: &str) -> Result<T> {
        text.parse().map_err(|error: T::Err| self.mistake(key, error.to_string()))
    }

    pub(super) fn parse_all<T: FromStr<Err: Display>>(&self, key: &str) -> Result<Vec<T>> {
        let texts = self.texts(key)?.unwrap_or_default();
        texts.iter().map(|text| self.parse(key, text)).collect()
    }

    pub(super) fn number(&self, key: &str, least: f64, most: f64) -> Result<Option<f64>> {
        let number = self.number_or_fraction(key, least, most)?;
        match number {
            Some(number) if number.fract() != 0.0 => {
                Err(self.mistake(key, format!("must be a whole number from {least} to {most}")))
            }
            number => Ok(number),
        }
    }

    pub(super) fn number_or_fraction(
        &self,
        key: &str,
        least: f64,
        most: f64,
    ) -> Result<Option<f64>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        // An integer that loses precision here is out of range anyway.
        let number = item.as_float().or_else(|| item.as_integer().map(|number| number as f64));
        match number {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(self.mistake(key, format!("must be a number from {least} to {most}"))),
        }
    }

    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Result<Option<T>> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
            return Ok(Some(*choice));
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        // Other words are not repeated, because they may be a password in the wrong place.
        let text = text.to_ascii_lowercase();
        let known = |name: &str| choices.iter().any(|(known, _)| *known == name);
        let why = match OTHER_WORDS.iter().find(|(word, name)| *word == text && known(name)) {
            Some((word, name)) => {
                format!("wrong value: {word:?} is called {name:?} here")
            }
            None if known(&text) => format!("wrong value: write {text:?}"),
            None => "wrong value".to_owned(),
        };
        Err(self.mistake(key, format!("{why}; the values are {names}")))
    }

    pub(super) fn mistake(&self, key: &str, message: impl Into<String>) -> Mistake {
        let span = self.table.get(key).and_then(Item::span).or_else(|| self.span.clone());
        let key = format!("{}.{key}", self.path);
        Mistake { span, key, message: message.into(), hint: None }
    }

    /// Returns a mistake that concerns the whole table.
    pub(super) fn whole(&self, error: &crate::Error) -> Mistake {
        let hint = error.hint().map(str::to_owned);
        Mistake {
            span: self.span.clone(),
            key: self.path.clone(),
            message: error.to_string(),
            hint,
        }
    }
}

/// The names that other programs use for our values, and our names.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("ssl", "tls"),
    ("ssl/tls", "tls"),
    ("smtps", "tls"),
    ("implicit", "tls"),
    ("start_tls", "starttls"),
    ("explicit", "starttls"),
    ("opportunistic", "starttls-optional"),
    ("plaintext", "none"),
];
