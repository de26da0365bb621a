//! The report of a run with many messages.

use std::time::Duration;

/// The figures of a run.
pub(crate) struct Report {
    pub(crate) took: Duration,
    /// The duration of each message.
    pub(crate) messages: Vec<Duration>,
    /// The size of each message, in octets.
    pub(crate) message_bytes: u64,
    /// The highest memory use of a sandbox; 0 without one.
    pub(crate) guest_bytes: usize,
}

impl Report {
    /// Prints one line of JSON.
    #[expect(clippy::print_stdout, reason = "it is what the program is for")]
    pub(crate) fn print(mut self) {
        self.messages.sort_unstable();
        let percentile = |percent: usize| {
            let last = self.messages.len() - 1;
            millis(self.messages[last * percent / 100])
        };
        let seconds = self.took.as_secs_f64();
        let sent = self.messages.len() as f64;
        let json = serde_json::json!({
            "messages_per_second": (sent / seconds).round(),
            "megabytes_per_second": rounded(sent * self.message_bytes as f64 / seconds / 1e6),
            "p50_ms": percentile(50),
            "p99_ms": percentile(99),
            "peak_rss_mb": peak_rss_bytes().map(|bytes| rounded(bytes / 1e6)),
            "peak_guest_mb": rounded(self.guest_bytes as f64 / 1e6),
        });
        println!("{json}");
    }
}

fn millis(time: Duration) -> f64 {
    rounded(time.as_secs_f64() * 1e3)
}

fn rounded(figure: f64) -> f64 {
    (figure * 1e3).round() / 1e3
}

/// The peak memory of this process, or `None` if the system does not report it.
fn peak_rss_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0)
}
