//! Bindings that wit-bindgen generates from the contract: its types, its imports and the trait of its export.

// The generated file is kept unchanged, so it does not follow this project's lints. Its comments come from the
// contract, where brackets are not links.
#[allow(rustdoc::broken_intra_doc_links)]
#[allow(missing_docs, unreachable_pub, unsafe_op_in_unsafe_fn)]
#[allow(clippy::all, clippy::pedantic, clippy::undocumented_unsafe_blocks, clippy::unwrap_used)]
#[rustfmt::skip]
mod generated;

pub use generated::*;
