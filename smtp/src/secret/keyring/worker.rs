//! The thread on which a keyring is used, one access after another.
//!
//! The libraries of keyrings block, and a locked keyring waits for its user without a limit. On this thread that delays
//! neither the runtime nor the end of the process. There is one thread, so at most one window asks for a password, and
//! a keyring that never answers does not use up threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use tokio::sync::oneshot;

use super::trouble::Trouble;

/// An access to the keyring, and whether somebody still waits for it.
struct Job {
    wanted: Weak<()>,
    work: Box<dyn FnOnce() + Send>,
}

/// The queue of the thread, or `None` if the system cannot start it.
static JOBS: LazyLock<Option<mpsc::Sender<Job>>> = LazyLock::new(|| {
    let (sender, jobs) = mpsc::channel::<Job>();
    let work = move || {
        for job in jobs {
            if job.wanted.strong_count() > 0 {
                // The caller sees a panic as a missing answer. Other callers are not affected.
                let _ = catch_unwind(AssertUnwindSafe(job.work));
            }
        }
    };
    let thread = std::thread::Builder::new().name("keyring".to_owned());
    thread.spawn(work).ok().map(|_| sender)
});

/// Queues an access. It is skipped if the result is dropped before its turn.
fn queue(work: impl FnOnce() + Send + 'static) -> Result<Arc<()>, Trouble> {
    let wanted = Arc::new(());
    let job = Job { wanted: Arc::downgrade(&wanted), work: Box::new(work) };
    let jobs = JOBS.as_ref().ok_or(Trouble::Crashed)?;
    jobs.send(job).map_err(|_| Trouble::Crashed)?;
    Ok(wanted)
}

/// Does the work on the thread, and blocks until it is done or `limit` has passed.
pub(super) fn blocking<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let (reply, answer) = mpsc::sync_channel(1);
    let _wanted = queue(move || drop(reply.send(work())))?;
    answer.recv_timeout(limit).unwrap_or_else(|error| match error {
        RecvTimeoutError::Timeout => Err(Trouble::Late(limit)),
        RecvTimeoutError::Disconnected => Err(Trouble::Crashed),
    })
}

/// Does the work on the thread, and waits until it is done or `limit` has passed.
pub(super) async fn waiting<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let (reply, answer) = oneshot::channel();
    let _wanted = queue(move || drop(reply.send(work())))?;
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(Trouble::Crashed),
        Err(_) => Err(Trouble::Late(limit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test]
    async fn a_keyring_that_does_not_answer_delays_nobody_for_longer_than_the_limit() {
        let (release, held) = mpsc::channel::<()>();
        let limit = Duration::from_millis(50);
        let hanging = waiting(limit, move || {
            let _ = held.recv();
            Ok(())
        });
        assert!(matches!(hanging.await, Err(Trouble::Late(_))));
        // The thread still hangs. An access that is given up before its turn does not happen.
        let happened = Arc::new(AtomicBool::new(false));
        let skipped = {
            let happened = Arc::clone(&happened);
            waiting(limit, move || {
                happened.store(true, Ordering::Relaxed);
                Ok(())
            })
        };
        assert!(matches!(skipped.await, Err(Trouble::Late(_))));
        drop(release);
        let patience = Duration::from_secs(30);
        assert!(matches!(waiting(patience, || Ok(7)).await, Ok(7)));
        assert!(!happened.load(Ordering::Relaxed));
    }

    #[test]
    fn a_panic_in_a_library_affects_one_access() {
        let patience = Duration::from_secs(30);
        let crashed = blocking::<()>(patience, || panic!("as a library may"));
        assert!(matches!(crashed, Err(Trouble::Crashed)), "{crashed:?}");
        assert!(matches!(blocking(patience, || Ok(7)), Ok(7)));
    }
}
