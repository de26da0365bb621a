//! Durations in error messages.

use std::fmt;
use std::time::Duration;

/// A duration that displays as `250 ms`, `1.5 s` or `15 min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waited(pub Duration);

impl fmt::Display for Waited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        // Clocks are read slightly after a wait ends, so 10.04 s with a limit of 10 s counts as 10 s.
        let tenths = (milliseconds + 50) / 100;
        match tenths {
            0..10 => write!(f, "{milliseconds} ms"),
            _ if tenths >= 1200 && tenths.is_multiple_of(600) => write!(f, "{} min", tenths / 600),
            _ if tenths.is_multiple_of(10) => write!(f, "{} s", tenths / 10),
            _ => write!(f, "{}.{} s", tenths / 10, tenths % 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short_and_round() {
        for (milliseconds, shown) in [
            (0, "0 ms"),
            (250, "250 ms"),
            (999, "1 s"),
            (1_500, "1.5 s"),
            (10_003, "10 s"),
            (60_000, "60 s"),
            (119_960, "2 min"),
            (150_000, "150 s"),
            (900_012, "15 min"),
        ] {
            assert_eq!(Waited(Duration::from_millis(milliseconds)).to_string(), shown);
        }
    }
}
