//! The fields of `send-mail`, each read into a type that can hold nothing wrong.
//!
//! A file reads one field, or a few that belong together. [`Fields`] sorts an input's members to them;
//! [`mailboxes`], [`text`] and [`settings`] read the shapes that several fields share.

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
