//! Tests of the files that are published.

mod contract;
mod release;
