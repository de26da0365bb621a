//! What is asked of a connector.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::accounts::Account;
use crate::attachments::Uploads;

/// An action, its input, and the account to do it with.
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
    /// Shared with the host's own reader of it.
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
    /// The host's own of that name.
    Named(String),
    Given(Arc<Account>),
}

impl Invocation {
    /// An action with an input, which is a JSON object.
    pub fn new(action: impl Into<String>, input: impl Into<String>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            action: action.into(),
            input: Arc::new(input.into()),
            keywords: None,
            account: None,
            id: None,
            // A machine whose clock stands before 1970 sends mail of 1970.
            started_at: now.map_or(0, |now| now.as_secs()),
            dry_run: false,
            uploads: None,
        }
    }

    /// The action *Send mail*.
    pub fn send_mail(input: impl Into<String>) -> Self {
        Self::new("send-mail", input)
    }

    /// What `{{...}}` in the input stands for: a JSON object.
    #[must_use]
    pub fn keywords(self, keywords: impl Into<String>) -> Self {
        Self { keywords: Some(Arc::new(keywords.into())), ..self }
    }

    /// The account to send with. Without one, an input can be checked and previewed.
    #[must_use]
    pub fn account(self, name: impl Into<String>) -> Self {
        Self { account: Some(Chosen::Named(name.into())), ..self }
    }

    /// The account itself to send with, for a platform that has it at hand. The host's own accounts are not asked.
    #[must_use]
    pub fn with_account(self, account: impl Into<Arc<Account>>) -> Self {
        Self { account: Some(Chosen::Given(account.into())), ..self }
    }

    /// The name of the account, if one was chosen.
    pub(crate) fn account_name(&self) -> Option<&str> {
        match self.account.as_ref()? {
            Chosen::Named(name) => Some(name),
            Chosen::Given(account) => Some(account.name()),
        }
    }

    /// The run's id, and with it the message's. A retry with the same id and the same time makes the same
    /// bytes again. Default: a new one.
    #[must_use]
    pub fn id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// When the run was first asked for, in seconds since 1970. Default: now.
    #[must_use]
    pub fn started_at(self, seconds: u64) -> Self {
        Self { started_at: seconds, ..self }
    }

    /// Assemble the message, and send nothing.
    #[must_use]
    pub fn dry_run(self) -> Self {
        Self { dry_run: true, ..self }
    }

    /// Where this run's uploads are found, instead of the host's.
    #[must_use]
    pub fn uploads(self, uploads: impl Uploads) -> Self {
        Self { uploads: Some(Arc::new(uploads)), ..self }
    }
}

impl fmt::Debug for Invocation {
    /// Without input and keywords, which are the users' own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("action", &self.action)
            .field("account", &self.account_name())
            .field("id", &self.id)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}
