//! The steps of opening a connection, for a test of a server's settings.
//!
//! [`SmtpTransport::test_steps`](crate::SmtpTransport::test_steps) returns them as they end. The opener records them
//! where they happen. A step holds only text that is safe to show: the server's replies are redacted, as in a
//! [`Transcript`](crate::Transcript).

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures_core::Stream;
use rustls::pki_types::UnixTime;
use serde::{Serialize, Serializer};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use crate::BoxFuture;
use crate::excerpt::shortened;
use crate::failure::Failure;
use crate::network::{Certificate, utc};

/// The steps of a test, as they end. They are a [`Stream`].
///
/// The test runs while you wait for its next step. Drop it to stop.
#[must_use = "a test runs only while you wait for its next step"]
pub struct Steps {
    /// The test itself, until it has ended.
    work: Option<BoxFuture<'static, ()>>,
    ended: UnboundedReceiver<Step>,
}

/// A step of a test that has ended.
///
/// It serializes to a flat object: `step`, `ok`, `milliseconds`, and either the [details](StepDetails) or the `code`,
/// the `message` and the `hint` of the failure.
///
/// A failed step is usually the last one. If a server refuses an access token from the cache, the steps with a new
/// token follow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The kind of step.
    pub kind: StepKind,
    /// The time from the start of the test to the start of the step.
    pub began: Duration,
    /// The duration of the step.
    pub took: Duration,
    /// The details of the step, or the reason why it failed.
    pub outcome: Result<StepDetails, Failure>,
}

/// The kind of a step, in the usual order. With `tls`, the TLS handshake comes before the greeting. With `starttls`,
/// EHLO is sent before it and again after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StepKind {
    /// Reading the password, or getting an access token.
    Secret,
    /// Looking up the addresses of the host.
    Resolve,
    /// Connecting to the first address that answers.
    Connect,
    /// Waiting for the server's greeting.
    Greeting,
    /// Asking for the server's extensions.
    Ehlo,
    /// The TLS handshake, with STARTTLS before it if the account uses that.
    Tls,
    /// Logging in.
    Login,
}

/// The details of a step that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum StepDetails {
    /// The source of the password or of the access token.
    #[non_exhaustive]
    Secret {
        /// The source, such as `the environment variable MAIL_PASSWORD`. Never the secret itself.
        source: String,
    },
    /// The addresses of the host.
    #[non_exhaustive]
    Resolve {
        /// All addresses. For a host that is an IP address, that address. Empty if a proxy resolves the name.
        addresses: Vec<IpAddr>,
    },
    /// The connection.
    #[non_exhaustive]
    Connect {
        /// The address that the connection is open to, unless a proxy resolved the name.
        address: Option<SocketAddr>,
        /// The account's proxy, without its password.
        proxy: Option<String>,
        /// The addresses that failed or did not answer before, with the reason.
        unreachable: Vec<Unreachable>,
    },
    /// The server's greeting.
    #[non_exhaustive]
    Greeting {
        /// The text of the greeting.
        text: String,
    },
    /// The server's extensions.
    #[non_exhaustive]
    Ehlo {
        /// The server's name for itself, and its words of welcome.
        name: String,
        /// The extensions with their parameters. A server that knows only HELO does not offer any.
        offers: Vec<String>,
        /// Whether the connection is encrypted. An attacker can change offers that are not.
        encrypted: bool,
    },
    /// The encryption.
    #[non_exhaustive]
    Tls {
        /// The TLS version, such as `TLS 1.3`.
        version: String,
        /// The cipher suite, such as `TLS13_AES_256_GCM_SHA384`.
        cipher: String,
        /// The facts of the server's certificate, if it can be read.
        certificate: Option<CertificateFacts>,
    },
    /// The login.
    #[non_exhaustive]
    Login {
        /// The account's username.
        username: String,
        /// The login mechanism, such as `PLAIN`.
        mechanism: &'static str,
    },
}

/// An address that was tried without success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unreachable {
    /// The address.
    pub address: SocketAddr,
    /// The reason.
    pub reason: String,
}

/// The facts of a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CertificateFacts {
    /// The DNS names and IP addresses that it is for.
    pub names: Vec<String>,
    /// The common name of its issuer, with the organisation: `R11 (Let's Encrypt)`.
    pub issuer: Option<String>,
    /// Whether it names itself as its issuer.
    pub self_signed: bool,
    /// The time at which it expires.
    #[serde(serialize_with = "as_utc")]
    pub not_after: SystemTime,
    /// The number of whole days until it expires. It is negative if the certificate has expired.
    pub days_left: i64,
}

