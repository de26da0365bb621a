//! A lock that lets one process compile a component.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The extension of the lock file, which is next to the component's file.
pub(in crate::sandbox) const LOCK: &str = "lock";

/// The longest wait for another process to compile, in case that process is suspended. It is four times what an
/// unoptimized build of the compiler takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The interval between attempts to lock. Compiling takes about a second.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A lock for compiling a component, among all threads and processes with the same directory. A platform that starts
/// its workers at the same time compiles once, not once for each worker.
pub(in crate::sandbox) struct CompileLock {
    path: PathBuf,
    /// Locked until it is closed. The system closes it if the process dies.
    _lock: fs::File,
}

impl CompileLock {
    /// Waits for the lock to create a file. Returns `None` if the file cannot be locked, or if the other process is not
    /// done in time. Then both compile, which is harmless.
    pub(in crate::sandbox) fn wait(file: &Path) -> Option<Self> {
        let path = file.with_extension(LOCK);
        let mut options = fs::File::options();
        options.create(true).append(true);
        // Otherwise another user could lock the file and make this process wait.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.open(&path).ok()?;
        let started = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Some(Self { path, _lock: lock }),
                Err(fs::TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    thread::sleep(BETWEEN_LOOKS);
                }
                Err(_) => return None,
            }
        }
    }
}

impl Drop for CompileLock {
    fn drop(&mut self) {
        // Waiting processes have the file open. The next one gets the lock, and finds the compiled component.
        let _ = fs::remove_file(&self.path);
    }
}
