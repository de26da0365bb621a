//! The built-in providers, and their requirements for an account.

mod preset;
mod recognise;
mod rules;

pub use preset::{PRESETS, Preset};
pub(super) use rules::{check, known};
