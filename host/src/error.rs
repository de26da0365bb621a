//! The one error of the library.

use std::fmt;

use serde_json::{Map, Value, json};

pub use smtp_connector_smtp::Issue;

use smtp_connector_smtp::InvalidSetting;
use smtp_connector_smtp::Reply;
use smtp_connector_smtp::excerpt::excerpt;
use smtp_connector_smtp::failure::{Delivered, Failure, FailureCode, Phase, Refusal, Retry};
use smtp_connector_smtp::private_files::Exposed;

/// Why a component could not be loaded, an account not be used, or an action not be done.
///
/// Opaque, with questions on it, so that kinds can be added. `Display` is one sentence; [`hint`] says
/// what to do, and `source` what it was caused by.
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

/// A result of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An input that is wrong, with everything that is wrong about it.
    pub fn invalid(issues: Vec<Issue>) -> Self {
        let message = match issues.as_slice() {
            [one] if one.path == "$" => format!("the input is wrong: {}", one.message),
            [one] => format!("the input is wrong: {}: {}", one.path, one.message),
            several => format!("the input is wrong in {} places", several.len()),
        };
        let failure = Failure::new(FailureCode::Validation, Phase::Input, message);
        Self { inner: Box::new(Inner { failure, issues, source: None }) }
    }

    /// An account that is not there or not right.
    pub fn account(message: impl Into<String>) -> Self {
        Failure::of_settings(message).into()
    }

    /// There is no account of that name: what an [`Accounts`](crate::accounts::Accounts) of yours says of it.
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

    /// A component that cannot be loaded, or does not keep to the contract.
    pub(crate) fn component(message: impl Into<String>) -> Self {
        Failure::new(FailureCode::Internal, Phase::Build, message).into()
    }

    /// Adds what a person can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.failure.hint = Some(hint.into());
        self
    }

    /// Adds what it was caused by.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// What kind of error it is.
    pub fn code(&self) -> FailureCode {
        self.inner.failure.code
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&str> {
        self.inner.failure.hint.as_deref()
    }

    /// Where in the work it happened.
    pub fn phase(&self) -> Phase {
        self.inner.failure.phase
    }

    /// Whether the same request may be tried again.
    pub fn retry(&self) -> Retry {
        self.inner.failure.retry
    }

    /// Whether the same request may work after a pause, and cannot become a second copy.
    pub fn is_transient(&self) -> bool {
        self.inner.failure.is_transient()
    }

    /// Whether anyone may have the message.
    pub fn delivered(&self) -> Delivered {
        self.inner.failure.delivered
    }

    /// What the server said.
    pub fn reply(&self) -> Option<&Reply> {
        self.inner.failure.reply.as_ref()
    }

    /// Recipients that the server refused, where that is why.
    pub fn refusals(&self) -> &[Refusal] {
        &self.inner.failure.refusals
    }

    /// Everything that is wrong with the input, where that is why.
    pub fn issues(&self) -> &[Issue] {
        &self.inner.issues
    }

    /// Message-ID of the message that was to be sent.
    pub fn message_id(&self) -> Option<&str> {
        self.inner.failure.message_id.as_deref()
    }

    /// The error as the contract's JSON has it: what stands in `{"error": ...}`.
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
    /// Of a file that an account names.
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
