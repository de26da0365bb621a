//! One attempt to deliver a run.

use std::sync::{Arc, Mutex, PoisonError};

use smtp_connector_host::transport::Attempt;
use smtp_connector_host::{
    Connector, Error, Failure, FailureCode, ForwardPath, Invocation, Outcome, Phase,
};
use smtp_connector_smtp::BoxFuture;

use super::report;
use crate::run::{RecipientState, RunRecipient};
use crate::store::{ClaimId, Claimed, OwnerId, REPORT, Store, Texts};

/// The outcome of an attempt.
pub(super) struct Attempted {
    pub(super) outcome: Result<Outcome, Error>,
    /// The recipients of the envelope, if the attempt got that far.
    pub(super) envelope: Vec<ForwardPath>,
}

/// The attempt, as the host sees it.
struct Marked {
    store: Arc<dyn Store>,
    owner: OwnerId,
    claim: ClaimId,
    /// The recipients that earlier attempts reached.
    known: Vec<RunRecipient>,
    envelope: Mutex<Vec<ForwardPath>>,
}

/// Delivers a run that was taken, until it is done or `stop` completes.
pub(super) async fn deliver(
    connector: &Connector,
    store: Arc<dyn Store>,
    owner: OwnerId,
    claimed: &Claimed,
    stop: impl Future<Output = ()>,
) -> Attempted {
    let texts = match claimed.input.clone().read().await {
        Ok(texts) => texts,
        Err(error) => return Attempted { outcome: Err(unreadable(&error)), envelope: Vec::new() },
    };
    let marked = Arc::new(Marked {
        store,
        owner,
        claim: claimed.claim,
        known: claimed.recipients.clone(),
        envelope: Mutex::default(),
    });
    let outcome = match claimed.action.as_str() {
        REPORT => {
            let attempt = Arc::clone(&marked) as Arc<dyn Attempt>;
            report::deliver(connector, &*marked.store, attempt, claimed, &texts.input, stop).await
        }
        _ => invoke(connector, Arc::clone(&marked), claimed, texts, stop).await,
    };
    let envelope =
        std::mem::take(&mut *marked.envelope.lock().unwrap_or_else(PoisonError::into_inner));
    Attempted { outcome, envelope }
}

async fn invoke(
    connector: &Connector,
    marked: Arc<Marked>,
    claimed: &Claimed,
    texts: Texts,
    stop: impl Future<Output = ()>,
) -> Result<Outcome, Error> {
    let invocation = Invocation::new(&claimed.action, texts.input)
        .account(&claimed.account)
        .id(claimed.id.as_str())
        .started_at(claimed.started_at)
        .attempt(marked);
    let invocation = match texts.keywords {
        Some(keywords) => invocation.keywords(keywords),
        None => invocation,
    };
    let invocation = match texts.captured.map(|captured| serde_json::from_str(&captured)) {
        Some(Ok(captured)) => invocation.captured(captured),
        Some(Err(reason)) => {
            let message = format!("the captured attachments are damaged: {reason}");
            return Err(Failure::new(FailureCode::Internal, Phase::Input, message).into());
        }
        None => invocation,
    };
    connector.invoke_until(invocation, stop).await
}

impl Attempt for Marked {
    /// Leaves out the recipients that have the mail or will never get it.
    fn recipients(&self, envelope: Vec<ForwardPath>) -> Vec<ForwardPath> {
        let is_settled = |path: &ForwardPath| {
            let known = self.known.iter().find(|one| one.address == path.as_str());
            known.is_some_and(|one| one.state != RecipientState::Pending)
        };
        let rest: Vec<_> = envelope.into_iter().filter(|path| !is_settled(path)).collect();
        self.envelope.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&rest);
        rest
    }

    fn mark(&self) -> BoxFuture<'static, Result<(), Failure>> {
        let marked = self.store.mark(self.owner.clone(), self.claim);
        Box::pin(async move {
            match marked.await {
                Ok(true) => Ok(()),
                Ok(false) => Err(not_marked("the run is another worker's by now").later()),
                Err(error) => Err(not_marked(&error.to_string()).later()),
            }
        })
    }

    fn counts_messages(&self) -> bool {
        true
    }
}

fn not_marked(why: &str) -> Failure {
    let message = format!("the message was not sent, because its end could not be marked: {why}");
    Failure::new(FailureCode::Internal, Phase::Body, message)
}

/// Returns the failure of a run whose input cannot be read. A file that is gone does not come back.
pub(super) fn unreadable(error: &crate::Error) -> Error {
    let failure = Failure::new(FailureCode::Internal, Phase::Input, error.to_string());
    let failure = failure.hint(error.hint().unwrap_or_default());
    if error.is_transient() { failure.later().into() } else { failure.into() }
}
