//! The built-in providers, and their requirements for an account.

mod preset;
mod rules;

pub use preset::{PRESETS, Preset};
pub(super) use rules::{check, known};
