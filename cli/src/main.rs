//! The command `smtp-connector`.

use std::process::ExitCode;

fn main() -> ExitCode {
    smtp_connector::main()
}
