//! The rules that every outgoing message must follow, from any component.

pub(crate) mod allowlist;
mod delivery_state;
#[cfg(test)]
mod fail_stop;
mod message_validator;
mod originator;
pub(crate) mod transport;
mod usage;

pub use allowlist::InputRule;
pub(crate) use delivery_state::{DeliveryState, Seen};
pub use message_validator::{MessageValidator, Violation};
pub(crate) use transport::{PolicyError, PolicyTransport};
pub(crate) use usage::{RunPermit, Usage};
