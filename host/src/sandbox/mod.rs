//! The sandbox that runs components. Runs share engines, and each has its own store and limits.

mod connector;
mod deadline;
mod digest;
mod engine;
mod host;
mod limits;
mod observation;
mod outcome;
mod own_message;
mod scheduling;
mod sent;
mod store;
mod trap;
mod wasi;

pub use connector::{ComponentSource, Connector};
pub use digest::ComponentDigest;
pub use engine::{Allocation, CacheEvent};
pub use host::{Host, HostBuilder};
pub use outcome::{AttachedFile, Findings, Outcome, Status};
pub use own_message::OwnMessage;
