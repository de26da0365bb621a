//! Mails of every kind, and what readers find in the messages that become of them.
//!
//! They know neither the component nor its host, and so are compiled once, and optimised: ten thousand mails in
//! every test run are worth it.

mod form;
mod mail;
mod reader;
mod reading;

pub use form::check_form;
pub use mail::{Mail, mails};
pub use reader::Reader;
pub use reading::{Reading, read};
