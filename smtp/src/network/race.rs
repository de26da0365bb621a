//! Connects to the first of several addresses that answers (RFC 8305, "Happy Eyeballs").
//!
//! Many hosts have an IPv6 address that drops packets. If addresses were tried one after the other, such an address
//! would use up the whole deadline. Here it costs 250 ms.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::attempt::Attempt;
use super::dial::{Destination, DialError};
use super::proxy::ProxyError;
use super::{Network, NetworkStream};
use crate::BoxFuture;
use crate::waited::Waited;

/// The time after which the next attempt begins in parallel (the Connection Attempt Delay that RFC 8305 section 5
/// recommends).
const HEAD_START: Duration = Duration::from_millis(250);

/// The most addresses that an error names. The log has all of them.
const SHOWN: usize = 4;

/// The reasons why no address of a host could be connected to.
#[derive(Debug, Default)]
pub struct Unreached {
    /// Addresses that failed, and why.
    failed: Vec<(SocketAddr, io::Error)>,
    /// Addresses that did not answer by the deadline, and the wait for each.
    unanswered: Vec<(SocketAddr, Duration)>,
    /// The number of addresses that were not tried before the deadline.
    untried: usize,
}

/// A connection to one address of a host.
pub(crate) struct Reached {
    pub(crate) stream: Box<dyn NetworkStream>,
    /// The address, unless a proxy resolved the name.
    pub(crate) address: Option<SocketAddr>,
    /// The addresses that failed, or had not answered yet.
    pub(crate) others: Unreached,
}

impl Reached {
    /// Returns a connection for which a proxy resolved the name.
    pub(super) fn by_name(stream: Box<dyn NetworkStream>) -> Self {
        Self { stream, address: None, others: Unreached::default() }
    }
}

/// An attempt in progress.
struct Running<'a> {
    attempt: Attempt<'a>,
    address: SocketAddr,
    since: Instant,
    connecting: BoxFuture<'a, io::Result<Box<dyn NetworkStream>>>,
}

/// Connects to the first address that answers. The other attempts are then dropped, and their sockets closed.
///
/// An attempt begins when the previous one fails, or after [`HEAD_START`]. All of them end at the deadline.
pub(crate) async fn connect(
    destination: Destination<'_>,
    addresses: Vec<SocketAddr>,
    network: &dyn Network,
    deadline: Instant,
) -> Result<Reached, DialError> {
    let mut waiting = interleaved(addresses).into_iter().peekable();
    let mut running = Vec::new();
    let mut unreached = Unreached::default();
    loop {
        match waiting.next() {
            Some(address) => running.push(Running::begin(destination, address, network, deadline)),
            None if running.is_empty() => return Err(DialError::Unreached(unreached)),
            None => {}
        }
        let next = match waiting.peek() {
            Some(_) => deadline.min(Instant::now() + HEAD_START),
            None => deadline,
        };
        match timeout_at(next, first_to_end(&mut running)).await {
            Ok((winner, Ok(stream))) => {
                winner.attempt.ended("connected", &"");
                for loser in running {
                    loser.attempt.ended("abandoned", &"another address connected first");
                    unreached.unanswered.push((loser.address, loser.since.elapsed()));
                }
                return Ok(Reached { stream, address: Some(winner.address), others: unreached });
            }
            Ok((loser, Err(reason))) => {
                loser.attempt.ended("failed", &reason);
                // A proxy that does not work does not work for the other addresses either.
                let reason = match reason.downcast::<ProxyError>() {
                    Ok(error) if !error.is_about_target() => {
                        for one in running {
                            one.attempt.ended("abandoned", &"the proxy failed");
                        }
                        return Err(DialError::Proxy(error));
                    }
                    Ok(error) => io::Error::other(error),
                    Err(reason) => reason,
                };
                unreached.failed.push((loser.address, reason));
            }
            Err(_) if next < deadline => {}
            Err(_) => {
                unreached.untried = waiting.count();
                for one in running {
                    one.attempt.ended("failed", &"no answer in time");
                    unreached.unanswered.push((one.address, one.since.elapsed()));
                }
                return Err(DialError::Unreached(unreached));
            }
        }
    }
}

impl<'a> Running<'a> {
    fn begin(
        destination: Destination<'a>,
        address: SocketAddr,
        network: &'a dyn Network,
        deadline: Instant,
    ) -> Self {
        let attempt = Attempt::to(destination, Some(address));
        let connecting = destination.open(Some(address), network, deadline);
        Self { attempt, address, since: Instant::now(), connecting }
    }
}

/// Waits for the first attempt that ends, and removes it. Waits forever if there are no attempts.
async fn first_to_end<'a>(
    running: &mut Vec<Running<'a>>,
) -> (Running<'a>, io::Result<Box<dyn NetworkStream>>) {
    std::future::poll_fn(|context| {
        for index in 0..running.len() {
            if let Poll::Ready(outcome) = running[index].connecting.as_mut().poll(context) {
                return Poll::Ready((running.remove(index), outcome));
            }
        }
        Poll::Pending
    })
    .await
}

/// Removes duplicates and alternates address families (RFC 8305 section 4). The resolver's first address stays first.
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_v6 = |address: &SocketAddr| address.ip().to_canonical().is_ipv6();
    let mut known = HashSet::new();
    let addresses: Vec<_> = addresses.into_iter().filter(|one| known.insert(*one)).collect();
    let first = addresses.first().is_some_and(is_v6);
    let (own, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| is_v6(address) == first);
    let (mut own, mut other) = (own.into_iter(), other.into_iter());
    let mut turns = Vec::new();
    loop {
        let pair = [own.next(), other.next()];
        if pair == [None, None] {
            return turns;
        }
        turns.extend(pair.into_iter().flatten());
    }
}

impl Unreached {
    /// Reports whether the deadline ended an attempt.
    pub fn is_timeout(&self) -> bool {
        !self.unanswered.is_empty()
    }

    /// Returns the first error of a proxy that did not connect to an address.
    pub fn proxy_error(&self) -> Option<&ProxyError> {
        self.failed.iter().find_map(|(_, reason)| reason.get_ref()?.downcast_ref())
    }

    /// Returns the reasons without the addresses, for a host that is an IP address.
    pub(crate) fn reasons(&self) -> Vec<String> {
        self.each().map(|(_, why)| why).collect()
    }

    /// Returns each address that was tried, with the reason why it is not used.
    pub(crate) fn each(&self) -> impl Iterator<Item = (SocketAddr, String)> {
        let failed = self.failed.iter().map(|(address, reason)| (*address, reason.to_string()));
        let unanswered = self
            .unanswered
            .iter()
            .map(|(address, waited)| (*address, format!("no answer within {}", Waited(*waited))));
        failed.chain(unanswered)
    }
}

impl fmt::Display for Unreached {
    /// Lists the first addresses, each with its reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tried = self.failed.len() + self.unanswered.len();
        for (index, (address, why)) in self.each().take(SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {why}", address.ip())?;
        }
        if tried > SHOWN {
            write!(f, "; and {} more addresses", tried - SHOWN)?;
        }
        match self.untried {
            0 => Ok(()),
            number => write!(f, "; there was no time for {number} more"),
        }
    }
}

#[cfg(test)]
mod tests;
