//! A request to a connector.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::accounts::Account;
use crate::attachments::{Captured, Recorder, Uploads};
use crate::transport::Attempt;

/// An action, its input and its account.
///
/// ```
/// use smtp_connector_host::Invocation;
///
/// let invocation = Invocation::send_mail(r#"{"to": "{{customer.email}}", "subject": "Hi", "body": "Hi!"}"#)
///     .keywords(r#"{"customer": {"email": "bob@example.com"}}"#)
///     .account("work");
/// ```
#[derive(Clone)]
pub struct Invocation {
    pub(crate) action: String,
    /// Shared with the host's reader of the input, which builds the allowlists.
    pub(crate) input: Arc<String>,
    pub(crate) keywords: Option<Arc<String>>,
    pub(super) account: Option<Chosen>,
    pub(super) id: Option<String>,
    pub(super) started_at: u64,
    pub(super) dry_run: bool,
    pub(super) uploads: Option<Arc<dyn Uploads>>,
    pub(super) attempt: Option<Arc<dyn Attempt>>,
    pub(super) captured: Option<Arc<Captured>>,
    /// Records the attachments that the run opens.
    pub(super) recorder: Option<Arc<Recorder>>,
}

/// The account of an invocation.
#[derive(Clone)]
pub(super) enum Chosen {
    /// The host's account with this name.
    Named(String),
    Given(Arc<Account>),
}

impl Invocation {
    /// Creates an invocation of an action. The input is a JSON object.
    pub fn new(action: impl Into<String>, input: impl Into<String>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            action: action.into(),
            input: Arc::new(input.into()),
            keywords: None,
            account: None,
            id: None,
            // If the clock is before 1970, the message is dated 1970.
            started_at: now.map_or(0, |now| now.as_secs()),
            dry_run: false,
            uploads: None,
            attempt: None,
            captured: None,
            recorder: None,
        }
    }

    /// Creates an invocation of the action `send-mail`.
    pub fn send_mail(input: impl Into<String>) -> Self {
        Self::new("send-mail", input)
    }

    /// Sets the keywords: a JSON object with the values of `{{...}}` in the input.
    #[must_use]
    pub fn keywords(self, keywords: impl Into<String>) -> Self {
        Self { keywords: Some(Arc::new(keywords.into())), ..self }
    }

    /// Sets the name of the account to send with. Without an account, an input can only be checked and previewed.
    #[must_use]
    pub fn account(self, name: impl Into<String>) -> Self {
        Self { account: Some(Chosen::Named(name.into())), ..self }
    }

    /// Sets the account to send with, if you already have it. The host's accounts are not searched.
    #[must_use]
    pub fn with_account(self, account: impl Into<Arc<Account>>) -> Self {
        Self { account: Some(Chosen::Given(account.into())), ..self }
    }

    /// Returns the name of the account, if there is one.
    pub fn account_name(&self) -> Option<&str> {
        match self.account.as_ref()? {
            Chosen::Named(name) => Some(name),
            Chosen::Given(account) => Some(account.name()),
        }
    }

    /// Sets the id of the run, which also determines the Message-ID. A retry with the same id and time produces the
    /// same bytes. Default: a new id.
    #[must_use]
    pub fn id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// Sets the time of the first attempt, in seconds since 1970. Default: now.
    #[must_use]
    pub fn started_at(self, seconds: u64) -> Self {
        Self { started_at: seconds, ..self }
    }

    /// Makes this a dry run: the message is built but not sent.
    #[must_use]
    pub fn dry_run(self) -> Self {
        Self { dry_run: true, ..self }
    }

    /// Sets where uploads are found in this run, instead of the host's setting.
    #[must_use]
    pub fn uploads(self, uploads: impl Uploads) -> Self {
        Self { uploads: Some(Arc::new(uploads)), ..self }
    }

    /// Sets the part of a queue in this attempt.
    #[must_use]
    pub fn attempt(self, attempt: Arc<dyn Attempt>) -> Self {
        Self { attempt: Some(attempt), ..self }
    }

    /// Sets the attachments, as they were captured. Their sources are not read again.
    #[must_use]
    pub fn captured(self, captured: Captured) -> Self {
        Self { captured: Some(Arc::new(captured)), ..self }
    }

    /// Returns the captured attachments, if they are set.
    pub fn captured_attachments(&self) -> Option<&Captured> {
        self.captured.as_deref()
    }

    /// Records the attachments that the run opens.
    pub(crate) fn recording(self, recorder: Arc<Recorder>) -> Self {
        Self { recorder: Some(recorder), ..self }
    }

    /// Returns the name of the action.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// Returns the input, a JSON object.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// Returns the keywords, a JSON object.
    pub fn keywords_json(&self) -> Option<&str> {
        self.keywords.as_deref().map(String::as_str)
    }

    /// Returns the id of the run, if one is set.
    pub fn run_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns the time of the first attempt, in seconds since 1970.
    pub fn first_attempt_at(&self) -> u64 {
        self.started_at
    }

    /// Reports whether the run can be repeated later from its texts alone: it is not a dry run, its account is the
    /// host's, and its uploads are the host's or captured.
    pub fn is_repeatable(&self) -> bool {
        let has_uploads = self.uploads.is_none() || self.captured.is_some();
        !self.dry_run && has_uploads && matches!(self.account, Some(Chosen::Named(_)))
    }
}

impl fmt::Debug for Invocation {
    /// Leaves out the input and the keywords, which are private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("action", &self.action)
            .field("account", &self.account_name())
            .field("id", &self.id)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}
