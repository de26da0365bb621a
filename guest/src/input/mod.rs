//! From an action's input to a mail that is right: parse, don't validate.
//!
//! [`Mail::read`] is the way in; what it returns needs no further checks.
//!
//! | floor | holds |
//! |---|---|
//! | `mail` | every field of an input, in the order of a form |
//! | `lint` | warnings about a mail as a whole |
//! | [`unfilled`] | placeholders without keywords |
//! | [`keywords`] | values for the placeholders in an input |
//! | [`fields`] | each field |
//! | [`json`] | the input's text |
//! | [`findings`] | what is wrong, and where |
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
