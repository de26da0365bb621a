//! A request to a connector.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::accounts::Account;
use crate::attachments::Uploads;

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
    pub(crate) fn account_name(&self) -> Option<&str> {
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
