//! `guest/src/bindings/generated.rs`: the contract as Rust bindings for a component, from wit-bindgen.

use std::error::Error;

use wit_bindgen_core::{Files, WorldGenerator as _};
use wit_bindgen_rust::Opts;

use super::Contract;

/// The world that a component of this contract implements.
const WORLD: &str = "plugin";

/// Generates the code that `wit_bindgen::generate!` would expand to.
///
/// The code is kept in the repository. The macro would add the WIT compiler to every first build, which costs more than
/// all other dependencies of the component.
pub(super) fn write(contract: Contract) -> Result<String, Box<dyn Error>> {
    let Contract { mut resolve, id } = contract;
    let world = resolve.select_world(&[id], Some(WORLD))?;
    let options = Opts {
        format: true,
        // The crate's root calls the macro that exports a component.
        pub_export_macro: true,
        default_bindings_module: Some("crate::bindings".to_owned()),
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files)?;
    let (_, source) = files.iter().next().ok_or("wit-bindgen wrote no file")?;
    Ok(String::from_utf8(source.to_vec())?)
}
