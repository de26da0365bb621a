//! Sends many messages through the public API, each in a sandbox of its own, and says how fast.
//!
//! ```sh
//! smtp-sink 127.0.0.1:2599 1000 &
//! cargo run --release --package smtp-connector-benches --example throughput -- --to 127.0.0.1:2599 --messages 8000 --connections 16 --size 2000
//! ```
//!
//! Prints one line of JSON. With `--floor` the same bytes, already assembled, go out by a bare socket that
//! pipelines: the limit to compare with.

mod floor;
mod report;
mod sandboxed;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::RangedI64ValueParser;

use report::Report;

/// Sends many messages to a server that throws them away.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// The server: it takes everything, without encryption.
    #[arg(long)]
    to: SocketAddr,
    /// How many messages.
    #[arg(long, default_value_t = 8_000, value_parser = at_least_one())]
    messages: u32,
    /// On how many connections at a time.
    #[arg(long, default_value_t = 16, value_parser = at_least_one())]
    connections: u32,
    /// Octets of text in each.
    #[arg(long, default_value_t = 2_000)]
    size: usize,
    /// Octets of a file that the platform holds, attached to each.
    #[arg(long, default_value_t = 0)]
    attachment_bytes: usize,
    /// How many runs at a time [default: two for each connection, so that one is prepared while the other's message is
    /// on its way]
    #[arg(long, value_parser = at_least_one())]
    runs: Option<u32>,
    /// Take the memory of each run from the system, and not from a pool.
    #[arg(long)]
    on_demand: bool,
    /// Another component than the built-in one.
    #[arg(long)]
    component: Option<PathBuf>,
    /// Send assembled messages by a bare socket instead.
    #[arg(long)]
    floor: bool,
}

/// A number of what nothing could be measured without.
fn at_least_one() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

impl Options {
    fn runs(&self) -> u32 {
        self.runs.unwrap_or(self.connections.saturating_mul(2))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let outcome: Result<Report, Box<dyn Error>> = match options.floor {
        true => floor::run(&options).await,
        false => sandboxed::run(&options).await.map_err(Into::into),
    };
    match outcome {
        Ok(report) => {
            report.print();
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr)]
fn complain(error: &(dyn Error + 'static)) {
    eprintln!("error: {error}");
    let ours = error.downcast_ref::<smtp_connector_host::Error>();
    if let Some(hint) = ours.and_then(smtp_connector_host::Error::hint) {
        eprintln!("  {hint}");
    }
}
