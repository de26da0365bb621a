//! The log of outgoing connections.

use std::fmt;
use std::net::SocketAddr;

use tracing::info;

use super::dial::Destination;

/// An attempt to resolve a host, or to connect to one of its addresses. It is logged when it ends, also if its future
/// is dropped.
pub(crate) struct Attempt<'a> {
    destination: Destination<'a>,
    address: Option<SocketAddr>,
    is_logged: bool,
}

impl<'a> Attempt<'a> {
    pub(crate) fn to(destination: Destination<'a>, address: Option<SocketAddr>) -> Self {
        Self { destination, address, is_logged: false }
    }

    pub(crate) fn ended(mut self, outcome: &str, why: &dyn fmt::Display) {
        self.log(outcome, why);
    }

    /// Ends without a log line: the next attempt is logged instead.
    pub(crate) fn goes_on(mut self) {
        self.is_logged = true;
    }

    /// Logs the attempt at INFO, since operators keep a record of outgoing connections, and many messages share one
    /// connection. The target is documented, so it does not depend on the path of this module.
    fn log(&mut self, outcome: &str, why: &dyn fmt::Display) {
        self.is_logged = true;
        let Destination { host, port, purpose, account, .. } = self.destination;
        info!(
            target: "smtp_connector_host::connections",
            outcome,
            purpose = purpose.as_str(),
            host = %host,
            port,
            address = self.address.map(tracing::field::display),
            account,
            reason = %why,
        );
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.is_logged {
            self.log("abandoned", &"the run was dropped");
        }
    }
}
