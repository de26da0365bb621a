//! How much an inbox holds at once: messages that are coming in, and those that nobody has taken out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that all messages together may have.
#[derive(Debug)]
pub(super) struct Room {
    left: AtomicUsize,
}

/// A message's part of that, given back when it is dropped.
pub(super) struct Hold {
    room: Arc<Room>,
    bytes: usize,
    refused: bool,
}

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes) }
    }

    /// Gives back what a message took that was kept.
    pub(super) fn give_back(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn has(&self, bytes: usize) -> bool {
        self.left.load(Ordering::Relaxed) >= bytes
    }

    fn take(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

impl Hold {
    pub(super) fn of(room: &Arc<Room>) -> Self {
        Self { room: Arc::clone(room), bytes: 0, refused: false }
    }

    /// Takes room for so many bytes more. False: there is none, and never will be for this message.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        self.refused = self.refused || !self.room.take(bytes);
        if self.refused {
            self.room.give_back(std::mem::take(&mut self.bytes));
        } else {
            self.bytes += bytes;
        }
        !self.refused
    }

    /// Whether there was no room for the message.
    pub(super) fn was_refused(&self) -> bool {
        self.refused
    }

    /// The message is kept, and has so many bytes, which are given back when it is taken out. False: there is no room.
    pub(super) fn keep(mut self, bytes: usize) -> bool {
        let is_kept = self.grow(bytes.saturating_sub(self.bytes));
        if is_kept {
            // Of a message that is smaller than it seemed, the rest is given back here.
            self.bytes -= bytes;
        }
        is_kept
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.room.give_back(self.bytes);
    }
}
