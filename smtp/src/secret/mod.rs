//! Secrets: their sources, and their redaction in output.

mod redaction;
mod source;
mod token_file;

pub(crate) use redaction::Redaction;
pub use source::{Secret, SecretSource};
pub use token_file::TokenFile;
