//! When a deferred mail is tried again.

use std::time::Duration;

/// The pauses between the attempts to deliver a mail (RFC 5321 section 4.5.4.1).
///
/// The default tries again after 1, 5, 15 and 30 minutes, 1 hour, 2 hours, and then every 3 hours. The first pauses are
/// short because greylisting servers accept a second attempt after a few minutes. Each pause is up to a fifth longer or
/// shorter, so that many mails do not come back at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySchedule {
    pauses: Vec<Duration>,
}

const MINUTE: u64 = 60;

impl RetrySchedule {
    /// Creates a schedule. The last pause repeats. Returns `None` without a pause, or if one is under a millisecond.
    pub fn new(pauses: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let pauses: Vec<_> = pauses.into_iter().collect();
        let is_valid = !pauses.is_empty() && pauses.iter().all(|pause| pause.as_millis() > 0);
        is_valid.then_some(Self { pauses })
    }

    /// Returns the pause after this many attempts, which is at least 1. `random` is any number from 0 up to 1.
    pub(crate) fn pause(&self, attempts: u32, random: f64) -> Duration {
        let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        // The list is not empty.
        let pause = self.pauses.get(index).or(self.pauses.last()).copied().unwrap_or_default();
        pause.mul_f64(0.8 + 0.4 * random)
    }
}

impl Default for RetrySchedule {
    fn default() -> Self {
        let minutes = [1, 5, 15, 30, 60, 120, 180];
        Self { pauses: minutes.iter().map(|m| Duration::from_secs(m * MINUTE)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_three_hours_and_differ_by_a_fifth() {
        let schedule = RetrySchedule::default();
        let minutes = |attempts| schedule.pause(attempts, 0.5).as_secs() / MINUTE;
        assert_eq!([1, 2, 5, 7, 40].map(minutes), [1, 5, 60, 180, 180]);
        assert_eq!(schedule.pause(1, 0.0), Duration::from_secs(48));
        assert!(schedule.pause(1, 0.999) < Duration::from_secs(72));
    }

    #[test]
    fn a_schedule_has_pauses() {
        assert_eq!(RetrySchedule::new([]), None);
        assert_eq!(RetrySchedule::new([Duration::ZERO]), None);
    }
}
