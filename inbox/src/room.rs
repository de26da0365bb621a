//! The memory limit of an inbox. Messages that are arriving and messages in the queue share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The memory that is left for messages, in bytes.
#[derive(Debug)]
pub(super) struct Room {
    left: AtomicUsize,
}

/// The memory reserved for one message. It is released on drop.
pub(super) struct Hold {
    room: Arc<Room>,
    bytes: usize,
    refused: bool,
}

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes) }
    }

    /// Releases the memory of a message.
    pub(super) fn give_back(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn has(&self, bytes: usize) -> bool {
        self.left.load(Ordering::Relaxed) >= bytes
    }

    fn take(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        self.left.try_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

impl Hold {
    pub(super) fn of(room: &Arc<Room>) -> Self {
        Self { room: Arc::clone(room), bytes: 0, refused: false }
    }

    /// Reserves more bytes. Returns false if the inbox is full. The message is then refused from now on.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        self.refused = self.refused || !self.room.take(bytes);
        if self.refused {
            self.room.give_back(std::mem::take(&mut self.bytes));
        } else {
            self.bytes += bytes;
        }
        !self.refused
    }

    /// Reports whether the inbox was too full for the message.
    pub(super) fn was_refused(&self) -> bool {
        self.refused
    }

    /// Reserves memory up to a total of `bytes`. Returns false if the inbox is full.
    pub(super) fn reserve(&mut self, bytes: usize) -> bool {
        self.grow(bytes.saturating_sub(self.bytes))
    }

    /// Keeps `bytes` of the reservation after the drop. The drop releases the rest.
    pub(super) fn keep(mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.room.give_back(self.bytes);
    }
}
