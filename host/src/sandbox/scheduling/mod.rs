//! Who computes when many runs want to.

mod fair_share;

pub(super) use fair_share::{FairShare, Ledger, Ledgers, cost};
