//! The result of `send-mail`, as JSON.

use serde::Serialize;

use crate::bindings::connectors::smtp::transport::{Envelope, Receipt};
use crate::bindings::connectors::smtp::types::{Refusal, Retry};
use crate::input::Issue;
use crate::message::transfer::Written;

/// An assembled message, whether it is sent or not.
pub(crate) struct Assembled {
    pub(crate) message_id: String,
    pub(crate) envelope: Envelope,
    /// The message's size in bytes.
    pub(crate) size: u64,
    pub(crate) files: Vec<Written>,
    pub(crate) warnings: Vec<Issue>,
}

/// The result of `send-mail`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outcome {
    status: Status,
    message_id: String,
    envelope: EnvelopeView,
    #[serde(flatten)]
    reply: ReplyView,
    message_size: u64,
    attachments: Vec<AttachmentView>,
    warnings: Vec<Warning>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    /// The server accepted the message for every recipient.
    Sent,
    /// The server accepted the message for some recipients.
    Partial,
    /// The message was assembled but not sent.
    DryRun,
}

#[derive(Debug, Serialize)]
struct EnvelopeView {
    from: String,
    to: Vec<String>,
}

/// The server's reply; empty for a dry run.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReplyView {
    accepted: Vec<String>,
    rejected: Vec<String>,
    rejected_errors: Vec<RejectedError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enhanced_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RejectedError {
    recipient: String,
    field: Option<String>,
    response_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    enhanced_code: Option<String>,
    response: String,
    retry: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AttachmentView {
    filename: Option<String>,
    content_type: String,
    size: u64,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cid: Option<String>,
}

#[derive(Debug, Serialize)]
struct Warning {
    path: String,
    code: &'static str,
    message: String,
}

impl Assembled {
    /// Returns the result of a dry run.
    pub(crate) fn dry_run(self) -> Outcome {
        self.outcome(Status::DryRun, ReplyView::default())
    }

    /// Returns the result of a message that the server accepted for all recipients or for some.
    pub(crate) fn sent(self, receipt: Receipt) -> Outcome {
        let status = if receipt.refused.is_empty() { Status::Sent } else { Status::Partial };
        self.outcome(status, ReplyView::from(receipt))
    }

    fn outcome(self, status: Status, reply: ReplyView) -> Outcome {
        Outcome {
            status,
            message_id: self.message_id,
            envelope: EnvelopeView { from: self.envelope.sender, to: self.envelope.recipients },
            reply,
            message_size: self.size,
            attachments: self.files.into_iter().map(AttachmentView::from).collect(),
            warnings: self.warnings.into_iter().map(Warning::from).collect(),
        }
    }
}

impl Outcome {
    /// Returns the result as JSON.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self)
            .expect("strings, numbers and lists of them always serialize to JSON")
    }
}

impl From<Receipt> for ReplyView {
    fn from(receipt: Receipt) -> Self {
        Self {
            accepted: receipt.accepted,
            rejected: receipt.refused.iter().map(|refusal| refusal.recipient.clone()).collect(),
            rejected_errors: receipt.refused.into_iter().map(RejectedError::from).collect(),
            response: Some(receipt.reply.text),
            response_code: Some(receipt.reply.code),
            enhanced_code: receipt.reply.enhanced,
            queue_id: receipt.queue_id,
        }
    }
}

impl From<Refusal> for RejectedError {
    fn from(refusal: Refusal) -> Self {
        Self {
            recipient: refusal.recipient,
            field: refusal.field,
            response_code: refusal.reply.code,
            enhanced_code: refusal.reply.enhanced,
            response: refusal.reply.text,
            retry: match refusal.retry {
                Retry::Never => "never",
                Retry::Later => "later",
                Retry::AfterConfigChange => "after-config-change",
            },
        }
    }
}

impl From<Written> for AttachmentView {
    fn from(file: Written) -> Self {
        Self {
            filename: file.file_name,
            content_type: file.content_type,
            size: file.digest.size,
            sha256: file.digest.sha256_text(),
            cid: file.content_id,
        }
    }
}

impl From<Issue> for Warning {
    fn from(issue: Issue) -> Self {
        Self { path: issue.path, code: issue.code.as_str(), message: issue.message }
    }
}

/// The result of a dry run as JSON. The message is escaped into the JSON while it is written, so that memory holds only
/// one copy of it.
#[derive(Debug)]
pub(crate) struct Preview(Vec<u8>);

impl Preview {
    /// Creates a result with room for a message of `message` bytes.
    pub(crate) fn with_room_for(message: u64) -> Self {
        // Each CRLF is escaped. A line of base64 has one, so add a sixteenth of the message. The other fields fit into
        // 4 KiB, unless there are many recipients and files.
        let room = usize::try_from(message + message / 16 + 4096).unwrap_or_default();
        let mut json = Vec::with_capacity(room);
        json.extend_from_slice(b"{\"message\":\"");
        Self(json)
    }

    /// Appends bytes of the message.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'"' => self.0.extend_from_slice(b"\\\""),
                b'\\' => self.0.extend_from_slice(b"\\\\"),
                b'\r' => self.0.extend_from_slice(b"\\r"),
                b'\n' => self.0.extend_from_slice(b"\\n"),
                0..=0x1f => self.0.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => self.0.push(byte),
            }
        }
    }

    /// Returns the whole result, once the message is complete.
    pub(crate) fn into_json(mut self, outcome: &Outcome) -> String {
        self.0.extend_from_slice(b"\",");
        let rest = outcome.to_json();
        self.0.extend_from_slice(&rest.as_bytes()[1..]);
        // Headers are UTF-8, and the rest of a message is ASCII, so no byte is ever replaced.
        String::from_utf8(self.0)
            .unwrap_or_else(|bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_in_json_reads_back() {
        let message = "Subject: \"q\" \\ ü\r\n\r\n\ttext\u{1}\r\n";
        let mut preview = Preview::with_room_for(0);
        // Single bytes, which split the character ü.
        for byte in message.as_bytes().chunks(1) {
            preview.push(byte);
        }
        let envelope = Envelope {
            sender: "a@x.test".into(),
            recipients: vec!["b@x.test".into()],
            allow_partial: true,
            utf8_headers: false,
            size: None,
            notification: None,
        };
        let assembled = Assembled {
            message_id: "<id@x.test>".into(),
            envelope,
            size: 7,
            files: Vec::new(),
            warnings: Vec::new(),
        };
        let outcome = assembled.dry_run();
        let json: serde_json::Value = serde_json::from_str(&preview.into_json(&outcome)).unwrap();
        assert_eq!(json["message"], message);
        assert_eq!(json["status"], "dry-run");
        assert_eq!(json["envelope"]["to"][0], "b@x.test");
    }
}
