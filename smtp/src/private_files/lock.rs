//! A lock between programs that change the same file.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Holds the lock of a file until it is dropped, or its program ends.
#[derive(Debug)]
pub struct Lock {
    _file: Option<File>,
}

/// Why a lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Another program held it all the time.
    Held(PathBuf),
    /// Its file cannot be opened.
    File(PathBuf, io::Error),
}

/// Roughly as long as a short write takes.
const PAUSE: Duration = Duration::from_millis(20);

impl Lock {
    /// Waits for the lock of the file at `path`, as long as `patience` lasts.
    ///
    /// The lock is a file beside it, `.NAME.lock`, which stays: the file itself is replaced when it is changed, and a
    /// lock would go with the old one.
    pub fn take(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".lock");
        let beside = path.with_file_name(name);
        let file = open(&beside).map_err(|reason| LockError::File(beside.clone(), reason))?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: Some(file) }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(LockError::Held(beside)),
                // Some network file systems have no locks: the change is still made as a whole.
                Err(TryLockError::Error(reason)) if has_no_locks(&reason) => {
                    return Ok(Self { _file: None });
                }
                Err(TryLockError::Error(reason)) => return Err(LockError::File(beside, reason)),
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // In a folder as /tmp, others could have planted a link.
        let no_link = rustix::fs::OFlags::NOFOLLOW.bits();
        options.mode(0o600).custom_flags(no_link.cast_signed());
    }
    options.open(path)
}

fn has_no_locks(reason: &io::Error) -> bool {
    #[cfg(unix)]
    if reason.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error()) {
        return true;
    }
    reason.kind() == ErrorKind::Unsupported
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_the_lock_and_the_others_wait_no_longer_than_they_may() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("file");
        let held = Lock::take(&path, Duration::ZERO).expect("it is free");
        let began = Instant::now();
        let refused = Lock::take(&path, Duration::from_millis(50));
        assert!(matches!(refused, Err(LockError::Held(beside)) if beside.ends_with(".file.lock")));
        assert!(began.elapsed() >= Duration::from_millis(50));
        let waiting = std::thread::spawn(move || Lock::take(&path, Duration::from_secs(30)));
        drop(held);
        waiting.join().expect("it does not panic").expect("it is free again");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_the_lock_is_not_followed() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let [planted, victim] = [".file.lock", "victim"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink(&victim, planted).expect("a link can be made");
        let refused = Lock::take(&folder.path().join("file"), Duration::ZERO);
        assert!(matches!(refused, Err(LockError::File(..))), "{refused:?}");
        assert!(!victim.exists());
    }
}
