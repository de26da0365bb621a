//! Replacing a user's file: follows links, and keeps the owner and the mode.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{Exposed, check_link, folder_of};

/// The longest chain of links that is followed, as on Linux.
const MAX_LINKS: usize = 40;

/// Follows all links of a path and returns the file behind them. The file does not need to exist yet.
///
/// Another user's link is refused: in a folder such as `/tmp`, it could lead to any file of this user.
pub fn target_of(path: &Path) -> Result<PathBuf, Exposed> {
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(next) = fs::read_link(&target) else { break };
        check_link(&target)?;
        target = folder_of(&target).join(next);
    }
    Ok(target)
}

/// Replaces a file atomically. The new file keeps the owner and the mode, except that a secret is closed to other
/// users. A file that did not exist is private to this user.
///
/// `path` must not be a link. Use [`target_of`] to follow links.
pub fn replace(path: &Path, bytes: &[u8], is_secret: bool) -> io::Result<()> {
    let folder = folder_of(path);
    let (prefix, suffix) = affixes(path);
    let mut file = tempfile::Builder::new().prefix(&prefix).suffix(suffix).tempfile_in(folder)?;
    file.write_all(bytes)?;
    if let Ok(before) = fs::metadata(path) {
        keep_access(file.as_file(), &before, is_secret)?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The new name must survive a power failure too. Not every system can open a folder to sync it.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Returns the start and the end of the names of new files that will replace a file.
fn affixes(path: &Path) -> (OsString, &'static str) {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    (prefix, ".new")
}

/// Removes the new files of earlier calls of [`replace`] that were killed before their end. They may hold secrets.
///
/// Hold the lock of the file, so that no other program is replacing it.
pub fn remove_leftovers(path: &Path) {
    let (prefix, suffix) = affixes(path);
    for entry in fs::read_dir(folder_of(path)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let bytes = name.as_encoded_bytes();
        let is_ours = bytes.starts_with(prefix.as_encoded_bytes())
            && bytes.ends_with(suffix.as_bytes())
            && entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_ours {
            // A file that stays does no more harm than before.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(unix)]
fn keep_access(file: &File, before: &fs::Metadata, is_secret: bool) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let new = file.metadata()?;
    let is_same = (new.uid(), new.gid()) == (before.uid(), before.gid());
    let is_kept = is_same || fchown(file, Some(before.uid()), Some(before.gid())).is_ok();
    // If the group changes, the new group must not get the old group's access.
    let private = is_secret || !is_kept;
    let mode = before.mode() & if private { 0o700 } else { 0o777 };
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn keep_access(_: &File, _: &fs::Metadata, _: bool) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

    use super::*;

    #[test]
    fn the_file_behind_links_is_found_also_before_it_is_there() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("dotfiles")).expect("a folder can be made");
        symlink("second", path("first")).expect("a link can be made");
        symlink("dotfiles/file", path("second")).expect("a link can be made");
        symlink("loop", path("loop")).expect("a link can be made");
        for (start, end) in
            [("first", "dotfiles/file"), ("plain", "plain"), ("dotfiles", "dotfiles")]
        {
            assert_eq!(target_of(&path(start)).expect("the links are ours"), path(end));
        }
        assert!(fs::File::open(target_of(&path("loop")).expect("the link is ours")).is_err());
    }

    #[test]
    fn a_link_of_another_user_is_not_followed() {
        // Only root can give a link away.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().expect("a temporary directory");
        let link = folder.path().join("link");
        symlink("victim", &link).expect("a link can be made");
        std::os::unix::fs::lchown(&link, Some(65_534), None).expect("it is given away");
        let refused = target_of(&link).expect_err("it is not ours");
        assert!(refused.to_string().contains("uid 65534"), "{refused}");
    }

    #[test]
    fn owner_and_mode_are_kept_and_a_secret_is_closed() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = folder.path().join("file");
        for (before, is_secret, after) in
            [(0o640, false, 0o640), (0o600, false, 0o600), (0o644, true, 0o600)]
        {
            fs::write(&file, "old").expect("it can be written");
            fs::set_permissions(&file, fs::Permissions::from_mode(before)).expect("it is ours");
            let is_root = rustix::process::geteuid().is_root();
            if is_root {
                chown(&file, Some(65_534), Some(65_534)).expect("root can give it away");
            }
            replace(&file, b"new", is_secret).expect("it can be written");
            let found = fs::metadata(&file).expect("it is there");
            assert_eq!(found.mode() & 0o777, after);
            assert!(!is_root || (found.uid(), found.gid()) == (65_534, 65_534));
            assert_eq!(fs::read(&file).expect("it is there"), b"new");
            fs::remove_file(&file).expect("it is ours");
        }
        replace(&file, b"new", false).expect("it can be made");
        assert_eq!(fs::metadata(&file).expect("it is there").mode() & 0o777, 0o600);
    }
}
