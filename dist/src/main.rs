//! Makes the files of a release.
//!
//! ```text
//! cargo run --release --package smtp-connector-dist            # everything, in target/dist
//! cargo run --release --package smtp-connector-dist -- FOLDER  # everything, in another folder
//! cargo run --package smtp-connector-dist -- --wit             # the files generated from the WIT, after it changes
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this program runs in a terminal")]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use smtp_connector_dist::{Contract, component, release, repository};

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    let done = match argument.as_deref() {
        Some("--wit") => write_what_is_made_of_the_contract(),
        Some(option) if option.starts_with('-') => {
            eprintln!("error: unknown option {option}; use --wit, or give a folder to write to");
            return ExitCode::from(64);
        }
        Some(folder) => make(Path::new(folder)),
        None => make(&repository().join("target/dist")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn make(folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    for (file, checksum) in release::make(folder, &component::build()?)? {
        println!("{checksum}  {}", folder.join(file).display());
    }
    Ok(())
}

fn write_what_is_made_of_the_contract() -> Result<(), Box<dyn Error>> {
    for (path, text) in [
        (smtp_connector_dist::PAGE, Contract::current()?.page()),
        (smtp_connector_dist::BINDINGS, Contract::current()?.bindings()?),
    ] {
        let path = repository().join(path);
        fs::write(&path, text)?;
        println!("{}", path.display());
    }
    Ok(())
}
