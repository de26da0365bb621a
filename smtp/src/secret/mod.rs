//! Secrets: where they are kept, and how they stay out of what is shown.

mod redaction;
mod source;

pub(crate) use redaction::Redaction;
pub use source::{Secret, SecretSource};
