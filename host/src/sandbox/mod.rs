//! Running components: engines for all, a store for each run, limits around everything.

mod connector;
mod digest;
mod engine;
mod host;
mod limits;
mod observation;
mod outcome;
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
