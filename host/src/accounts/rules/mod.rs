//! Rules of an account: what it may send, who may receive it, and what its runs may reach.

mod address_rule;
mod domain_rule;
mod policy;

pub use address_rule::SenderRule;
pub use domain_rule::DomainRule;
pub use policy::{AccountLimits, Policy, UrlHost};
