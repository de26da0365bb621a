//! The crates to publish. The host's crate contains the component, so that its users need no wasm target.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::repository;

/// The packages in dependency order: each may depend on those before it.
const CRATES: &[&str] = &[
    "smtp-connector-smtp",
    "smtp-connector-inbox",
    "smtp-connector-host",
    "smtp-connector-outbox",
    "smtp-connector",
];

/// The file name and the bytes of a package.
type Package = (String, Vec<u8>);

/// Returns each package as `cargo publish` would upload it, with its file name.
pub(crate) fn package_crates(component: &[u8]) -> Result<Vec<Package>, Box<dyn Error>> {
    let path = repository().join("host/smtp-connector.wasm");
    let beside = Component::put(&path, component)?;
    let target = repository().join("target/packages");
    // Do not verify: that would compile wasmtime again, and the same sources have just been compiled.
    let status = Command::new(env!("CARGO"))
        .current_dir(repository())
        .args(["package", "--quiet"])
        // Package them together, so that no crate must be published before another.
        .args(CRATES.iter().flat_map(|name| ["--package", name]))
        .args(["--allow-dirty", "--no-verify", "--target-dir"])
        .arg(&target)
        .status()?;
    drop(beside);
    if !status.success() {
        return Err("cargo could not make the packages; see its output above".into());
    }
    let files = CRATES.iter().map(|name| format!("{name}-{}.crate", env!("CARGO_PKG_VERSION")));
    files.map(|file| Ok((file.clone(), fs::read(target.join("package").join(file))?))).collect()
}

/// The component's file at the path in the package's manifest. It is deleted when this value is dropped.
struct Component<'p>(&'p Path);

impl<'p> Component<'p> {
    fn put(path: &'p Path, bytes: &[u8]) -> std::io::Result<Self> {
        fs::write(path, bytes)?;
        Ok(Self(path))
    }
}

impl Drop for Component<'_> {
    fn drop(&mut self) {
        // A file that remains is ignored by git and by every build in the repository.
        let _ = fs::remove_file(self.0);
    }
}
