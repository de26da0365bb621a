//! A transport that applies the account's policy and the message validator.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinHandle;

use super::RunPermit;
use super::allowlist::{Allowlists, Found};
use super::originator::Originator;
use super::{DeliveryState, MessageValidator, Violation};
use crate::accounts::Account;
use crate::transport::{Attempt, Transport};
use smtp_connector_smtp::excerpt::excerpt;
use smtp_connector_smtp::failure::{Delivered, Failure, FailureCode, Phase};
use smtp_connector_smtp::{Envelope, ForwardPath, Outgoing, Receipt};

/// The policy between a component and a transport.
pub(crate) struct PolicyTransport {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) account: Arc<Account>,
    /// The allowlists of the input. Mail to other recipients is refused.
    pub(crate) allowlists: Arc<Allowlists>,
    /// `None` if a queue counts the account's messages.
    pub(crate) permit: Option<RunPermit>,
    pub(crate) attempt: Option<Arc<dyn Attempt>>,
    pub(crate) delivery: Arc<DeliveryState>,
}

/// A message that is checked while it is sent.
// Public because the generated bindings name it. Users of the crate cannot name it.
#[expect(unreachable_pub)]
pub struct PolicyOutgoing {
    state: State,
    account: Arc<Account>,
    validator: MessageValidator,
    /// Whether the From and Sender headers have been checked.
    approved: bool,
    announced: Option<u64>,
    /// The queue's mark, which must be made before the message ends.
    mark: Option<JoinHandle<Result<(), Failure>>>,
    delivery: Arc<DeliveryState>,
}

/// The state of an outgoing message.
enum State {
    /// Every byte so far was checked and passed to the transport.
    Open(Box<dyn Outgoing>),
    /// A write failed, or was dropped while it waited; then the reason is `None`. The transport's message was dropped
    /// too, so no more of it can be sent.
    Ended(Option<Failure>),
}

/// The error of a call that the component makes.
#[derive(Debug)]
pub(crate) enum PolicyError {
    /// A failure that the component receives.
    Failed(Failure),
    /// The component broke a rule and is stopped.
    Broken(Failure),
}

impl PolicyTransport {
    /// Begins a message that the account may send.
    pub(crate) async fn begin(&self, envelope: Envelope) -> Result<PolicyOutgoing, PolicyError> {
        self.begin_checked(envelope).await.inspect_err(|error| self.delivery.fail(error.failure()))
    }

    async fn begin_checked(&self, mut envelope: Envelope) -> Result<PolicyOutgoing, PolicyError> {
        let found = self.allowlists.found().await.map_err(PolicyError::Failed)?;
        self.check_policy(&envelope, found)?;
        // A run is one action, and an action sends one mail.
        if !self.delivery.begin() {
            return Err(broken("a second message"));
        }
        if let Some(permit) = &self.permit {
            permit.begin_message(Instant::now()).map_err(PolicyError::Failed)?;
        }
        let instead = self.account.policy.redirect_all_to.as_ref();
        if instead.is_none() {
            envelope.recipients = self.chosen(envelope.recipients)?;
        }
        // With `redirect_all_to`, these are the original recipients.
        self.delivery.address(envelope.sender.clone(), envelope.recipients.clone());
        if let Some(instead) = instead {
            envelope.recipients = self.chosen(vec![instead.clone()])?;
        }
        let validator =
            MessageValidator::new(self.account.limits.message_bytes, envelope.utf8_headers);
        let announced = envelope.size;
        let inner = self.inner.begin(&self.account, envelope).await.map_err(PolicyError::Failed)?;
        let (account, delivery) = (Arc::clone(&self.account), Arc::clone(&self.delivery));
        delivery.warn(inner.warnings());
        let state = State::Open(inner);
        let mark = self.attempt.as_ref().map(|attempt| tokio::spawn(attempt.mark()));
        Ok(PolicyOutgoing { state, account, validator, approved: false, announced, mark, delivery })
    }

