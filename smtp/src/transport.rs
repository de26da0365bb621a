//! The SMTP transport with a connection pool.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::client::clock::Clock;
use crate::client::transcript::Transcript;
use crate::failure::Failure;
use crate::network::{AddressRange, DeniedAddresses, Network, Reach, SystemNetwork};
use crate::oauth2::{RefreshTokens, Tokens};
use crate::opener::Opener;
use crate::pool::{Lease, Pool};
use crate::session::delivery::Delivery;
use crate::session::transaction::Again;
use crate::settings::ServerSettings;
use crate::steps::{Recorder, Steps};
use crate::{Envelope, Outgoing};

/// The SMTP transport, with a connection pool.
///
/// An idle connection is kept for the account's next message, up to the account's limits, and closed after the idle
/// time. Clones share their connections. The password is read for each new connection, not for each message. After you
/// change a password in a file, existing connections stay in use until they close.
///
/// ```no_run
/// # async fn example() {
/// use smtp_connector_smtp::SmtpTransport;
///
/// let transport = SmtpTransport::new();
/// // ... `Host::builder().transport(transport.clone())` ...
/// transport.close().await; // sends QUIT on every idle connection
/// # }
/// ```
#[derive(Clone)]
pub struct SmtpTransport {
    opener: Opener,
    pool: Arc<Pool>,
    /// Whether connections are kept for reuse.
    is_pooled: bool,
}

impl SmtpTransport {
    /// Creates a transport that connects only to servers on the public internet.
    pub fn new() -> Self {
        let tokens = Arc::new(Tokens::default());
        let opener = Opener {
            network: Arc::new(SystemNetwork),
            reach: Reach::Public,
            denied: DeniedAddresses::default(),
            transcript: None,
            tokens,
            steps: Recorder::default(),
        };
        Self { opener, pool: Arc::new(Pool::new()), is_pooled: true }
    }

    /// Replaces the system's resolver and sockets for mail servers and token endpoints, for example with a proxy or a
    /// different resolver.
    #[must_use]
    pub fn network(self, network: impl Network) -> Self {
        self.shared_network(Arc::new(network))
    }

    /// Sets a network that other code also uses. Otherwise like [`network`](Self::network).
    #[must_use]
    pub fn shared_network(self, network: Arc<dyn Network>) -> Self {
        self.opening(|opener| Opener { network, ..opener })
    }

    /// Danger: also connects to servers on this machine and on private networks. Use it in tests, and in a program that
    /// runs on the user's machine. Do not use it on a platform whose customers choose the host.
    #[must_use]
    pub fn danger_allow_private_hosts(self) -> Self {
        self.opening(|opener| Opener { reach: Reach::Anywhere, ..opener })
    }

    /// Denies addresses for mail servers and token endpoints, even if private hosts are allowed. A name with any
    /// denied address is refused. Each call adds ranges.
    ///
    /// For attachments, also call the `deny_addresses` method of the host.
    #[must_use]
    pub fn deny_addresses(self, ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        self.opening(|opener| Opener { denied: opener.denied.and(ranges), ..opener })
    }

    /// Sets a store for the refresh tokens that providers replace. Without one, a new token is kept in memory, and in a
    /// [`TokenFile`](crate::secret::TokenFile) if it came from there.
    #[must_use]
    pub fn refresh_tokens(self, store: impl RefreshTokens) -> Self {
        self.opening(|opener| Opener { tokens: Arc::new(Tokens::with_store(store)), ..opener })
    }

    /// Sets a transcript that receives the conversations, without credentials.
    #[must_use]
    pub fn transcript(self, transcript: Arc<dyn Transcript>) -> Self {
        Self { opener: Opener { transcript: Some(transcript), ..self.opener }, ..self }
    }

    /// Sets how long an idle connection is kept. Default: 30 seconds.
    #[must_use]
    pub fn idle_time(self, idle_time: Duration) -> Self {
        Self { pool: Arc::new(Pool::with_idle_time(idle_time)), ..self }
    }

    /// Disables the connection pool: each message opens a new connection. Use it in a program that sends one message.
    #[must_use]
    pub fn without_pool(self) -> Self {
        Self { is_pooled: false, ..self }
    }

    /// Closes idle connections. A connection in use is closed after its message is sent. A later message opens a new
    /// connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Changes how connections are opened. The pool is replaced, because a clone with different rules must not share
    /// connections.
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

    /// Begins a message, up to the server's reply 354 to DATA.
    ///
    /// # Errors
    ///
    /// The connection fails, or the server refuses the message.
    pub async fn begin_message(
        &self,
        server: &Arc<ServerSettings>,
        mut envelope: Envelope,
    ) -> Result<Box<dyn Outgoing>, Failure> {
        // One clock for the wait for a connection and for each connection that is tried.
        let clock = Clock::start(server);
        let mut lost = None;
        // The loop ends at the latest with a new connection and commands without pipelining, since stale connections
        // are not put back.
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

    /// Tests a server: resolves, connects, encrypts and logs in as for a message, but does not send one.
    ///
    /// [`test_steps`](Self::test_steps) does the same step by step.
    ///
    /// # Errors
    ///
    /// The failure that a message would get.
    pub async fn test(&self, server: &Arc<ServerSettings>) -> Result<(), Failure> {
        self.opener.open(server, Clock::start(server)).await?.quit().await;
        Ok(())
    }

    /// Tests a server, and returns each step as it ends: the addresses, the connection, the greeting, the encryption
    /// with the certificate, the extensions and the login.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), smtp_connector_smtp::Failure> {
    /// use smtp_connector_smtp::{ServerSettings, SmtpTransport};
    ///
    /// let server = ServerSettings::builder("smtp.example.com").build()?;
    /// let mut steps = SmtpTransport::new().test_steps(&server);
    /// while let Some(step) = steps.next().await {
    ///     match &step.outcome {
    ///         Ok(details) => println!("{} took {:?}: {details:?}", step.kind.as_str(), step.took),
    ///         Err(failure) => println!("{} failed: {failure}", step.kind.as_str()),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn test_steps(&self, server: &Arc<ServerSettings>) -> Steps {
        let (opener, server) = (self.opener.clone(), Arc::clone(server));
        Steps::of(|steps| {
            let opener = Opener { steps, ..opener };
            Box::pin(async move {
                // A failure is in the last step.
                if let Ok(connection) = opener.open(&server, Clock::start(&server)).await {
                    connection.quit().await;
                }
            })
        })
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
