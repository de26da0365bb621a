//! Secrets: their sources, and their redaction in output.

mod keyring;
mod redaction;
mod source;
mod token_file;

pub use keyring::{KeyringEntry, KeyringState};
pub(crate) use redaction::Redaction;
pub use source::{Secret, SecretSource};
pub use token_file::TokenFile;
