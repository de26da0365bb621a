//! The bare host, built for the tests.

fn main() -> Result<(), impl std::fmt::Debug> {
    smtp_connector_bare_host::main()
}
