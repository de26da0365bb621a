//! The registered workers. Each holds the lock of a separate file, and the kernel frees the lock when the process ends,
//! however it ends. No clock is involved.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::store::{Owner, OwnerId};

/// The folder with the lock files.
#[derive(Clone, Debug)]
pub(super) struct Owners {
    folder: PathBuf,
}

/// A locked file. Dropping it removes the file and frees the lock.
#[derive(Debug)]
struct Registration {
    path: PathBuf,
    _lock: File,
}

impl Owners {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Registers a new owner.
    pub(super) fn register(&self) -> io::Result<Owner> {
        fs::create_dir_all(&self.folder)?;
        let id = OwnerId(uuid::Uuid::new_v4().to_string());
        let path = self.path(&id);
        // The file gets its name when it is locked, so a file with a name and without a lock has a dead owner.
        let unnamed = tempfile::Builder::new().prefix("new-").tempfile_in(&self.folder)?;
        unnamed.as_file().try_lock().map_err(io::Error::from)?;
        let lock = unnamed.persist_noclobber(&path)?;
        Ok(Owner { id, _registration: Box::new(Registration { path, _lock: lock }) })
    }

    /// Returns the dead ones of these owners.
    pub(super) fn dead(&self, owners: Vec<OwnerId>) -> Vec<OwnerId> {
        owners.into_iter().filter(|owner| is_free(&self.path(owner))).collect()
    }

    /// Returns the number of owners that are alive.
    pub(super) fn alive(&self) -> usize {
        let Ok(entries) = fs::read_dir(&self.folder) else { return 0 };
        let names = entries.flatten().map(|entry| entry.file_name());
        // A file without its final name belongs to an owner that is about to be registered.
        let named = names.filter(|name| !name.to_string_lossy().starts_with("new-"));
        named.filter(|name| !is_free(&self.folder.join(name))).count()
    }

    /// Removes the file of a dead owner.
    pub(super) fn forget(&self, owner: &OwnerId) {
        // A file that stays only costs a check.
        let _ = fs::remove_file(self.path(owner));
    }

    fn path(&self, owner: &OwnerId) -> PathBuf {
        self.folder.join(&owner.0)
    }
}

/// Reports whether no process holds the lock of a file. Files that cannot be checked count as held: their runs wait.
fn is_free(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        },
        Err(reason) => reason.kind() == io::ErrorKind::NotFound,
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Runs that are still this owner's are recovered when the file is gone.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_dead_once_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let owners = Owners::new(folder.path().join("owners"));
        let owner = owners.register().expect("it is registered");
        let id = owner.id.clone();
        assert_eq!((owners.dead(vec![id.clone()]), owners.alive()), (vec![], 1));
        drop(owner);
        assert_eq!(owners.alive(), 0);
        assert_eq!(owners.dead(vec![id.clone()]), [id]);
    }

    #[test]
    fn a_file_without_a_lock_has_a_dead_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let owners = Owners::new(folder.path().to_owned());
        let id = OwnerId("killed".to_owned());
        fs::write(folder.path().join("killed"), "").expect("it is written");
        assert_eq!(owners.dead(vec![id.clone()]), std::slice::from_ref(&id));
        assert_eq!(owners.alive(), 0);
        owners.forget(&id);
        assert!(!folder.path().join("killed").exists());
    }
}
