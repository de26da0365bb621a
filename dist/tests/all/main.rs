//! What is published, and what is promised of it.

mod contract;
mod release;
