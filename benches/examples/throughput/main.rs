//! Sends many messages through the public API, each in a separate sandbox, and reports the throughput.
//!
//! ```sh
//! smtp-sink 127.0.0.1:2599 1000 &
//! cargo run --release --package smtp-connector-benches --example throughput -- --to 127.0.0.1:2599 --messages 8000 --connections 16 --size 2000
//! ```
//!
//! Prints one line of JSON. With `--floor`, a bare socket with pipelining sends the same bytes, already assembled, for
//! comparison.

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

/// Sends many messages to a server that discards them.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// The server's address. It must accept everything, without encryption.
    #[arg(long)]
    to: SocketAddr,
    /// The number of messages.
    #[arg(long, default_value_t = 8_000, value_parser = at_least_one())]
    messages: u32,
    /// The number of concurrent connections.
    #[arg(long, default_value_t = 16, value_parser = at_least_one())]
    connections: u32,
    /// The size of each text, in octets.
    #[arg(long, default_value_t = 2_000)]
    size: usize,
    /// The size of a file that the platform holds, attached to each message, in octets.
    #[arg(long, default_value_t = 0)]
    attachment_bytes: usize,
    /// The number of concurrent runs [default: two per connection, so that one is prepared while the other's message is
    /// sent]
    #[arg(long, value_parser = at_least_one())]
    runs: Option<u32>,
    /// Take the memory of each run from the system instead of a pool.
    #[arg(long)]
    on_demand: bool,
    /// Use this component instead of the built-in one.
    #[arg(long)]
    component: Option<PathBuf>,
    /// Send assembled messages by a bare socket instead.
    #[arg(long)]
    floor: bool,
}

/// Parses a number of at least one.
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
