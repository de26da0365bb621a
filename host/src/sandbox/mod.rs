//! Running components: engines for all, a store for each run, limits around everything.

mod allocation;
mod ceiling;
mod compile_turn;
mod compiled;
mod connector;
mod digest;
mod engines;
mod fair_share;
mod host;
mod imports;
mod invocation;
mod limits;
mod meter;
mod observation;
mod outcome;
mod result;
mod run;
mod verdict;
mod wasi;

pub use allocation::Allocation;
pub use compiled::CacheEvent;
pub use connector::{ComponentSource, Connector};
pub use digest::ComponentDigest;
pub use host::{Host, HostBuilder};
pub use invocation::Invocation;
pub use limits::Limits;
pub use outcome::{Findings, Outcome};
pub(crate) use result::of_result;
pub(crate) use run::Run;
