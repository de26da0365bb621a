//! The files of a release, for the program and its tests.

pub mod component;
mod crate_package;
pub mod release;
pub mod sbom;
mod wit;

use std::path::Path;

pub use wit::Contract;

/// The generated documentation of the contract, relative to the repository's root.
pub const PAGE: &str = "docs/wit.md";

/// The generated Rust bindings of the contract for the component, relative to the repository's root.
pub const BINDINGS: &str = "guest/src/bindings/generated.rs";

/// Returns the root folder of the repository.
pub fn repository() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}
