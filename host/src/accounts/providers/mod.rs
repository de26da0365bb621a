//! Providers whose settings are known, and what they ask of an account.

mod preset;
mod rules;

pub use preset::{PRESETS, Preset};
pub(super) use rules::{check, known};
