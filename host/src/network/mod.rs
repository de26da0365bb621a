//! The way out: which addresses may be reached, and reaching them.

mod address_class;
mod address_range;
mod dial;
mod roots;
mod system;
mod verifier;

pub use address_class::is_public;
pub(crate) use address_range::DeniedAddresses;
pub use address_range::{AddressRange, InvalidAddressRange};
pub(crate) use dial::{Destination, DialError, Purpose, Reach};
pub(crate) use roots::{RootsError, client_config, provider, verifier};
pub use system::{Network, SystemNetwork};
pub(crate) use verifier::Unchained;
