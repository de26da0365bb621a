//! What wit-bindgen makes of the contract: its types, its imports, and the shape of its export.

// It is kept as it was generated, and follows rules of its own: its comments are the contract's, which are no links.
#[allow(rustdoc::broken_intra_doc_links)]
#[allow(missing_docs, unreachable_pub, unsafe_op_in_unsafe_fn)]
#[allow(clippy::all, clippy::pedantic, clippy::undocumented_unsafe_blocks, clippy::unwrap_used)]
#[rustfmt::skip]
mod generated;

pub use generated::*;
