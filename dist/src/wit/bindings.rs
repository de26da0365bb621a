//! `guest/src/bindings/generated.rs`: the contract in Rust, as wit-bindgen writes it for a component.

use std::error::Error;

use wit_bindgen_core::{Files, WorldGenerator as _};
use wit_bindgen_rust::Opts;

use super::Contract;

/// The world that a component of this contract has.
const WORLD: &str = "plugin";

/// What `wit_bindgen::generate!` would put in its own place.
///
/// It is kept instead: the macro costs every first build the compiler of WIT, which is more than the rest of
/// what the component depends on.
pub(super) fn write(contract: Contract) -> Result<String, Box<dyn Error>> {
    let Contract { mut resolve, id } = contract;
    let world = resolve.select_world(&[id], Some(WORLD))?;
    let options = Opts {
        format: true,
        // The macro that exports a component is called from the crate's root.
        pub_export_macro: true,
        default_bindings_module: Some("crate::bindings".to_owned()),
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files)?;
    let (_, source) = files.iter().next().ok_or("wit-bindgen wrote no file")?;
    Ok(String::from_utf8(source.to_vec())?)
}
