//! The rules of an account: allowed senders, allowed recipients, limits, and hosts for attachments.

mod address_rule;
mod domain_rule;
mod policy;

pub use address_rule::SenderRule;
pub use domain_rule::DomainRule;
pub use policy::{AccountLimits, Policy, UrlHost, WarmUp};
