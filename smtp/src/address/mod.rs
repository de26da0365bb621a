//! Names of servers and clients.

mod ehlo_name;
mod host_name;

pub use ehlo_name::EhloName;
pub use host_name::{HostName, InvalidHostName};
