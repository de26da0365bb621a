//! The parsed result of `send-mail`.

use serde::Deserialize;
use smtp_connector_smtp::failure::{Refusal, Retry};
use smtp_connector_smtp::{EnhancedStatusCode, ForwardPath, Issue, Reply, ReplyCode};

use super::outcome::{AttachedFile, Status};

/// The members of a result. Results of other actions may lack members, which are then empty here.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    pub(super) status: Option<Status>,
    pub(super) message_id: Option<String>,
    pub(super) accepted: Vec<ForwardPath>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) reply: Option<Reply>,
    pub(super) queue_id: Option<String>,
    pub(super) message_size: Option<u64>,
    pub(super) attachments: Vec<AttachedFile>,
    pub(super) message: Option<String>,
    pub(super) warnings: Vec<Issue>,
}

/// The JSON shape of the result.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Told {
    status: Option<Status>,
    message_id: Option<String>,
    accepted: Vec<ForwardPath>,
    rejected_errors: Vec<Rejected>,
    response: Option<String>,
    response_code: Option<ReplyCode>,
    enhanced_code: Option<EnhancedStatusCode>,
    queue_id: Option<String>,
    message_size: Option<u64>,
    attachments: Vec<AttachedFile>,
    message: Option<String>,
    warnings: Vec<Warning>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rejected {
    recipient: ForwardPath,
    field: Option<String>,
    response_code: ReplyCode,
    enhanced_code: Option<EnhancedStatusCode>,
    response: String,
    retry: String,
}

#[derive(Deserialize)]
struct Warning {
    path: String,
    code: String,
    message: String,
}

impl Sent {
    pub(super) fn read(json: &str) -> Self {
        let told: Told = serde_json::from_str(json).unwrap_or_default();
        let text = told.response.unwrap_or_default();
        let reply =
            told.response_code.map(|code| Reply::new(code, text).enhanced(told.enhanced_code));
        Self {
            status: told.status,
            message_id: told.message_id,
            accepted: told.accepted,
            refusals: told.rejected_errors.into_iter().map(Refusal::from).collect(),
            reply,
            queue_id: told.queue_id,
            message_size: told.message_size,
            attachments: told.attachments,
            message: told.message,
            warnings: told.warnings.into_iter().map(Issue::from).collect(),
        }
    }
}

impl From<Rejected> for Refusal {
    fn from(told: Rejected) -> Self {
        let retry = Retry::ALL.iter().find(|retry| retry.as_str() == told.retry);
        let reply = Reply::new(told.response_code, told.response).enhanced(told.enhanced_code);
        let retry = retry.copied().unwrap_or(Retry::Never);
        Self::new(told.recipient, reply, retry).field(told.field)
    }
}

impl From<Warning> for Issue {
    fn from(told: Warning) -> Self {
        Self { path: told.path, code: told.code, message: told.message }
    }
}
