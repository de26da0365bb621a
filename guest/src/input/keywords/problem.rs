//! Errors in templates.

use minijinja::ErrorKind;

use super::FUEL;
use crate::input::findings::Code;

/// The reason why a placeholder cannot be resolved.
pub(super) struct Problem {
    pub(super) code: Code,
    pub(super) message: String,
}

impl Problem {
    /// Explains an engine error. `missing` lists the names in `source` without a value, as far as they are known.
    pub(super) fn new(error: &minijinja::Error, source: &str, missing: &[String]) -> Self {
        match error.kind() {
            ErrorKind::UndefinedError if !missing.is_empty() => Self::missing(missing),
            ErrorKind::UndefinedError => {
                let name = error.range().and_then(|range| whole_name(source, &range));
                Self::missing(&[name.unwrap_or(source)])
            }
            ErrorKind::OutOfFuel => Self {
                code: Code::TemplateError,
                message: format!(
                    "the template takes more than {FUEL} steps; check it for endless loops"
                ),
            },
            kind => {
                let detail = error.detail().map_or(String::new(), |detail| format!(": {detail}"));
                let line = error.line().map_or(String::new(), |line| format!(" in line {line}"));
                Self {
                    code: Code::TemplateError,
                    message: format!("the template cannot be filled in{line}: {kind}{detail}"),
                }
            }
        }
    }

    pub(super) fn missing(names: &[impl AsRef<str>]) -> Self {
        let names: Vec<_> = names.iter().map(|name| excerpt(name.as_ref().trim())).collect();
        let message =
            format!("there is no keyword {}; give it, or remove the placeholder", names.join(", "));
        Self { code: Code::MissingKeyword, message }
    }
}

/// Returns the whole name in a template, such as `order.ids[7]`. The engine's range covers only its last step.
fn whole_name<'s>(source: &'s str, range: &std::ops::Range<usize>) -> Option<&'s str> {
    let part_of_name = |c: char| c.is_alphanumeric() || "_.[]'\"".contains(c);
    let before = source.get(..range.start)?;
    let start = before.trim_end_matches(part_of_name).len();
    source.get(start..range.end)
}

/// Returns the start of a template, to show in a message.
pub(in crate::input) fn excerpt(text: &str) -> String {
    /// The most characters that are shown.
    const SHOWN: usize = 80;
    text.chars().take(SHOWN).collect()
}
