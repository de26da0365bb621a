//! One thing wrong, or odd.

use serde_json::{Value, json};

/// One thing wrong, or odd, about an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Where: `to[2].email`; `$` is the input as a whole.
    pub path: String,
    /// Stable, lower-case, such as `invalid-address`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
}

impl Issue {
    /// The issue as the contract's JSON has it.
    pub fn to_json(&self) -> Value {
        json!({ "path": self.path, "code": self.code, "message": self.message })
    }
}
