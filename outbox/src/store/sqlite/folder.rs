//! Folders whose names survive a power cut. POSIX promises a name only once its folder was synchronised.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Makes a folder, and those above it, if they are not there.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = above(folder);
    make(above)?;
    match fs::create_dir(folder) {
        // Another process was faster, and may not have synchronised the name yet.
        Err(reason) if reason.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made?,
    }
    sync(above)
}

/// Makes the names in a folder durable.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    // Windows cannot open a folder as a file, and has its names durable without it.
    match cfg!(windows) {
        true => Ok(()),
        false => File::open(folder)?.sync_all(),
    }
}

/// Returns the folder that a path is in.
pub(super) fn above(path: &Path) -> &Path {
    match path.parent() {
        None => path,
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_made_with_those_above_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b/c");
        make(&path).expect("they are made");
        make(&path).expect("they are there");
        assert!(path.is_dir());
        let file = path.join("file");
        fs::write(&file, "").expect("it is written");
        assert!(make(&file.join("below")).is_err());
    }

    #[test]
    fn a_name_without_a_folder_is_in_the_current_one() {
        assert_eq!(above(Path::new("outbox.db")), Path::new("."));
        assert_eq!(above(Path::new("mail/outbox.db")), Path::new("mail"));
        assert_eq!(above(Path::new("/")), Path::new("/"));
    }
}
