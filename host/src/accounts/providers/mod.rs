//! The built-in providers, and their requirements for an account.

mod consent;
mod preset;
mod recognise;
mod rules;

pub use consent::ConsentPreset;
pub use preset::Preset;
pub(super) use rules::{check, known};
