//! See the library: it is one so that the tests can run it too.

fn main() -> wasmtime::Result<()> {
    smtp_connector_bare_host::main()
}
