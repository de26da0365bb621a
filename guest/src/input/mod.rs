//! Parses an action's input into a checked email: parse, don't validate.
//!
//! Start with [`Mail::read`]. The [`Mail`] that it returns needs no further checks.
//!
//! | module | contents |
//! |---|---|
//! | `mail` | the email: every field of an input, in the order of a form |
//! | `lint` | warnings about an email as a whole |
//! | [`unfilled`] | findings about placeholders in an input without keywords |
//! | [`keywords`] | values for the placeholders in an input |
//! | [`fields`] | one parser for each field |
//! | [`json`] | the JSON parser for the input's text |
//! | [`findings`] | issues and warnings, each with its path |
//! | [`values`] | addresses, media types, ids, dates, URLs |

pub mod fields;
pub mod findings;
pub mod json;
pub mod keywords;
pub mod lint;
mod mail;
pub mod unfilled;
pub mod values;

pub use fields::partial_failure::OnPartialFailure;
pub use fields::priority::Priority;
pub use fields::return_path::ReturnPath;
pub use findings::{Code, Findings, Issue};
pub use mail::Mail;
