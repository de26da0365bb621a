//! The platform as the action sees it: the contract's imports, behind a trait so that the action can be
//! tried without a sandbox.

use crate::bindings::connectors::smtp::account::Profile;
use crate::bindings::connectors::smtp::attachments::{AttachmentError, Metadata};
use crate::bindings::connectors::smtp::invocation::Run;
use crate::bindings::connectors::smtp::transport::{Envelope, Receipt};
use crate::bindings::connectors::smtp::types::Failure;

/// What the platform lends to a run.
pub trait Platform {
    /// An attachment that is being read.
    type Content: Content;
    /// A message that is being sent.
    type Outgoing: Outgoing;

    /// The run that this is.
    fn run(&self) -> Run;
    /// The public part of the account.
    fn profile(&self) -> Profile;
    /// Opens a file that the user gave the platform.
    fn open_upload(&self, id: &str) -> Result<Self::Content, AttachmentError>;
    /// Opens a file on the web.
    fn fetch(&self, url: &str) -> Result<Self::Content, AttachmentError>;
    /// Begins a message.
    fn begin(&self, envelope: &Envelope) -> Result<Self::Outgoing, Failure>;
}

/// An attachment that is being read.
pub trait Content {
    /// What the source says of itself.
    fn metadata(&self) -> Metadata;
    /// The next bytes, at most `max`; empty at the end.
    fn read(&mut self, max: u32) -> Result<Vec<u8>, AttachmentError>;
}

/// A message that is being sent. Dropped unfinished, it was never sent.
pub trait Outgoing {
    /// The next bytes.
    fn write(&mut self, chunk: &[u8]) -> Result<(), Failure>;
    /// The end: what the server said.
    fn finish(self) -> Result<Receipt, Failure>;
}
