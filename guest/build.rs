//! A small stack for the component: it comes first in its memory, and what it might need is mapped, and
//! cleared after each run, whether it is used or not.

/// Bytes. Inputs nest 32 levels at most; running out of it is a trap, not an overflow.
const STACK: usize = 128 << 10;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family.contains("wasm")) {
        println!("cargo:rustc-link-arg-cdylib=-zstack-size={STACK}");
    }
}
