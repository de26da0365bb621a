//! HTML as mails have it: the text in it, and what it refers to.
//!
//! Not a browser: one pass over the tags that mails are made of. What is read is the sender's own HTML, so
//! a construct that is not known here costs a nicer text or a warning, never safety.

mod entities;
pub mod references;
mod tag;
pub mod to_text;
