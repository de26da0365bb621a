//! What the fuzz targets share: a platform that keeps what it is given, and what every message must hold.

pub mod platform;
pub mod rules;
