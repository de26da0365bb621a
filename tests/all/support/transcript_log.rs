//! A recorder of conversations.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use smtp_connector_host::smtp::{Entry, Transcript};

/// All transcript entries, both as displayed text and as Debug text.
#[derive(Clone, Default)]
pub(crate) struct TranscriptLog(Arc<Mutex<String>>);

impl Transcript for TranscriptLog {
    fn note(&self, _: Duration, entry: &Entry) {
        let mut text = self.0.lock().expect("no thread panics while holding it");
        text.push_str(&format!("{entry}\n{entry:?}\n"));
    }
}

impl TranscriptLog {
    pub(crate) fn text(&self) -> String {
        self.0.lock().expect("no thread panics while holding it").clone()
    }
}