    /// Returns the recipients that the queue chooses for this attempt. It cannot add any.
    fn chosen(&self, all: Vec<ForwardPath>) -> Result<Vec<ForwardPath>, PolicyError> {
        let Some(attempt) = &self.attempt else { return Ok(all) };
        let known: HashSet<_> = all.iter().cloned().collect();
        let mut chosen = attempt.recipients(all);
        chosen.retain(|recipient| known.contains(recipient));
        if chosen.is_empty() {
            let message = "the envelope has none of the recipients that this attempt is for";
            let failure = Failure::new(FailureCode::Internal, Phase::Policy, message);
            let hint = "the message differs from the earlier attempt's: was the component or the account changed?";
            return Err(PolicyError::Failed(failure.hint(hint)));
        }
        Ok(chosen)
    }

    fn check_policy(&self, envelope: &Envelope, named: &Found) -> Result<(), PolicyError> {
        let Account { limits, policy, .. } = self.account.as_ref();
        let (most, number) = (limits.recipients, envelope.recipients.len());
        if number == 0 || number > most as usize {
            return Err(too_much(&format!(
                "a message to {number} recipients, but this account allows 1 to {most}"
            )));
        }
        if let Some(size) = envelope.size.filter(|&size| size > limits.message_bytes) {
            let most = limits.message_bytes;
            return Err(too_much(&format!(
                "a message of {size} bytes, but this account allows at most {most} bytes"
            )));
        }
        if let Some(other) = envelope.recipients.iter().find(|one| !named.has_recipient(one)) {
            let hint = "recipients come from the fields to, cc and bcc, and from keywords in them";
            return Err(forbidden(
                &format!("mail to {other}, but the input does not name this recipient"),
                hint,
            ));
        }
        // If the server accepts fewer recipients at once, the rest go into another transaction, where a repeated
        // recipient would get a second copy.
        let mut known = HashSet::new();
        if let Some(twice) = envelope.recipients.iter().find(|one| !known.insert(*one)) {
            return Err(broken(&format!("the recipient {} twice", excerpt(twice.as_str()))));
        }
        let domains = &policy.allowed_recipient_domains;
        if !domains.is_empty()
            && let Some(routed) = envelope.recipients.iter().find(|one| one.is_routed())
        {
            let hint = "use the final address: servers read %, ! and @ before the last @ as a route to another host";
            return Err(forbidden(&format!("mail to {routed}, which names another host"), hint));
        }
        let outside = |recipient: &&ForwardPath| {
            !domains.is_empty() && !domains.iter().any(|rule| rule.covers(recipient.domain()))
        };
        if let Some(recipient) = envelope.recipients.iter().find(outside) {
            let hint = "send to other recipients, or add the domain to allowedRecipientDomains";
            return Err(forbidden(
                &format!("mail to {recipient}, but the account does not allow its domain"),
                hint,
            ));
        }
        // The null reverse-path asks for no replies and does not impersonate a sender.
        match envelope.sender.path() {
            None => Ok(()),
            Some(sender) => check_sender(&self.account, sender.as_str()),
        }
    }
}

/// Checks a sender against the account's rules.
fn check_sender(account: &Account, sender: &str) -> Result<(), PolicyError> {
    let rules = &account.policy.allowed_senders;
    let path = sender.parse::<ForwardPath>();
    let is_covered = || path.is_ok_and(|path| rules.iter().any(|rule| rule.covers(&path)));
    if rules.is_empty() || is_covered() {
        return Ok(());
    }
    let hint = "use another sender, or add this one to allowedSenders";
    Err(forbidden(&format!("mail from {sender}, but the account does not allow this sender"), hint))
}

impl PolicyOutgoing {
    /// Checks the next bytes and passes them to the transport. After the first failure, returns that failure again.
    pub(crate) async fn write(&mut self, chunk: Vec<u8>) -> Result<(), PolicyError> {
        let outcome = self.write_checked(chunk).await;
        outcome.inspect_err(|error| self.delivery.fail(error.failure()))
    }

