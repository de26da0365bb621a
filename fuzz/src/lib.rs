//! Code shared by the fuzz targets: a platform that records messages, and the rules for every message.

pub mod platform;
pub mod rules;
