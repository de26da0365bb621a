//! What the built component wants of its host: the whole list, so that a dependency that wants more is
//! seen when it comes in.

use smtp_connector_host::Connector;
use wasmparser::{Parser, Payload};

/// The contract's own interfaces, and those of WASI that Rust's standard library starts, hashes and
/// panics with. No file system, no sockets, no HTTP.
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
    // A seed for hash tables, which is all that std links of it; the host's is always the same.
    "wasi:random/insecure-seed",
];

#[test]
fn the_component_imports_this_and_nothing_else() {
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
