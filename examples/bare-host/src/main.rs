//! The program. See the library, which is separate so that the tests can run it too.

fn main() -> wasmtime::Result<()> {
    smtp_connector_bare_host::main()
}
