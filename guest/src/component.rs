//! The WebAssembly component: translates between the contract's types and the action, without logic.

use crate::bindings;
use crate::bindings::connectors::smtp::account::Profile;
use crate::bindings::connectors::smtp::attachments::{AttachmentError, Metadata};
use crate::bindings::connectors::smtp::invocation::Run;
use crate::bindings::connectors::smtp::transport::{Envelope, Receipt};
use crate::bindings::connectors::smtp::types::Failure;
use crate::bindings::connectors::smtp::{account, attachments, invocation, transport};
use crate::bindings::exports::connectors::smtp::smtp_connector as contract;
use crate::input::{Code, Issue, Mail};
use crate::manifest;
use crate::platform::{Content, Outgoing, Platform};
use crate::send_mail::{Unsent, send_mail};

/// The component.
struct Component;

// The macro's entry points are public for the linker only; Rust code does not call them. wit-bindgen is responsible for
// their soundness.
#[expect(unreachable_pub, clippy::undocumented_unsafe_blocks)]
mod entry_points {
    use super::{Component, bindings};

    bindings::export!(Component with_types_in bindings);
}

impl contract::Guest for Component {
    fn describe() -> String {
        manifest::json()
    }

    fn validate(action: String, input: String, keywords: Option<String>) -> contract::Findings {
        if let Err(issue) = known(&action) {
            return contract::Findings { issues: vec![issue], warnings: Vec::new() };
        }
        let findings = Mail::validate(&input, keywords.as_deref(), &Imports.profile());
        contract::Findings {
            issues: findings.issues.into_iter().map(contract::Issue::from).collect(),
            warnings: findings.warnings.into_iter().map(contract::Issue::from).collect(),
        }
    }

    fn invoke(
        action: String,
        input: String,
        keywords: Option<String>,
    ) -> Result<String, contract::InvokeError> {
        known(&action).map_err(|issue| contract::InvokeError::Invalid(vec![issue]))?;
        send_mail(&Imports, &input, keywords.as_deref()).map_err(|unsent| match unsent {
            Unsent::Invalid(issues) => contract::InvokeError::Invalid(
                issues.into_iter().map(contract::Issue::from).collect(),
            ),
            Unsent::Failed(failure) => contract::InvokeError::Failed(failure),
        })
    }
}

fn known(action: &str) -> Result<(), contract::Issue> {
    if action == manifest::ACTION {
        return Ok(());
    }
    Err(contract::Issue {
        path: "action".to_owned(),
        code: Code::UnknownAction.as_str().to_owned(),
        message: format!(
            "unknown action; the only action of this connector is {:?}",
            manifest::ACTION
        ),
    })
}

impl From<Issue> for contract::Issue {
    fn from(issue: Issue) -> Self {
        Self { path: issue.path, code: issue.code.as_str().to_owned(), message: issue.message }
    }
}

/// The platform, called through the component's imports.
struct Imports;

impl Platform for Imports {
    type Content = attachments::Content;
    type Outgoing = transport::Outgoing;

    fn run(&self) -> Run {
        invocation::current()
    }

    fn profile(&self) -> Profile {
        account::current()
    }

    fn open_upload(&self, id: &str) -> Result<attachments::Content, AttachmentError> {
        attachments::open_upload(id)
    }

    fn fetch(&self, url: &str) -> Result<attachments::Content, AttachmentError> {
        attachments::fetch(url)
    }

    fn begin(&self, envelope: &Envelope) -> Result<transport::Outgoing, Failure> {
        transport::begin(envelope)
    }
}

impl Content for attachments::Content {
    fn metadata(&self) -> Metadata {
        attachments::Content::metadata(self)
    }

    fn read(&mut self, max: u32) -> Result<Vec<u8>, AttachmentError> {
        attachments::Content::read(self, max)
    }
}

impl Outgoing for transport::Outgoing {
    fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        transport::Outgoing::write(self, chunk)
    }

    fn finish(self) -> Result<Receipt, Failure> {
        transport::Outgoing::finish(self)
    }
}
