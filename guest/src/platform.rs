//! The platform as the action sees it: the contract's imports as a trait, so that the action can be tested without a
//! sandbox.

use crate::bindings::connectors::smtp::account::Profile;
use crate::bindings::connectors::smtp::attachments::{AttachmentError, Metadata};
use crate::bindings::connectors::smtp::invocation::Run;
use crate::bindings::connectors::smtp::transport::{Envelope, Receipt};
use crate::bindings::connectors::smtp::types::Failure;

/// The functions that the platform offers to a run.
pub trait Platform {
    /// An attachment that is being read.
    type Content: Content;
    /// A message that is being sent.
    type Outgoing: Outgoing;

    /// Returns the current run.
    fn run(&self) -> Run;
    /// Returns the public part of the account.
    fn profile(&self) -> Profile;
    /// Opens a file that the user uploaded to the platform.
    fn open_upload(&self, id: &str) -> Result<Self::Content, AttachmentError>;
    /// Opens the file at a URL.
    fn fetch(&self, url: &str) -> Result<Self::Content, AttachmentError>;
    /// Begins a message.
    fn begin(&self, envelope: &Envelope) -> Result<Self::Outgoing, Failure>;
}

/// An attachment that is being read.
pub trait Content {
    /// Returns the metadata that the source gives, which is untrusted.
    fn metadata(&self) -> Metadata;
    /// Returns the next bytes, at most `max`; empty at the end.
    fn read(&mut self, max: u32) -> Result<Vec<u8>, AttachmentError>;
}

/// A message that is being sent. If it is dropped before [`finish`](Self::finish), it is not sent.
pub trait Outgoing {
    /// Writes the next bytes.
    fn write(&mut self, chunk: &[u8]) -> Result<(), Failure>;
    /// Ends the message and returns the server's answer.
    fn finish(self) -> Result<Receipt, Failure>;
}
