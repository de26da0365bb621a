//! The command, built for the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    smtp_connector::main()
}
