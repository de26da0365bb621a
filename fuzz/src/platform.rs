//! A platform for the component's logic without a sandbox.

use std::cell::RefCell;
use std::rc::Rc;

use smtp_connector_guest::bindings::connectors::smtp::account::Profile;
use smtp_connector_guest::bindings::connectors::smtp::attachments::{AttachmentError, Metadata};
use smtp_connector_guest::bindings::connectors::smtp::invocation::Run;
use smtp_connector_guest::bindings::connectors::smtp::transport::{Envelope, Receipt};
use smtp_connector_guest::bindings::connectors::smtp::types::{Failure, Reply};
use smtp_connector_guest::platform::{Content, Outgoing, Platform};

/// A platform that records the message it is given.
#[derive(Default)]
pub struct FakePlatform {
    sent: Rc<RefCell<Option<Sent>>>,
}

/// A message and its envelope.
pub struct Sent {
    /// The sender and the recipients.
    pub envelope: Envelope,
    /// The complete message.
    pub message: Vec<u8>,
}

impl FakePlatform {
    /// Takes the recorded message.
    pub fn sent(&self) -> Option<Sent> {
        self.sent.take()
    }
}

/// A file whose id or URL is also its content.
pub struct Echo {
    bytes: Vec<u8>,
}

/// A message that is being sent.
pub struct Message {
    platform: Rc<RefCell<Option<Sent>>>,
    sent: Sent,
}

impl Platform for FakePlatform {
    type Content = Echo;
    type Outgoing = Message;

    fn run(&self) -> Run {
        Run { id: "run".into(), started_at: 1_767_323_045, dry_run: false }
    }

    fn profile(&self) -> Profile {
        Profile {
            name: "work".into(),
            default_sender: Some("Alice <alice@example.com>".into()),
            default_reply_to: None,
            domain: Some("example.com".into()),
            max_message_bytes: 1 << 20,
            max_recipients: 100,
            max_attachments: 50,
        }
    }

    fn open_upload(&self, id: &str) -> Result<Echo, AttachmentError> {
        Ok(Echo { bytes: id.into() })
    }

    fn fetch(&self, url: &str) -> Result<Echo, AttachmentError> {
        Ok(Echo { bytes: url.into() })
    }

    fn begin(&self, envelope: &Envelope) -> Result<Message, Failure> {
        let sent = Sent { envelope: envelope.clone(), message: Vec::new() };
        Ok(Message { platform: Rc::clone(&self.sent), sent })
    }
}

impl Content for Echo {
    fn metadata(&self) -> Metadata {
        // File names and types from servers are untrusted, so they can hold any text.
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        Metadata { filename: Some(text.clone()), media_type: Some(text), size: None }
    }

    fn read(&mut self, max: u32) -> Result<Vec<u8>, AttachmentError> {
        let rest = self.bytes.split_off((max as usize).min(self.bytes.len()));
        Ok(std::mem::replace(&mut self.bytes, rest))
    }
}

impl Outgoing for Message {
    fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        self.sent.message.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> Result<Receipt, Failure> {
        let accepted = self.sent.envelope.recipients.clone();
        *self.platform.borrow_mut() = Some(self.sent);
        let reply = Reply { code: 250, enhanced: None, text: "Ok".into() };
        Ok(Receipt { reply, accepted, refused: Vec::new(), queue_id: None })
    }
}
