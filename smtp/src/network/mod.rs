//! Outgoing connections: the allowed addresses, connecting, and certificate checks.

mod address_class;
mod address_range;
mod attempt;
mod certificate;
mod dial;
mod handshake_error;
mod handshake_signature;
mod pem;
mod proxy;
mod race;
mod roots;
mod stream;
mod system;
mod untrusted;
mod verifier;

pub use address_class::is_public;
pub use address_range::DeniedAddresses;
pub use address_range::{AddressRange, InvalidAddressRange};
pub(crate) use certificate::Certificate;
pub(crate) use certificate::utc;
pub use dial::{Destination, DialError, Purpose, Reach, Route};
pub(crate) use handshake_error::HandshakeError;
pub use handshake_error::why_tls_failed;
pub(crate) use pem::{certificates, pem_problem};
pub use proxy::{NoProxy, ProxyError, ProxyNetwork};
pub(crate) use race::Reached;
pub(crate) use roots::verifier;
pub use roots::{RootsError, client_config, provider};
pub use stream::NetworkStream;
pub use system::{NameResolution, Network, SystemNetwork, Target};
pub(crate) use untrusted::Untrusted;
pub(crate) use verifier::Unchained;
