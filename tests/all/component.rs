//! The imports of the built component: the complete list, so that a dependency that adds an import is noticed at once.

use smtp_connector_host::Connector;
use wasmparser::{Parser, Payload};

/// The contract's own interfaces, and the WASI interfaces that Rust's standard library uses to start, hash and panic.
/// No file system, no sockets, no HTTP.
const IMPORTS: &[&str] = &[
    "connectors:smtp/account",
    "connectors:smtp/attachments",
    "connectors:smtp/invocation",
    "connectors:smtp/transport",
    "connectors:smtp/types",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    // A seed for hash tables: all that std links of this interface. The host always returns the same seed.
    "wasi:random/insecure-seed",
];

#[test]
fn the_component_imports_exactly_this() {
    let mut imports = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(Connector::builtin_bytes()) {
        match payload.expect("the component is valid") {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) if depth > 0 => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let name = import.expect("an import").name.name;
                    let (name, _version) = name.split_once('@').expect("interfaces have versions");
                    imports.push(name);
                }
            }
            _ => {}
        }
    }
    imports.sort_unstable();
    assert_eq!(imports, IMPORTS);
}
