//! The host's crate with the component inside, so that whoever builds it needs no wasm target.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::repository;

/// The package as `cargo publish` would send it.
pub(crate) fn package_host(component: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let path = repository().join("host/smtp-connector.wasm");
    let beside = Component::put(&path, component)?;
    let target = repository().join("target/package-of-host");
    // Not verified: that compiles wasmtime once more, and the same sources were compiled just now.
    let status = Command::new(env!("CARGO"))
        .current_dir(repository())
        .args(["package", "--quiet", "--package", "smtp-connector-host"])
        .args(["--allow-dirty", "--no-verify", "--target-dir"])
        .arg(&target)
        .status()?;
    drop(beside);
    if !status.success() {
        return Err("cargo did not make the host's package; its own words stand above".into());
    }
    let file = format!("package/smtp-connector-host-{}.crate", env!("CARGO_PKG_VERSION"));
    Ok(fs::read(target.join(file))?)
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
