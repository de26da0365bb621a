//! Host names, EHLO names and email addresses.

mod domain;
mod ehlo_name;
mod host_name;
mod path;

pub use domain::Domain;
pub use ehlo_name::EhloName;
pub use host_name::{HostName, InvalidHostName};
pub use path::{ForwardPath, InvalidPath, ReversePath};
