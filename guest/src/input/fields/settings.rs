//! Fields whose value is a small object with known keys.

use super::{fold, nearest};
use crate::input::findings::{Code, Findings, Path};
use crate::input::json::{Value, embedded, warn_of_json};

/// The values of an object by key.
pub struct Settings<'a> {
    values: Vec<(&'static str, Value<'a>)>,
}

impl<'a> Settings<'a> {
    /// Assigns the members of an object to the `known` keys. An unknown key is an issue. Returns `None` if the value is
    /// empty or not an object.
    pub fn read(
        value: Value<'a>,
        known: &[&'static str],
        path: &Path<'_>,
        findings: &mut Findings,
    ) -> Option<Self> {
        Self::read_with_aliases(value, known, &[], path, findings)
    }

    /// Does the same as [`Settings::read`], with aliases: pairs of a folded name and its key.
    pub fn read_with_aliases(
        value: Value<'a>,
        known: &[&'static str],
        aliases: &[(&str, &str)],
        path: &Path<'_>,
        findings: &mut Findings,
    ) -> Option<Self> {
        if value.is_absent() {
            return None;
        }
        let value = match value {
            Value::String(text) => match embedded(&text) {
                Some(inner @ Value::Object(_)) => {
                    warn_of_json(path, findings);
                    inner.into_owned()
                }
                _ => Value::String(text),
            },
            value => value,
        };
        let Value::Object(members) = value else {
            let message = format!(
                "expected an object with the keys {}, not {}",
                known.join(", "),
                value.kind()
            );
            findings.issue(path, Code::WrongType, message);
            return None;
        };
        let mut values: Vec<(&'static str, Value<'a>)> = Vec::new();
        for (name, value) in members {
            let folded = fold(&name);
            let alias = aliases.iter().find(|(alias, _)| *alias == folded);
            let meant = alias.map_or(folded.clone(), |(_, key)| fold(key));
            match known.iter().find(|key| fold(key) == meant) {
                Some(key) if values.iter().any(|(given, _)| given == key) => {
                    let message = format!("{key:?} is given twice; keep one of them");
                    findings.issue(&path.key(&name), Code::DuplicateField, message);
                }
                Some(key) => values.push((key, value)),
                None => {
                    findings.issue_with(&path.key(&name), Code::UnknownField, || {
                        let near = nearest(&folded, known.iter().map(|key| (*key, fold(key))));
                        let offer = near.map_or_else(
                            || format!("the keys are {}", known.join(", ")),
                            |near| format!("did you mean {near:?}?"),
                        );
                        format!("unknown key; {offer}")
                    });
                }
            }
        }
        Some(Self { values })
    }

    /// Takes the value of a key, or `null` if it is missing.
    pub fn take(&mut self, key: &str) -> Value<'a> {
        let found = self.values.iter_mut().find(|(given, _)| *given == key);
        found.map_or(Value::Null, |(_, value)| std::mem::replace(value, Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_may_be_given_as_text() {
        let mut findings = Findings::default();
        let path = Path::ROOT.key("calendar");
        let text = Value::String(r#" {"Method": "REQUEST"} "#.into());
        let mut settings = Settings::read(text, &["method"], &path, &mut findings).unwrap();
        assert_eq!(settings.take("method"), Value::String("REQUEST".into()));
        assert_eq!(findings.warnings[0].code, Code::JsonInString);
        for text in ["[1]", "{", "BEGIN:VCALENDAR"] {
            let mut findings = Findings::default();
            assert!(
                Settings::read(Value::String(text.into()), &["method"], &path, &mut findings)
                    .is_none()
            );
            assert_eq!(findings.issues[0].code, Code::WrongType, "{text}");
        }
    }
}
