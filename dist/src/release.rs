//! The files of a release.

use std::error::Error;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::crate_package::package_crates;
use crate::{Contract, repository, sbom};

/// Writes every file of a component's release into a folder, and returns their names and SHA-256 digests.
///
/// The same source gives the same bytes, independent of the folder of the repository.
///
/// # Errors
///
/// Returns an error if the folder cannot be written to, or if cargo fails.
pub fn make(folder: &Path, component: &[u8]) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut files = vec![
        ("smtp-connector.wasm".to_owned(), component.to_vec()),
        ("smtp-connector.cdx.json".to_owned(), sbom::of_component(component)?),
        ("connectors-smtp.wit".to_owned(), fs::read(repository().join("wit/smtp-connector.wit"))?),
        ("connectors-smtp.wasm".to_owned(), Contract::current()?.package()?),
        ("smtp-connector-command.cdx.json".to_owned(), sbom::of_command()?),
    ];
    files.extend(package_crates(component)?);
    let mut checksums = Vec::new();
    for (name, bytes) in files {
        fs::write(folder.join(&name), &bytes)?;
        checksums.push((name, sha256(&bytes)));
    }
    let lines = checksums.iter().map(|(name, checksum)| format!("{checksum}  {name}\n"));
    fs::write(folder.join("SHA256SUMS"), lines.collect::<String>())?;
    Ok(checksums)
}

/// Returns the SHA-256 in hexadecimal, as `sha256sum` prints it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
