//! Failures that the action itself finds, in the contract's words.

use crate::bindings::connectors::smtp::attachments::AttachmentError;
use crate::bindings::connectors::smtp::types::{Delivered, Failure, Phase, Retry};
use crate::message::file::{FileError, Unavailable};

impl From<Unavailable> for Failure {
    /// An attachment that cannot be had. Nobody has the message: it was not begun, or not finished.
    fn from(unavailable: Unavailable) -> Self {
        let Unavailable { path, error } = unavailable;
        let (code, retry, hint) = match &error {
            FileError::Source(AttachmentError::NotFound(_)) => (
                "attachment",
                Retry::Never,
                "check the attachment's source, or mark it \"optional\"",
            ),
            FileError::Source(AttachmentError::Forbidden(_)) => (
                "policy",
                Retry::AfterConfigChange,
                "attach the file itself, or have its host named in the account's attachmentUrlHosts",
            ),
            FileError::Source(AttachmentError::TooLarge(_)) => {
                ("too-large", Retry::Never, "attach a smaller file, or send a link to it")
            }
            FileError::Source(AttachmentError::Unavailable(_)) => {
                ("attachment", Retry::Later, "try again, or mark the attachment \"optional\"")
            }
            FileError::Checksum(_) => {
                ("attachment", Retry::Never, "check the file, or the hash that was given for it")
            }
        };
        failure(code, format!("{path}: {error}"), hint, Phase::Attachments, retry)
    }
}

/// A message that is larger than the account may send.
pub(crate) fn too_large(size: Option<u64>, limit: u64) -> Failure {
    let message = match size {
        Some(size) => format!(
            "the message would have {size} bytes, and this account sends at most {limit}; attachments \
             grow by a third when they are encoded"
        ),
        None => format!("the message has more than the {limit} bytes that this account sends"),
    };
    let hint = "attach less, or send a link instead";
    failure("too-large", message, hint, Phase::Build, Retry::Never)
}

fn failure(code: &str, message: String, hint: &str, phase: Phase, retry: Retry) -> Failure {
    Failure {
        code: code.to_owned(),
        message,
        hint: Some(hint.to_owned()),
        phase,
        retry,
        delivered: Delivered::No,
        reply: None,
        refusals: Vec::new(),
        message_id: None,
    }
}
