//! Secrets: their sources, and their redaction in output.

mod redaction;
mod source;

pub(crate) use redaction::Redaction;
pub use source::{Secret, SecretSource};
