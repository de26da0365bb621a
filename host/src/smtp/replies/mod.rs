//! What a server's reply says.

mod queue_id;

pub(super) use queue_id::queue_id;
