//! What is published, and what is held to be true of it: see the program.

pub mod component;
mod crate_package;
pub mod release;
pub mod sbom;
mod wit;

use std::path::Path;

pub use wit::Contract;

/// The contract for people, made of it; from the repository's root.
pub const PAGE: &str = "docs/wit.md";

/// The contract in Rust, made of it for the component; from the repository's root.
pub const BINDINGS: &str = "guest/src/bindings/generated.rs";

/// The folder of the whole repository.
pub fn repository() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}