    async fn write_checked(&mut self, chunk: Vec<u8>) -> Result<(), PolicyError> {
        let inner = self.take()?;
        self.validator.push(&chunk).map_err(|violation| violation_failure(&violation))?;
        if self.validator.in_body() {
            self.approve()?;
        }
        self.delivery.count(self.validator.size());
        match inner.write(chunk).await {
            Ok(inner) => {
                self.state = State::Open(inner);
                Ok(())
            }
            Err(failure) => {
                self.state = State::Ended(Some(failure.clone()));
                Err(PolicyError::Failed(failure))
            }
        }
    }

    /// Takes the transport's message. If a call does not put it back, the message has ended.
    fn take(&mut self) -> Result<Box<dyn Outgoing>, PolicyError> {
        match std::mem::replace(&mut self.state, State::Ended(None)) {
            State::Open(inner) => Ok(inner),
            State::Ended(failure) => {
                self.state = State::Ended(failure.clone());
                let why = "an earlier write of the message did not complete";
                let given_up = || Failure::new(FailureCode::Internal, Phase::Body, why);
                Err(PolicyError::Failed(failure.unwrap_or_else(given_up)))
            }
        }
    }

    /// Checks once that the account allows the senders in From and Sender.
    fn approve(&mut self) -> Result<(), PolicyError> {
        if self.approved || self.account.policy.allowed_senders.is_empty() {
            return Ok(());
        }
        for value in self.validator.originators() {
            let named = Originator::read(value)
                .ok_or_else(|| broken("a From or Sender header that is ambiguous"))?;
            // Readers show the name, and many show only the name.
            let shown = named.addresses.iter().chain(&named.addresses_in_names);
            shown.into_iter().try_for_each(|sender| check_sender(&self.account, sender))?;
        }
        self.approved = true;
        Ok(())
    }

    /// Ends the message, if it is complete.
    pub(crate) async fn finish(mut self) -> Result<Receipt, PolicyError> {
        let delivery = Arc::clone(&self.delivery);
        let outcome = self.finish_checked().await;
        match &outcome {
            Ok(receipt) => delivery.succeed(receipt.clone()),
            Err(error) => {
                if error.failure().delivered == Delivered::No {
                    delivery.reject();
                }
                delivery.fail(error.failure());
            }
        }
        outcome
    }

    async fn finish_checked(&mut self) -> Result<Receipt, PolicyError> {
        let inner = self.take()?;
        self.validator.finish(self.announced).map_err(|violation| violation_failure(&violation))?;
        self.approve()?;
        self.delivery.name(self.validator.message_id());
        if let Some(mark) = self.mark.take() {
            mark.await.map_err(|_| PolicyError::Failed(no_mark()))?.map_err(PolicyError::Failed)?;
        }
        // Noted first, in case this future is dropped while it waits.
        self.delivery.end();
        inner.finish().await.map_err(PolicyError::Failed)
    }
}

impl PolicyError {
    fn failure(&self) -> &Failure {
        match self {
            Self::Failed(failure) | Self::Broken(failure) => failure,
        }
    }

    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Failed(failure) | Self::Broken(failure) => failure,
        }
    }
}

/// Returns the failure of a queue whose mark panicked, or was cancelled because the runtime stops.
fn no_mark() -> Failure {
    let message = "the queue could not mark the message before its end, so it was not sent";
    Failure::new(FailureCode::Internal, Phase::Body, message).later()
}

fn forbidden(what: &str, hint: &str) -> PolicyError {
    let failure = Failure::new(
        FailureCode::Policy,
        Phase::Policy,
        format!("the component tried to send {what}"),
    );
    PolicyError::Failed(failure.hint(hint).after_config_change())
}

fn too_much(what: &str) -> PolicyError {
    forbidden(what, "use fewer recipients or a smaller message, or change the account's limits")
}

fn broken(what: &str) -> PolicyError {
    let message = format!("the component was stopped: it gave the host {what}");
    let failure = Failure::new(FailureCode::Internal, Phase::Policy, message);
    PolicyError::Broken(failure.hint("report this to the component's developer"))
}

fn violation_failure(violation: &Violation) -> PolicyError {
    broken(&violation.to_string())
}
