//! The delivery state of a run's message. The host records what it saw, independent of what the component reports.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use smtp_connector_smtp::Issue;
use smtp_connector_smtp::Receipt;
use smtp_connector_smtp::failure::Failure;
use smtp_connector_smtp::{ForwardPath, ReversePath};

/// The delivery state of a run's message.
#[derive(Debug, Default)]
pub(crate) struct DeliveryState {
    step: AtomicU8,
    bytes: AtomicU64,
    /// Whether something failed that may work later, such as the source of an attachment.
    met_something_temporary: AtomicBool,
    seen: Mutex<Seen>,
}

/// The details that the host recorded about a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The reverse-path and the recipients that the component asked for and the policy allowed.
    pub(crate) envelope: Option<(ReversePath, Vec<ForwardPath>)>,
    /// The message's Message-ID. It is set when the message is about to end.
    pub(crate) message_id: Option<String>,
    /// The receipt of the server that accepted the message.
    pub(crate) receipt: Option<Receipt>,
    /// The reason why the message was not sent.
    pub(crate) failure: Option<Failure>,
    /// Where the transport does not do what the account asks for.
    pub(crate) warnings: Vec<Issue>,
    /// The thing outside the sandbox that the run waits for, or was waiting for when it was stopped.
    pub(crate) waits_for: Option<&'static str>,
}

impl DeliveryState {
    const NOTHING: u8 = 0;
    const BEGUN: u8 = 1;
    const UNKNOWN: u8 = 2;
    const SENT: u8 = 3;

    /// Notes that a message begins. Returns false if one began before.
    pub(super) fn begin(&self) -> bool {
        self.step.fetch_max(Self::BEGUN, Ordering::SeqCst) == Self::NOTHING
    }

    /// Notes the envelope that the policy allowed.
    pub(super) fn address(&self, sender: ReversePath, recipients: Vec<ForwardPath>) {
        self.lock().envelope = Some((sender, recipients));
    }

    /// Notes the Message-ID.
    pub(super) fn name(&self, message_id: Option<&str>) {
        self.lock().message_id = message_id.map(str::to_owned);
    }

    /// Notes the transport's warnings.
    pub(super) fn warn(&self, warnings: Vec<Issue>) {
        self.lock().warnings.extend(warnings);
    }

    /// Waits for something outside the sandbox. If the run is stopped during the wait, its error names `what`.
    pub(crate) async fn waiting_for<T>(
        &self,
        what: &'static str,
        work: impl Future<Output = T>,
    ) -> T {
        self.lock().waits_for = Some(what);
        let outcome = work.await;
        self.lock().waits_for = None;
        outcome
    }

    /// Notes the number of bytes of the message so far.
    pub(super) fn count(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Notes that the message's end is being sent. Until the server replies, it is unknown whether it has the message.
    pub(crate) fn end(&self) {
        self.step.fetch_max(Self::UNKNOWN, Ordering::SeqCst);
    }

    /// Notes that the server accepted the message.
    pub(super) fn succeed(&self, receipt: Receipt) {
        self.step.store(Self::SENT, Ordering::SeqCst);
        self.lock().receipt = Some(receipt);
    }

    /// Notes that the server rejected the message after its end. The run cannot send another one.
    pub(super) fn reject(&self) {
        self.step.store(Self::BEGUN, Ordering::SeqCst);
    }

    /// Notes why a call failed. The first failure is the reason why the message was not sent.
    pub(super) fn fail(&self, failure: &Failure) {
        self.lock().failure.get_or_insert_with(|| failure.clone());
    }

    /// Notes that something failed that may work later.
    pub(crate) fn meet_something_temporary(&self) {
        self.met_something_temporary.store(true, Ordering::Relaxed);
    }

    /// Reports whether something failed that may work later.
    pub(crate) fn met_something_temporary(&self) -> bool {
        self.met_something_temporary.load(Ordering::Relaxed)
    }

    /// Returns the number of bytes of the message so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Reports whether the server accepted a message.
    pub(crate) fn was_sent(&self) -> bool {
        self.step.load(Ordering::SeqCst) == Self::SENT
    }

    /// Reports whether the server may have a message.
    pub(crate) fn may_have_been_sent(&self) -> bool {
        self.step.load(Ordering::SeqCst) >= Self::UNKNOWN
    }

    /// Returns a copy of the recorded details.
    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Notes a message that was sent, for tests.
    #[cfg(test)]
    pub(crate) fn note_for_tests(
        &self,
        (sender, recipients): (&str, &[&str]),
        bytes: u64,
        receipt: Receipt,
    ) {
        let recipients = recipients.iter().map(|one| one.parse().expect("an address"));
        self.begin();
        self.address(sender.parse().expect("an address"), recipients.collect());
        self.count(bytes);
        self.succeed(receipt);
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // A panic under this lock cannot leave the value incomplete.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smtp_connector_smtp::failure::{Delivered, FailureCode, Phase};
    use smtp_connector_smtp::{Reply, ReplyCode};

    #[test]
    fn a_run_sends_one_message_and_what_was_sent_stays_sent() {
        let no = Failure::new(FailureCode::Data, Phase::FinalReply, "no");
        let unknown = Failure { delivered: Delivered::Unknown, ..no.clone() };
        let delivery = DeliveryState::default();
        assert!(delivery.begin());
        assert!(!delivery.begin());
        delivery.end();
        assert!(delivery.may_have_been_sent() && !delivery.was_sent());
        delivery.fail(&unknown);
        delivery.fail(&no);
        assert!(delivery.may_have_been_sent(), "a later failure does not change the delivery");
        delivery.reject();
        assert!(!delivery.may_have_been_sent() && !delivery.begin());
        assert_eq!(delivery.seen().failure, Some(unknown), "the first failure is kept");
        delivery.succeed(Receipt::new(Reply::new(ReplyCode::OK, "Ok"), Vec::new()));
        delivery.end();
        delivery.fail(&no);
        assert!(delivery.was_sent());
    }
}
