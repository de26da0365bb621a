//! Envelopes for tests that call a transport directly.

use smtp_connector_host::transport::Envelope;

/// An envelope from Alice to Bob.
pub(crate) fn envelope() -> Envelope {
    envelope_of("alice@example.com", &["bob@example.net"])
}

/// An envelope that permits partial acceptance of its recipients.
pub(crate) fn envelope_of(sender: &str, recipients: &[&str]) -> Envelope {
    let recipients = recipients.iter().map(|one| one.parse().expect("an address"));
    Envelope::new(sender.parse().expect("an address"), recipients.collect()).allow_partial(true)
}
