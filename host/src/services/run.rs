//! One run, and what it may see, open and send.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{LimitReached, Limits};
use crate::accounts::{Account, AccountLimits};
use crate::attachments::{AttachmentHosts, Captured, Recorder, SourceError, Uploads};
use crate::policy::allowlist::{Allowlists, Found};
use crate::policy::{DeliveryState, PolicyTransport};
use smtp_connector_smtp::network::{DeniedAddresses, Network};

/// The state of one run.
pub(crate) struct Run {
    /// The id of the run. Its retries have the same id.
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) started_at: u64,
    /// Whether the message is built but not sent.
    pub(crate) dry_run: bool,
    pub(crate) account: Option<Arc<Account>>,
    /// The attachments that the run may open. `None` if it only checks an input.
    pub(crate) sources: Option<Sources>,
    /// `None` without an account.
    pub(crate) transport: Option<PolicyTransport>,
    pub(crate) delivery: Arc<DeliveryState>,
    pub(crate) limits: Limits,
    calls: AtomicU32,
    attachments: AtomicU32,
}

/// The sources of a run's attachments, and the allowlists of its input.
pub(crate) struct Sources {
    pub(crate) uploads: Arc<dyn Uploads>,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) denied: DeniedAddresses,
    pub(crate) hosts: Arc<AttachmentHosts>,
    pub(crate) allowlists: Arc<Allowlists>,
    /// The attachments, if they were read before.
    pub(crate) captured: Option<Arc<Captured>>,
    pub(crate) recorder: Option<Arc<Recorder>>,
}

impl Run {
    pub(crate) fn new(
        id: String,
        started_at: u64,
        account: Option<Arc<Account>>,
        limits: Limits,
    ) -> Self {
        Self {
            id,
            started_at,
            dry_run: false,
            account,
            sources: None,
            transport: None,
            delivery: Arc::default(),
            limits,
            calls: AtomicU32::new(0),
            attachments: AtomicU32::new(0),
        }
    }

    /// Counts a call to the host. Returns an error beyond the limit.
    pub(crate) fn count_call(&self) -> Result<(), LimitReached> {
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        match before >= self.limits.host_calls {
            true => Err(LimitReached("calls to the host")),
            false => Ok(()),
        }
    }

    /// Returns the bytes of the message so far.
    pub(crate) fn bytes_sent(&self) -> u64 {
        self.delivery.bytes()
    }

    /// Returns the sources of attachments, if the run may open this attachment. The input must name it, and the number
    /// of attachments must be within the account's limit.
    pub(crate) async fn admit(
        &self,
        is_named: impl FnOnce(&Found) -> bool,
    ) -> Result<&Sources, SourceError> {
        let forbidden = |why: &str| SourceError::Forbidden(why.to_owned());
        let sources = self.sources.as_ref();
        let sources =
            sources.ok_or_else(|| forbidden("attachments are not opened to check an input"))?;
        let limits =
            self.account.as_ref().map_or_else(AccountLimits::default, |one| one.limits.clone());
        if self.attachments.fetch_add(1, Ordering::Relaxed) >= limits.attachments {
            return Err(forbidden("the message has more attachments than the account allows"));
        }
        let found = sources.allowlists.found().await;
        let found = found.map_err(|failure| forbidden(&failure.message))?;
        if !is_named(found) {
            return Err(forbidden("it is not named in the input's attachments"));
        }
        Ok(sources)
    }
}
