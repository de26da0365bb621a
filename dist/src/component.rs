//! Builds the component of a release.

use std::error::Error;
use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::repository;

/// Builds the host in release mode, and returns the component that its build script made.
///
/// # Errors
///
/// Returns an error if the host does not build.
pub fn build() -> Result<Vec<u8>, Box<dyn Error>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(repository());
    cargo.args(["build", "--release", "--locked", "--package", "smtp-connector-host"]);
    cargo.arg("--message-format=json");
    let output = cargo.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err("the host did not build; see the output of cargo above".into());
    }
    let messages = output.stdout.split(|byte| *byte == b'\n');
    let found = messages
        .filter_map(|line| serde_json::from_slice(line).ok())
        .find_map(|message: Value| component(&message));
    Ok(fs::read(found.ok_or("cargo did not report the component's file")?)?)
}

/// Returns the component's file from a message of cargo about a build script.
fn component(message: &Value) -> Option<String> {
    let variables = message["env"].as_array()?;
    let named = |pair: &&Value| pair[0] == "SMTP_CONNECTOR_COMPONENT";
    variables.iter().find(named)?[1].as_str().map(str::to_owned)
}
