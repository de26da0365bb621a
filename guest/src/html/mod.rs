//! HTML of mails: converts it to text, and finds the files and pictures that it refers to.
//!
//! This is not a browser. The tokenizer follows the standard, but only the parts of the tree that affect the text's
//! layout are tracked. The input is the sender's own HTML, so an unknown construct may make the text less readable or
//! miss a warning, but it is not a security risk.

mod flow;
pub mod references;
mod style;
pub mod to_text;
mod tokens;
