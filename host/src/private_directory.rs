//! Directories that hold what only one user may change: secrets, and machine code.

use std::fs::DirBuilder;
use std::io;
use std::path::Path;

/// Makes a directory, and those above it, for this user alone. One that is there stays as it is.
pub(crate) fn create(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}