impl Steps {
    /// Creates the steps of a test. `work` gets the recorder for them.
    pub(crate) fn of(work: impl FnOnce(Recorder) -> BoxFuture<'static, ()>) -> Self {
        let (sender, ended) = unbounded_channel();
        let recorder = Recorder(Some((sender, Instant::now())));
        Self { work: Some(work(recorder)), ended }
    }

    /// Waits for the next step that ends. Returns `None` after the last one. The test succeeded if the last step did.
    pub async fn next(&mut self) -> Option<Step> {
        std::future::poll_fn(|context| self.poll_step(context)).await
    }

    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Option<Step>> {
        loop {
            if let Ok(step) = self.ended.try_recv() {
                return Poll::Ready(Some(step));
            }
            let Some(work) = &mut self.work else { return Poll::Ready(None) };
            if work.as_mut().poll(context).is_ready() {
                self.work = None;
            } else if self.ended.is_empty() {
                return Poll::Pending;
            }
        }
    }
}

impl Stream for Steps {
    type Item = Step;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Step>> {
        self.get_mut().poll_step(context)
    }
}

impl StepKind {
    /// Returns the name, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Ehlo => "ehlo",
            Self::Tls => "tls",
            Self::Login => "login",
        }
    }
}

impl CertificateFacts {
    /// Reads the facts of a certificate. `clean` removes secrets and invisible characters from its text.
    pub(crate) fn read(encoded: &[u8], clean: impl Fn(&str) -> String) -> Option<Self> {
        /// The most bytes of a name. DNS names have 253 at most.
        const LONGEST: usize = 255;
        const DAY: u64 = 24 * 60 * 60;
        let read = Certificate::read(encoded)?;
        let (now, end) = (UnixTime::now().as_secs(), read.not_after.as_secs());
        let days = i64::try_from(end.abs_diff(now) / DAY).unwrap_or(i64::MAX);
        let text = |text: String| shortened(clean(&text), LONGEST);
        Some(Self {
            names: read.names().into_iter().map(text).collect(),
            issuer: read.issuer_to_show().map(text),
            self_signed: read.is_self_issued(),
            // The dates in certificates end with the year 9999.
            not_after: SystemTime::UNIX_EPOCH + Duration::from_secs(end),
            days_left: if end < now { -1 - days } else { days },
        })
    }
}

fn as_utc<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    to.serialize_str(&utc(UnixTime::since_unix_epoch(since)))
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'s> {
            step: &'static str,
            ok: bool,
            milliseconds: u64,
            #[serde(flatten)]
            details: Option<&'s StepDetails>,
            #[serde(flatten)]
            failed: Option<Failed<'s>>,
        }
        #[derive(Serialize)]
        struct Failed<'s> {
            code: &'static str,
            message: &'s str,
            hint: Option<&'s str>,
        }
        let failed = self.outcome.as_ref().err().map(|failure| Failed {
            code: failure.code.as_str(),
            message: &failure.message,
            hint: failure.hint.as_deref(),
        });
        Flat {
            step: self.kind.as_str(),
            ok: self.outcome.is_ok(),
            milliseconds: u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            details: self.outcome.as_ref().ok(),
            failed,
        }
        .serialize(to)
    }
}

/// A recorder of steps. By default, it does not record any.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Option<(UnboundedSender<Step>, Instant)>);

/// A step in progress.
pub(crate) struct Running<'r> {
    recorder: &'r Recorder,
    kind: StepKind,
    since: Instant,
}

impl Recorder {
    /// Begins a step.
    pub(crate) fn begin(&self, kind: StepKind) -> Running<'_> {
        Running { recorder: self, kind, since: Instant::now() }
    }
}

impl Running<'_> {
    /// Ends the step with its outcome, which it returns. Nothing is computed if no steps are recorded.
    pub(crate) fn end<T>(
        self,
        outcome: Result<T, Failure>,
        details: impl FnOnce(&T) -> StepDetails,
    ) -> Result<T, Failure> {
        let shown = || outcome.as_ref().map(details).map_err(Failure::clone);
        self.record(shown);
        outcome
    }

    /// Ends the step if it failed.
    pub(crate) fn check<T>(self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(failure) = &outcome {
            self.record(|| Err(failure.clone()));
        }
        outcome
    }

    fn record(self, outcome: impl FnOnce() -> Result<StepDetails, Failure>) {
        let Some((sender, start)) = &self.recorder.0 else { return };
        let (began, took) = (self.since.duration_since(*start), self.since.elapsed());
        // The receiver is dropped only with the future that records.
        let _ = sender.send(Step { kind: self.kind, began, took, outcome: outcome() });
    }
}
