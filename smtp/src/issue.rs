//! A problem in an input: an error or a warning.

use serde_json::{Value, json};

/// A problem in an input: an error or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The position in the input, such as `to[2].email`; `$` is the whole input.
    pub path: String,
    /// The stable code in lower case, such as `invalid-address`.
    pub code: String,
    /// The description, in one sentence.
    pub message: String,
}

impl Issue {
    /// Returns the issue as JSON, as in the contract.
    pub fn to_json(&self) -> Value {
        json!({ "path": self.path, "code": self.code, "message": self.message })
    }
}
