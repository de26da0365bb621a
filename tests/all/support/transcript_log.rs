//! Who watches conversations, and keeps everything.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use smtp_connector_host::smtp::{Entry, Transcript};

/// Everything that whoever watches conversations is told: each entry as it is shown, and as programs see it.
#[derive(Clone, Default)]
pub(crate) struct TranscriptLog(Arc<Mutex<String>>);

impl Transcript for TranscriptLog {
    fn note(&self, _: Duration, entry: &Entry) {
        let mut text = self.0.lock().expect("nobody panics while holding it");
        text.push_str(&format!("{entry}\n{entry:?}\n"));
    }
}

impl TranscriptLog {
    pub(crate) fn text(&self) -> String {
        self.0.lock().expect("nobody panics while holding it").clone()
    }
}
