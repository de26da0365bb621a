//! How the time that a parser takes grows with its input, for tests.

use std::time::Duration;

/// Bytes of the shorter input. The longer one has four times as many.
const LENGTH: usize = 16 * 1024;
/// The shortest of this many runs counts: the others found cold caches.
const RUNS: usize = 7;
/// Four times the input takes 4 times as long where the time is linear, and 16 times where it is quadratic.
const MOST: u32 = 9;

/// Panics unless the time of `parse` grows in proportion to how often `piece` is repeated.
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
    // A machine that is busy with other tests is asked again.
    let mut measured = (Duration::ZERO, Duration::ZERO);
    for _ in 0..3 {
        measured = (shortest(&short), shortest(&long));
        if measured.1 <= measured.0 * MOST {
            return;
        }
    }
    panic!("{piece:?}: {measured:?} for {} and {} bytes", short.len(), long.len());
}

/// The time that this thread has computed: other tests do not count.
#[cfg(unix)]
fn computed() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::ThreadCPUTime);
    // Neither is negative.
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
