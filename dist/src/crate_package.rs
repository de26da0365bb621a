//! The crates that are published, the host's with the component inside, so that nobody needs a wasm target to build it.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::repository;

/// The packages, from the ground up: each needs those before it.
const CRATES: &[&str] =
    &["smtp-connector-smtp", "smtp-connector-inbox", "smtp-connector-host", "smtp-connector"];

/// A package: its file name, and its bytes.
type Package = (String, Vec<u8>);

/// Each package as `cargo publish` would send it, with its file name.
pub(crate) fn package_crates(component: &[u8]) -> Result<Vec<Package>, Box<dyn Error>> {
    let path = repository().join("host/smtp-connector.wasm");
    let beside = Component::put(&path, component)?;
    let target = repository().join("target/packages");
    // Not verified: that compiles wasmtime once more, and the same sources were compiled just now.
    let status = Command::new(env!("CARGO"))
        .current_dir(repository())
        .args(["package", "--quiet"])
        // Together: none of them needs another to be published before.
        .args(CRATES.iter().flat_map(|name| ["--package", name]))
        .args(["--allow-dirty", "--no-verify", "--target-dir"])
        .arg(&target)
        .status()?;
    drop(beside);
    if !status.success() {
        return Err("cargo did not make the packages; its own words stand above".into());
    }
    let files = CRATES.iter().map(|name| format!("{name}-{}.crate", env!("CARGO_PKG_VERSION")));
    files.map(|file| Ok((file.clone(), fs::read(target.join("package").join(file))?))).collect()
}

/// The component's file where the package's manifest names it, for as long as this value lives.
struct Component<'p>(&'p Path);

impl<'p> Component<'p> {
    fn put(path: &'p Path, bytes: &[u8]) -> std::io::Result<Self> {
        fs::write(path, bytes)?;
        Ok(Self(path))
    }
}

impl Drop for Component<'_> {
    fn drop(&mut self) {
        // A file that stays is ignored by git and by every build in the repository.
        let _ = fs::remove_file(self.0);
    }
}
