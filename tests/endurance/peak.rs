//! Measures the peak memory of this process.

/// A measurement in progress.
pub(crate) struct Peak {
    before: usize,
}

impl Peak {
    /// Starts a measurement. Earlier peaks do not count.
    pub(crate) fn new() -> Self {
        std::fs::write("/proc/self/clear_refs", "5").expect("a process may do that to itself");
        Self { before: crate::resident() }
    }

    /// Returns the highest growth of the process since the start, in bytes.
    pub(crate) fn growth(&self) -> usize {
        let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("it has a peak");
        let kilobytes = line.split_whitespace().nth(1).and_then(|number| number.parse().ok());
        let kilobytes: usize = kilobytes.expect("it is a number");
        (kilobytes << 10).saturating_sub(self.before)
    }
}
