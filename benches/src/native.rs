//! The component's logic without a sandbox, on a platform that discards messages.

use smtp_connector_guest::bindings::connectors::smtp::account::Profile;
use smtp_connector_guest::bindings::connectors::smtp::attachments::{AttachmentError, Metadata};
use smtp_connector_guest::bindings::connectors::smtp::invocation::Run;
use smtp_connector_guest::bindings::connectors::smtp::transport::{Envelope, Receipt};
use smtp_connector_guest::bindings::connectors::smtp::types::{Failure, Reply};
use smtp_connector_guest::platform::{Content, Outgoing, Platform};

/// A platform with one upload.
#[derive(Clone, Copy, Debug)]
pub struct FakePlatform {
    /// The size of the upload, in octets.
    pub upload: usize,
}

/// The unread rest of the upload.
#[derive(Debug)]
pub struct Upload {
    size: usize,
    left: usize,
}

/// A message that is discarded.
#[derive(Debug)]
pub struct Nowhere(Vec<String>);

/// Returns the account's public part, with limits that the benchmarks do not reach.
pub fn profile() -> Profile {
    Profile {
        name: "work".into(),
        default_sender: None,
        default_reply_to: None,
        domain: Some("example.com".into()),
        max_message_bytes: 1 << 30,
        max_recipients: 100,
        max_attachments: 50,
    }
}

impl Platform for FakePlatform {
    type Content = Upload;
    type Outgoing = Nowhere;

    fn run(&self) -> Run {
        Run { id: "run".into(), started_at: 1_767_323_045, dry_run: false }
    }

    fn profile(&self) -> Profile {
        profile()
    }

    fn open_upload(&self, _id: &str) -> Result<Upload, AttachmentError> {
        Ok(Upload { size: self.upload, left: self.upload })
    }

    fn fetch(&self, url: &str) -> Result<Upload, AttachmentError> {
        Err(AttachmentError::Forbidden(url.into()))
    }

    fn begin(&self, envelope: &Envelope) -> Result<Nowhere, Failure> {
        Ok(Nowhere(envelope.recipients.clone()))
    }
}

impl Content for Upload {
    fn metadata(&self) -> Metadata {
        Metadata { filename: None, media_type: None, size: Some(self.size as u64) }
    }

    fn read(&mut self, max: u32) -> Result<Vec<u8>, AttachmentError> {
        let length = (max as usize).min(self.left);
        self.left -= length;
        Ok(vec![7; length])
    }
}

impl Outgoing for Nowhere {
    fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        std::hint::black_box(chunk);
        Ok(())
    }

    fn finish(self) -> Result<Receipt, Failure> {
        let reply = Reply { code: 250, enhanced: None, text: "Ok".into() };
        Ok(Receipt { reply, accepted: self.0, refused: Vec::new(), queue_id: None })
    }
}
