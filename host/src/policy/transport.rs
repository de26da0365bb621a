//! A transport with the account's policy and the validator in front of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use super::RunPermit;
use super::allowlist::{Allowlists, Found};
use super::originator::Originator;
use super::{DeliveryState, MessageValidator, Violation};
use crate::accounts::Account;
use crate::transport::Transport;
use smtp_connector_smtp::excerpt::excerpt;
use smtp_connector_smtp::failure::{Delivered, Failure, FailureCode, Phase};
use smtp_connector_smtp::{Envelope, ForwardPath, Outgoing, Receipt};

/// What comes between a component and a transport.
pub(crate) struct PolicyTransport {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) account: Arc<Account>,
    /// What the input names: no other recipient gets mail.
    pub(crate) allowlists: Arc<Allowlists>,
    pub(crate) permit: RunPermit,
    pub(crate) delivery: Arc<DeliveryState>,
}

/// A message that is checked while it goes out.
// Public because the bindings' code names it; the crate's users cannot.
#[expect(unreachable_pub)]
pub struct PolicyOutgoing {
    state: State,
    account: Arc<Account>,
    validator: MessageValidator,
    /// Whether the header block's From and Sender have been looked at.
    approved: bool,
    announced: Option<u64>,
    delivery: Arc<DeliveryState>,
}

/// Whether a message may go on.
enum State {
    /// Every byte so far was checked, and is with the transport.
    Open(Box<dyn Outgoing>),
    /// A write failed, or was dropped while it waited, and then nothing is known of why. The transport's message went
    /// with it, so that nothing more of it can be sent.
    Ended(Option<Failure>),
}

/// Why a component gets no further.
#[derive(Debug)]
pub(crate) enum PolicyError {
    /// Something failed that a component is told of.
    Failed(Failure),
    /// The component broke a rule, and is stopped.
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
        // A run is one action, and the action is one mail.
        if !self.delivery.begin() {
            return Err(broken("a second message"));
        }
        self.permit.begin_message(Instant::now()).map_err(PolicyError::Failed)?;
        // Who would have got it, where somebody else gets it instead.
        self.delivery.address(envelope.sender.clone(), envelope.recipients.clone());
        if let Some(instead) = &self.account.policy.redirect_all_to {
            envelope.recipients = vec![instead.clone()];
        }
        let validator =
            MessageValidator::new(self.account.limits.message_bytes, envelope.utf8_headers);
        let announced = envelope.size;
        let inner = self.inner.begin(&self.account, envelope).await.map_err(PolicyError::Failed)?;
        let (account, delivery) = (Arc::clone(&self.account), Arc::clone(&self.delivery));
        delivery.warn(inner.warnings());
        let state = State::Open(inner);
        Ok(PolicyOutgoing { state, account, validator, approved: false, announced, delivery })
    }

    fn check_policy(&self, envelope: &Envelope, named: &Found) -> Result<(), PolicyError> {
        let Account { limits, policy, .. } = self.account.as_ref();
        let (most, number) = (limits.recipients, envelope.recipients.len());
        if number == 0 || number > most as usize {
            return Err(too_much(&format!(
                "a message to {number} recipients; this account sends to 1 to {most}"
            )));
        }
        if let Some(size) = envelope.size.filter(|&size| size > limits.message_bytes) {
            let most = limits.message_bytes;
            return Err(too_much(&format!(
                "a message of {size} bytes; this account sends at most {most}"
            )));
        }
        if let Some(other) = envelope.recipients.iter().find(|one| !named.has_recipient(one)) {
            let hint = "recipients come from the fields to, cc and bcc, and from keywords there";
            return Err(forbidden(&format!("mail to {other}, whom the input does not name"), hint));
        }
        // A server that takes fewer at once gets the rest in a further transaction, and would serve a repeated one again.
        let mut known = HashSet::new();
        if let Some(twice) = envelope.recipients.iter().find(|one| !known.insert(*one)) {
            return Err(broken(&format!("the recipient {} twice", excerpt(twice.as_str()))));
        }
        let domains = &policy.allowed_recipient_domains;
        if !domains.is_empty()
            && let Some(routed) = envelope.recipients.iter().find(|one| one.is_routed())
        {
            let hint = "write to the address itself: servers take %, ! and @ before the last @ for a way to another host";
            return Err(forbidden(&format!("mail to {routed}, which names another host"), hint));
        }
        let outside = |recipient: &&ForwardPath| {
            !domains.is_empty() && !domains.iter().any(|rule| rule.covers(recipient.domain()))
        };
        if let Some(recipient) = envelope.recipients.iter().find(outside) {
            let hint = "send to other recipients, or add the domain to allowedRecipientDomains";
            return Err(forbidden(
                &format!("mail to {recipient}, whose domain the account does not send to"),
                hint,
            ));
        }
        // The null reverse-path says that nobody wants an answer, and pretends to be nobody.
        match envelope.sender.path() {
            None => Ok(()),
            Some(sender) => check_sender(&self.account, sender.as_str()),
        }
    }
}

/// Holds a sender against the account's rules.
fn check_sender(account: &Account, sender: &str) -> Result<(), PolicyError> {
    let rules = &account.policy.allowed_senders;
    let path = sender.parse::<ForwardPath>();
    let is_covered = || path.is_ok_and(|path| rules.iter().any(|rule| rule.covers(&path)));
    if rules.is_empty() || is_covered() {
        return Ok(());
    }
    let hint = "send as somebody else, or add the sender to allowedSenders";
    Err(forbidden(&format!("mail from {sender}, as whom the account does not send"), hint))
}

impl PolicyOutgoing {
    /// Hands on the next bytes, if they keep the rules. After the first failure it only repeats that failure.
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

    /// Takes the message out of this, so that a call that does not come back with it has ended it.
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

    /// Looks once at whom the message says it is from.
    fn approve(&mut self) -> Result<(), PolicyError> {
        if self.approved || self.account.policy.allowed_senders.is_empty() {
            return Ok(());
        }
        for value in self.validator.originators() {
            let named = Originator::read(value)
                .ok_or_else(|| broken("a header From or Sender that can be read in two ways"))?;
            // Readers show the name, and many show nothing else.
            let shown = named.addresses.iter().chain(&named.addresses_in_names);
            shown.into_iter().try_for_each(|sender| check_sender(&self.account, sender))?;
        }
        self.approved = true;
        Ok(())
    }

    /// Ends the message, if it is whole.
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
        // Even if this future is dropped while it waits.
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
}

fn forbidden(what: &str, hint: &str) -> PolicyError {
    let failure =
        Failure::new(FailureCode::Policy, Phase::Policy, format!("the component asked for {what}"));
    PolicyError::Failed(failure.hint(hint).after_config_change())
}

fn too_much(what: &str) -> PolicyError {
    forbidden(what, "send to fewer, or less, or change the account's limits")
}

fn broken(what: &str) -> PolicyError {
    let message = format!("the component was stopped: it handed over {what}");
    let failure = Failure::new(FailureCode::Internal, Phase::Policy, message);
    PolicyError::Broken(failure.hint("report this to whoever made the component"))
}

fn violation_failure(violation: &Violation) -> PolicyError {
    broken(&violation.to_string())
}
