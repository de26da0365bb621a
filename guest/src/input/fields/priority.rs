//! The field `priority`.

use super::text;
use crate::input::findings::{Findings, Path};
use crate::input::json::Value;

/// The importance that mail programs show for an email.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Important.
    High,
    /// Not marked.
    #[default]
    Normal,
    /// Unimportant.
    Low,
}

/// The values of the field `priority`, with their names in other programs and in X-Priority.
const NAMES: &[(&str, Priority)] = &[
    ("high", Priority::High),
    ("normal", Priority::Normal),
    ("low", Priority::Low),
    ("1", Priority::High),
    ("2", Priority::High),
    ("3", Priority::Normal),
    ("4", Priority::Low),
    ("5", Priority::Low),
    ("1 (highest)", Priority::High),
    ("2 (high)", Priority::High),
    ("3 (normal)", Priority::Normal),
    ("4 (low)", Priority::Low),
    ("5 (lowest)", Priority::Low),
    ("highest", Priority::High),
    ("urgent", Priority::High),
    ("important", Priority::High),
    ("medium", Priority::Normal),
    ("non-urgent", Priority::Low),
    ("lowest", Priority::Low),
];

impl Priority {
    /// Reads the field `priority`. An invalid value is an issue.
    pub fn read(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Self {
        text::read_choice(value, NAMES, path, findings).unwrap_or_default()
    }
}
