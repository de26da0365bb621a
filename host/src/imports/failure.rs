//! The `types` import: failures in both directions, and the way to stop a component.

use std::fmt;

use wasmtime::component::ResourceTableError;

use super::View;
use super::bindings::connectors::smtp::types as wit;
use super::bindings::exports::connectors::smtp::smtp_connector as contract;
use crate::policy::PolicyError;
use smtp_connector_smtp::Issue;
use smtp_connector_smtp::excerpt::shortened;
use smtp_connector_smtp::failure::{Delivered, Failure, FailureCode, Phase, Refusal, Retry};
use smtp_connector_smtp::{Reply, ReplyCode};

/// The most bytes of one text from a component. The host keeps, copies and shows such texts.
const LONGEST_TEXT: usize = 2_000;
/// The most issues, warnings or refusals of one call.
const MOST: usize = 1_000;

/// The error of an import: a failure that the component receives, or a trap that ends the component.
// Public because the generated bindings name it in public traits. Users of the crate cannot name it.
pub struct Failed(wasmtime::Error);

/// The failure in the trap of a component that was stopped.
#[derive(Debug)]
pub(crate) struct Stopped(pub(crate) Failure);

impl Failed {
    /// Returns an error that ends the component.
    pub(crate) fn stop(failure: Failure) -> Self {
        Self(wasmtime::Error::new(Stopped(failure)))
    }
}

impl wit::Host for View<'_> {
    fn convert_failure(&mut self, failed: Failed) -> wasmtime::Result<wit::Failure> {
        failed.0.downcast::<Failure>().map(wit::Failure::from)
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self(wasmtime::Error::new(failure))
    }
}

impl From<PolicyError> for Failed {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Failed(failure) => failure.into(),
            PolicyError::Broken(failure) => Self::stop(failure),
        }
    }
}

impl From<ResourceTableError> for Failed {
    fn from(error: ResourceTableError) -> Self {
        Self(error.into())
    }
}

impl From<wasmtime::Error> for Failed {
    fn from(trap: wasmtime::Error) -> Self {
        Self(trap)
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Stopped {}

/// Implements the conversion between two enums with the same variants, in both directions.
macro_rules! same_variants {
    ($ours:ident, [$($variant:ident),+ $(,)?]) => {
        impl From<$ours> for wit::$ours {
            fn from(value: $ours) -> Self {
                match value {
                    $($ours::$variant => Self::$variant,)+
                }
            }
        }

        impl From<wit::$ours> for $ours {
            fn from(value: wit::$ours) -> Self {
                match value {
                    $(wit::$ours::$variant => Self::$variant,)+
                }
            }
        }
    };
}

same_variants!(Retry, [Never, Later, AfterConfigChange]);
same_variants!(Delivered, [No, Unknown]);
same_variants!(
    Phase,
    [
        Input,
        Attachments,
        Build,
        Policy,
        Resolve,
        Connect,
        Greeting,
        Ehlo,
        Starttls,
        Auth,
        MailFrom,
        RcptTo,
        Data,
        Body,
        FinalReply,
    ]
);

impl From<Failure> for wit::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.code.as_str().to_owned(),
            message: failure.message,
            hint: failure.hint,
            phase: failure.phase.into(),
            retry: failure.retry.into(),
            delivered: failure.delivered.into(),
            reply: failure.reply.map(wit::Reply::from),
            refusals: failure.refusals.into_iter().map(wit::Refusal::from).collect(),
            message_id: failure.message_id,
        }
    }
}

impl From<wit::Failure> for Failure {
    /// Converts a failure that a component reports. A code that is not in the contract is a bug of the component, and
    /// becomes `internal`.
    fn from(failure: wit::Failure) -> Self {
        let known = FailureCode::ALL.iter().find(|code| code.as_str() == failure.code);
        let short = |text| shortened(text, LONGEST_TEXT);
        Self {
            code: known.copied().unwrap_or(FailureCode::Internal),
            message: short(failure.message),
            hint: failure.hint.map(short),
            phase: failure.phase.into(),
            retry: failure.retry.into(),
            delivered: failure.delivered.into(),
            reply: failure.reply.and_then(told_reply),
            refusals: failure.refusals.into_iter().take(MOST).filter_map(told_refusal).collect(),
            mend: None,
            account_wait: None,
            cause: None,
            message_id: failure.message_id.map(short),
        }
    }
}

impl From<Reply> for wit::Reply {
    fn from(reply: Reply) -> Self {
        let enhanced = reply.enhanced.map(|code| code.to_string());
        Self { code: reply.code.get(), enhanced, text: reply.text }
    }
}

/// Converts a reply that a component reports. Returns `None` if the reply code is not valid.
fn told_reply(told: wit::Reply) -> Option<Reply> {
    let reply = Reply::new(ReplyCode::new(told.code)?, shortened(told.text, LONGEST_TEXT));
    Some(reply.enhanced(told.enhanced.and_then(|code| code.parse().ok())))
}

impl From<Refusal> for wit::Refusal {
    fn from(refusal: Refusal) -> Self {
        Self {
            recipient: refusal.recipient.into(),
            field: refusal.field,
            reply: refusal.reply.into(),
            retry: refusal.retry.into(),
        }
    }
}

/// Converts a refusal that a component reports. Returns `None` if its recipient or reply code is not valid.
fn told_refusal(told: wit::Refusal) -> Option<Refusal> {
    let recipient = told.recipient.try_into().ok()?;
    let refusal = Refusal::new(recipient, told_reply(told.reply)?, told.retry.into());
    Some(refusal.field(told.field.map(|field| shortened(field, LONGEST_TEXT))))
}

/// Converts the issues that a component reports: at most [`MOST`], with texts of at most [`LONGEST_TEXT`] bytes.
pub(crate) fn issues(told: Vec<contract::Issue>) -> Vec<Issue> {
    let left_out = told.len().saturating_sub(MOST);
    let short = |text| shortened(text, LONGEST_TEXT);
    let mut issues: Vec<_> = told
        .into_iter()
        .take(MOST)
        .map(|issue| Issue {
            path: short(issue.path),
            code: short(issue.code),
            message: short(issue.message),
        })
        .collect();
    if let (Some(last), 1..) = (issues.last().cloned(), left_out) {
        issues.push(Issue {
            path: "$".to_owned(),
            message: format!("{left_out} more of these are not shown"),
            ..last
        });
    }
    issues
}
