//! Mails of every kind, and what readers find in the resulting messages.
//!
//! This crate does not depend on the component or its host, so it is compiled once, with optimisation: every test run
//! makes ten thousand mails.

mod form;
mod mail;
mod reader;
mod reading;

pub use form::check_form;
pub use mail::{Mail, mails};
pub use reader::Reader;
pub use reading::{Reading, read};
