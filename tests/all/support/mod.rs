//! What the tests share.

mod bench;
mod certificates;
mod command;
mod fault_server;
mod http_server;
mod log;
mod told;

pub(crate) use bench::{Bench, HOST_CACHE, host_builder};
pub(crate) use certificates::Authority;
pub(crate) use command::CommandLine;
pub(crate) use fault_server::{Act, FaultServer, Offers, Scenario, Seen, Stage};
pub(crate) use http_server::{HttpServer, Page};
pub(crate) use log::Log;
pub(crate) use told::Told;
