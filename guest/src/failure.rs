//! Failures that the action itself detects, as the contract's [`Failure`].

use crate::bindings::connectors::smtp::attachments::AttachmentError;
use crate::bindings::connectors::smtp::types::{Delivered, Failure, Phase, Retry};
use crate::message::file::{FileError, Unavailable};

impl From<Unavailable> for Failure {
    /// Reports an attachment that cannot be read. The message is not delivered: it is not begun, or not finished.
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
                "attach the file itself, or add its host to policy.attachmentUrlHosts of the account",
            ),
            FileError::Source(AttachmentError::TooLarge(_)) => {
                ("too-large", Retry::Never, "attach a smaller file, or send a link to it")
            }
            FileError::Source(AttachmentError::Unavailable(_)) => {
                ("attachment", Retry::Later, "try again, or mark the attachment \"optional\"")
            }
            FileError::Checksum(_) => (
                "attachment",
                Retry::Never,
                "check the file, or correct its \"sha256\" in the input",
            ),
        };
        failure(code, format!("{path}: {error}"), hint, Phase::Attachments, retry)
    }
}

/// Reports a message that is larger than the account may send.
pub(crate) fn too_large(size: Option<u64>, limit: u64) -> Failure {
    let message = match size {
        Some(size) => format!(
            "the message has {size} bytes, but this account sends at most {limit} bytes; encoding makes \
             attachments a third larger"
        ),
        None => {
            format!("the message is larger than {limit} bytes, the most that this account sends")
        }
    };
    let hint = "attach smaller files, or send links to them";
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
