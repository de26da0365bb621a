//! A test helper that checks that a parser's time grows linearly with its input.

use std::time::Duration;

/// The length of the shorter input in bytes. The longer input is four times as long.
const LENGTH: usize = 16 * 1024;
/// The number of runs. The fastest one counts, since the others may have had cold caches.
const RUNS: usize = 7;
/// The largest allowed ratio of the two times. Four times the input takes 4 times as long if the time is linear, and
/// 16 times as long if it is quadratic.
const MOST: u32 = 9;

/// Panics unless the time of `parse` grows linearly with the number of repetitions of `piece`.
pub(crate) fn assert_linear(piece: &str, parse: impl Fn(&str)) {
    let [short, long] = [1, 4].map(|times| piece.repeat(times * LENGTH / piece.len()));
    let shortest = |text: &str| {
        let run = || {
            let started = computed();
            parse(text);
            computed() - started
        };
        (0..RUNS).map(|_| run()).min().unwrap_or_default()
    };
    // The machine may be busy with other tests, so measure up to three times.
    let mut measured = (Duration::ZERO, Duration::ZERO);
    for _ in 0..3 {
        measured = (shortest(&short), shortest(&long));
        if measured.1 <= measured.0 * MOST {
            return;
        }
    }
    panic!("{piece:?}: {measured:?} for {} and {} bytes", short.len(), long.len());
}

/// Returns the CPU time of this thread, which does not include the work of other tests.
#[cfg(unix)]
fn computed() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::ThreadCPUTime);
    // Neither value is negative.
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

#[cfg(not(unix))]
fn computed() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

#[test]
fn quadratic_work_is_noticed() {
    let quadratic = |text: &str| {
        let found = (0..text.len()).filter(|&end| text[..end].contains('b')).count();
        assert_eq!(found, 0);
    };
    let noticed = std::panic::catch_unwind(|| assert_linear("a", quadratic));
    assert!(noticed.is_err());
}
