//! Whose turn it is to compile a component.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// What is locked while a component is compiled: a file beside its own.
pub(in crate::sandbox) const LOCK: &str = "lock";

/// How long another may compile before it is not waited for: one that was stopped never ends. Four times what it takes
/// with a compiler that is not optimised itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// A small part of the second that compiling takes.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// The turn to compile a component, of all threads and processes with the same directory: a platform that starts its
/// workers at the same time compiles once, and not once for each.
pub(in crate::sandbox) struct CompileLock {
    path: PathBuf,
    /// Locked until it is closed, which the system does too where a process dies.
    _lock: fs::File,
}

impl CompileLock {
    /// Waits for the turn to make a file. None where nothing can be locked, or the other is not done in time: then
    /// there are two that compile, and nothing else.
    pub(in crate::sandbox) fn wait(file: &Path) -> Option<Self> {
        let path = file.with_extension(LOCK);
        let mut options = fs::File::options();
        options.create(true).append(true);
        // Another user who could open it could lock it, and make this one wait.
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
        // Those that wait have it open: the next of them has its turn, and finds what was made.
        let _ = fs::remove_file(&self.path);
    }
}
