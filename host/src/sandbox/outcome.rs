//! What came of an invocation.

use smtp_connector_smtp::Issue;

/// The result of an action, as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    json: String,
    memory_bytes: usize,
}

/// Everything that a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What must be mended. None: the input is valid.
    pub issues: Vec<Issue>,
    /// What was mended on the way, or may not be meant.
    pub warnings: Vec<Issue>,
}

impl Outcome {
    pub(super) fn new(json: String, memory_bytes: usize) -> Self {
        Self { json, memory_bytes }
    }

    /// Bytes of memory that the component took, for an embedder who sets
    /// [`Limits::memory_bytes`](crate::Limits).
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// The result: a JSON object.
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// The result as a value.
    ///
    /// # Errors
    ///
    /// A component whose result is no JSON of that shape.
    pub fn parse<'a, T: serde::Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_str(&self.json)
    }
}

impl Findings {
    /// Whether nothing must be mended.
    pub fn is_valid(&self) -> bool {
        self.issues.is_empty()
    }
}
