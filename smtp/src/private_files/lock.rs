//! A lock file for programs that change the same file.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A held lock. It is released when it is dropped or the program ends.
#[derive(Debug)]
pub struct Lock {
    _file: Option<File>,
}

/// The reason why a lock could not be taken.
#[derive(Debug)]
pub enum LockError {
    /// Another program held the lock for the whole wait.
    Held(PathBuf),
    /// The lock file cannot be opened.
    File(PathBuf, io::Error),
}

/// The pause between two attempts: roughly the time of a short write.
const PAUSE: Duration = Duration::from_millis(20);

impl Lock {
    /// Takes the lock for the file at `path`, and waits for it up to `patience`.
    ///
    /// The lock is a separate file, `.NAME.lock`, in the same folder. It is never deleted. The file itself cannot be
    /// the lock: each change replaces it with a new file.
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
                // Some network file systems have no locks. Each change is still atomic.
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
        // In a folder such as /tmp, another user could have planted a link.
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
    fn only_one_holds_the_lock_and_the_others_wait_within_their_time_limit() {
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
