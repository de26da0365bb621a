//! The error type of the library.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};

pub use smtp_connector_smtp::Issue;

use smtp_connector_smtp::InvalidSetting;
use smtp_connector_smtp::Reply;
use smtp_connector_smtp::excerpt::excerpt;
use smtp_connector_smtp::failure::{Delivered, Failure, FailureCode, Phase, Refusal, Retry};
use smtp_connector_smtp::private_files::Exposed;

/// The error of loading a component, using an account or running an action.
///
/// The type is opaque, so that kinds can be added. Read it through its methods. `Display` is one sentence, [`hint`]
/// says what to do, and `source` is the cause.
///
/// [`hint`]: Error::hint
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    failure: Failure,
    issues: Vec<Issue>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result type of the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns an error for an input that is not valid, with all its issues.
    pub fn invalid(issues: Vec<Issue>) -> Self {
        let message = match issues.as_slice() {
            [one] if one.path == "$" => format!("the input is not valid: {}", one.message),
            [one] => format!("the input is not valid: {}: {}", one.path, one.message),
            several => format!("the input is not valid: it has {} issues", several.len()),
        };
        let failure = Failure::new(FailureCode::Validation, Phase::Input, message);
        Self { inner: Box::new(Inner { failure, issues, source: None }) }
    }

    /// Returns an error for an account that does not exist or is not valid.
    pub fn account(message: impl Into<String>) -> Self {
        Failure::of_settings(message).into()
    }

    /// Returns an error for an unknown account. Use it in your [`Accounts`](crate::accounts::Accounts).
    ///
    /// ```
    /// use smtp_connector_host::Error;
    ///
    /// let error = Error::no_such_account("wrok");
    /// assert_eq!(error.to_string(), "there is no account \"wrok\"");
    /// ```
    pub fn no_such_account(name: &str) -> Self {
        Self::account(format!("there is no account {}", excerpt(name)))
    }

    /// Returns an error for a component that cannot be loaded, or that breaks the contract.
    pub(crate) fn component(message: impl Into<String>) -> Self {
        Failure::new(FailureCode::Internal, Phase::Build, message).into()
    }

    /// Adds a hint for the user.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.failure.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// Returns the kind of error.
    pub fn code(&self) -> FailureCode {
        self.inner.failure.code
    }

    /// Returns what the user can do.
    pub fn hint(&self) -> Option<&str> {
        self.inner.failure.hint.as_deref()
    }

    /// Returns the phase in which the error happened.
    pub fn phase(&self) -> Phase {
        self.inner.failure.phase
    }

    /// Returns whether the same request may be tried again.
    pub fn retry(&self) -> Retry {
        self.inner.failure.retry
    }

    /// Reports whether a retry may work after a pause, and cannot deliver a second copy.
    pub fn is_transient(&self) -> bool {
        self.inner.failure.is_transient()
    }

    /// Returns whether a recipient may have the message.
    pub fn delivered(&self) -> Delivered {
        self.inner.failure.delivered
    }

    /// Returns how long the whole account should wait, if the server limits the account and not this message.
    pub fn account_wait(&self) -> Option<Duration> {
        self.inner.failure.account_wait
    }

    /// Returns the server's reply.
    pub fn reply(&self) -> Option<&Reply> {
        self.inner.failure.reply.as_ref()
    }

    /// Returns the recipients that the server refused, if this caused the error.
    pub fn refusals(&self) -> &[Refusal] {
        &self.inner.failure.refusals
    }

    /// Returns the issues of the input, if they caused the error.
    pub fn issues(&self) -> &[Issue] {
        &self.inner.issues
    }

    /// Returns the Message-ID of the message.
    pub fn message_id(&self) -> Option<&str> {
        self.inner.failure.message_id.as_deref()
    }

    /// Returns the error as JSON, as in the contract's `{"error": ...}`.
    pub fn to_json(&self) -> Value {
        let failure = &self.inner.failure;
        let mut json = Map::new();
        let mut set = |key: &str, value: Value| json.insert(key.to_owned(), value);
        set("code", json!(failure.code));
        set("message", json!(failure.message));
        set("hint", json!(failure.hint));
        set("phase", json!(failure.phase));
        set("retry", json!(failure.retry));
        set("delivered", json!(failure.delivered));
        if let Some(reply) = &failure.reply {
            set("responseCode", json!(reply.code));
            set("enhancedCode", json!(reply.enhanced));
            set("response", json!(reply.text));
        }
        set("issues", self.issues().iter().map(Issue::to_json).collect());
        set("rejectedErrors", failure.refusals.iter().map(refusal_json).collect());
        set("messageId", json!(failure.message_id));
        Value::Object(json)
    }
}

fn refusal_json(refusal: &Refusal) -> Value {
    json!({
        "recipient": refusal.recipient,
        "field": refusal.field,
        "responseCode": refusal.reply.code,
        "enhancedCode": refusal.reply.enhanced,
        "response": refusal.reply.text,
        "retry": refusal.retry,
    })
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self { inner: Box::new(Inner { failure, issues: Vec::new(), source: None }) }
    }
}

impl From<InvalidSetting> for Error {
    fn from(invalid: InvalidSetting) -> Self {
        let error = Self::account(invalid.to_string());
        match invalid.hint() {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

impl From<Exposed> for Error {
    /// Converts the error of a file that an account names.
    fn from(exposed: Exposed) -> Self {
        Failure::from(exposed).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.failure.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("failure", &self.inner.failure)
            .field("issues", &self.inner.issues)
            .field("source", &self.inner.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let own = self.inner.source.as_deref().map(|source| source as _);
        own.or_else(|| std::error::Error::source(&self.inner.failure))
    }
}
