//! The transport that most hosts use: SMTP, on connections that are kept for the messages to come.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::client::clock::Clock;
use crate::client::transcript::Transcript;
use crate::failure::Failure;
use crate::network::{AddressRange, DeniedAddresses, Network, Reach, SystemNetwork};
use crate::oauth2::Tokens;
use crate::opener::Opener;
use crate::pool::{Lease, Pool};
use crate::session::delivery::Delivery;
use crate::session::transaction::Again;
use crate::settings::ServerSettings;
use crate::{Envelope, Outgoing};

/// Sends over SMTP.
///
/// A connection is kept for the account's next message, up to the account's limits, and closed when none
/// comes for a while. Clones share their connections. A password is looked up for each connection, and not
/// for each message: a change of one that is kept in a file is seen when the connections have ended.
///
/// ```no_run
/// # async fn example() {
/// use smtp_connector_smtp::SmtpTransport;
///
/// let transport = SmtpTransport::new();
/// // ... `Host::builder().transport(transport.clone())` ...
/// transport.close().await; // says goodbye to every server
/// # }
/// ```
#[derive(Clone)]
pub struct SmtpTransport {
    opener: Opener,
    pool: Arc<Pool>,
    /// Whether connections are kept at all.
    is_pooled: bool,
}

impl SmtpTransport {
    /// A transport to servers on the public internet.
    pub fn new() -> Self {
        let tokens = Arc::new(Tokens::default());
        let opener = Opener {
            network: Arc::new(SystemNetwork),
            reach: Reach::Public,
            denied: DeniedAddresses::default(),
            transcript: None,
            tokens,
        };
        Self { opener, pool: Arc::new(Pool::new()), is_pooled: true }
    }

    /// How mail servers and token endpoints are looked up and connected to, instead of by the system: through a proxy, or
    /// by another resolver.
    #[must_use]
    pub fn network(self, network: impl Network) -> Self {
        self.shared_network(Arc::new(network))
    }

    /// The same with a network that is used elsewhere as well.
    #[must_use]
    pub fn shared_network(self, network: Arc<dyn Network>) -> Self {
        self.opening(|opener| Opener { network, ..opener })
    }

    /// Also to servers on this machine and on private networks: for a program that runs on its user's own
    /// machine, and for tests. A platform whose customers choose the host must not do this.
    #[must_use]
    pub fn danger_allow_private_hosts(self) -> Self {
        self.opening(|opener| Opener { reach: Reach::Anywhere, ..opener })
    }

    /// Denies addresses for mail servers and token endpoints, even if private hosts are allowed. A host with a denied
    /// address is refused. Each call adds ranges.
    ///
    /// A host that fetches attachments denies the same ranges for them, with its own method of this name.
    #[must_use]
    pub fn deny_addresses(self, ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        self.opening(|opener| Opener { denied: opener.denied.and(ranges), ..opener })
    }

    /// Shows conversations to somebody, credentials left out.
    #[must_use]
    pub fn transcript(self, transcript: Arc<dyn Transcript>) -> Self {
        Self { opener: Opener { transcript: Some(transcript), ..self.opener }, ..self }
    }

    /// Keeps connections for so long while no message comes. Default: 30 seconds.
    #[must_use]
    pub fn idle_time(self, idle_time: Duration) -> Self {
        Self { pool: Arc::new(Pool::with_idle_time(idle_time)), ..self }
    }

    /// Keeps no connection: one for each message, as a program wants that sends one.
    #[must_use]
    pub fn without_pool(self) -> Self {
        Self { is_pooled: false, ..self }
    }

    /// Closes the connections that wait for a message. Those in use are closed when theirs is sent; a
    /// message that comes later opens a new one.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Changes how connections are opened. The pool is replaced: a clone with other rules must not share connections.
    fn opening(self, change: impl FnOnce(Opener) -> Opener) -> Self {
        let pool = Arc::new(self.pool.another());
        Self { opener: change(self.opener), pool, ..self }
    }

    async fn lease(&self, server: &Arc<ServerSettings>, clock: Clock) -> Result<Lease, Failure> {
        match self.is_pooled {
            true => self.pool.lease(server, &self.opener, clock).await,
            false => self.opener.open(server, clock).await.map(Lease::single),
        }
    }

    /// Begins a message: as far as the server's go-ahead for its content.
    ///
    /// # Errors
    ///
    /// Why the server does not take it.
    pub async fn begin_message(
        &self,
        server: &Arc<ServerSettings>,
        mut envelope: Envelope,
    ) -> Result<Box<dyn Outgoing>, Failure> {
        // One clock for all of it: for the wait for a connection, and for each connection that is tried.
        let clock = Clock::start(server);
        let mut lost = None;
        // Ends with a connection that was never idle, since a stale one is not put back, and on which commands are
        // sent one by one.
        loop {
            let lease = self.lease(server, clock).await?;
            let undelivered = match Delivery::begin(lease, envelope, lost).await {
                Ok(delivery) => return Ok(Box::new(delivery) as Box<dyn Outgoing>),
                Err(undelivered) => undelivered,
            };
            match undelivered.again {
                None => return Err(undelivered.failure),
                Some(Again::Stale) => {}
                Some(Again::LostPipelined(waited)) => lost = Some(waited),
            }
            envelope = undelivered.envelope;
        }
    }

    /// Resolves, connects, encrypts and logs in, as a message would, and sends none.
    ///
    /// # Errors
    ///
    /// What a message would fail with.
    pub async fn test(&self, server: &Arc<ServerSettings>) -> Result<(), Failure> {
        self.opener.open(server, Clock::start(server)).await?.quit().await;
        Ok(())
    }
}

impl Default for SmtpTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SmtpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpTransport").field("reach", &self.opener.reach).finish_non_exhaustive()
    }
}
