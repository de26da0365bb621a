//! The way out: which addresses may be reached, and reaching them.

mod address_class;
mod dial;
mod roots;
mod system;
mod verifier;

pub use address_class::is_public;
pub(crate) use dial::{DialError, Reach, dial, dial_through};
pub(crate) use roots::{RootsError, client_config, provider, verifier};
pub use system::{Network, SystemNetwork};
pub(crate) use verifier::Unchained;
