//! What wit-bindgen makes of the contract: its types, its imports, and the shape of its export.

// Generated code follows its own rules.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::unwrap_used)]

wit_bindgen::generate!({
    path: "../wit",
    world: "plugin",
    // The macro that exports a component is called from the crate's root.
    pub_export_macro: true,
    default_bindings_module: "crate::bindings",
});
