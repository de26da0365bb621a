//! The fields of `send-mail`. Each is read into a type that can only hold valid values.
//!
//! Each module reads one field, or a few related ones. [`Fields`] assigns an input's members to fields. [`mailboxes`],
//! [`text`] and [`settings`] read the types of values that several fields share.

pub mod attachment;
pub mod body;
pub mod calendar;
mod field;
pub mod headers;
pub mod identity;
pub mod list_unsubscribe;
pub mod mailboxes;
pub mod notification;
pub mod partial_failure;
pub mod pictures;
pub mod priority;
pub mod recipients;
pub mod return_path;
pub mod sender;
pub mod settings;
pub mod text;
pub mod thread;

pub use field::{Field, Fields, fold, nearest};
