//! Rules of an account: what it may send, who may receive it, and what its runs may reach.

mod address_rule;
mod domain_rule;
mod policy;

pub(crate) use address_rule::is_routed;
pub use address_rule::{PlainAddress, SenderRule};
pub use domain_rule::DomainRule;
pub(crate) use domain_rule::a_labels;
pub use policy::{AccountLimits, Policy, UrlHost};
