//! HTML as mails have it: the text in it, and what it refers to.
//!
//! Not a browser: the tokens are the standard's, and of the tree that a browser makes of them no more is known than
//! lay-out needs. What is read is the sender's own HTML, so a construct that is not known here costs a nicer text or a
//! warning, never safety.

mod flow;
pub mod references;
mod style;
pub mod to_text;
mod tokens;
