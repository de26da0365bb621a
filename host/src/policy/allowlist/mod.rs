//! The allowlists of a run: the recipients, URLs and uploads that its input names.
//!
//! [`InputRule`] is the rule. The component reads its input strictly. The host only keeps a hostile component from
//! reaching anything else, so it reads loosely and accepts a value of any shape. It does not run templates, which is
//! the job of the sandbox.
//!
//! The work is linear in the size of the input. Each keyword is read once, and a budget limits what is kept.

mod computed;
mod field_reader;
mod input_rule;
mod keywords;
mod recipients;
mod sources;
mod template;
mod texts;

use std::sync::Arc;

use tokio::sync::OnceCell;

use smtp_connector_smtp::ForwardPath;
use smtp_connector_smtp::failure::{Failure, FailureCode, Phase};

use field_reader::FieldReader;
pub use input_rule::InputRule;
use keywords::Keywords;
use recipients::RecipientAllowlist;
use sources::SourceAllowlist;
use texts::{fold, members};

/// The allowlists of one run. They are read from its input when the component first needs them.
pub(crate) struct Allowlists {
    rule: InputRule,
    input: Arc<String>,
    keywords: Option<Arc<String>>,
    found: OnceCell<Result<Arc<Found>, OverBudget>>,
}

/// The recipients, URLs and uploads that an input names.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Whether the platform lets components reach what their input does not name.
    is_any: bool,
    recipients: RecipientAllowlist,
    sources: SourceAllowlist,
}

/// The limit that an input exceeds. It has too many names, or repeats its keywords until they are many times their
/// size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OverBudget(&'static str);

/// The most bytes that are read on the thread that runs the component. More takes longer than a millisecond, and is
/// read on a thread for blocking work.
const READ_AT_ONCE: usize = 256 << 10;

impl Allowlists {
    /// Creates the allowlists of an input, without reading it yet.
    pub(crate) fn new(rule: InputRule, input: Arc<String>, keywords: Option<Arc<String>>) -> Self {
        Self { rule, input, keywords, found: OnceCell::new() }
    }

    /// Returns what the input names.
    ///
    /// # Errors
    ///
    /// Returns an error if the input is over the budget.
    pub(crate) async fn found(&self) -> Result<&Found, Failure> {
        let read = || async {
            if self.rule.is_any() {
                return Ok(Arc::new(Found { is_any: true, ..Found::default() }));
            }
            let (input, keywords) = (Arc::clone(&self.input), self.keywords.clone());
            let length = input.len() + keywords.as_ref().map_or(0, |keywords| keywords.len());
            let read =
                move || Found::read(&input, keywords.as_deref().map(String::as_str)).map(Arc::new);
            if length <= READ_AT_ONCE {
                return read();
            }
            // This fails only if the task panics, or when the runtime shuts down.
            let failed = OverBudget("it could not be read");
            tokio::task::spawn_blocking(read).await.unwrap_or(Err(failed))
        };
        let found = self.found.get_or_init(read).await;
        found.as_deref().map_err(|over| over.failure())
    }
}

impl Found {
    /// Reports whether the input names a recipient.
    pub(crate) fn has_recipient(&self, path: &ForwardPath) -> bool {
        self.is_any || self.recipients.contains(path)
    }

    /// Reports whether the input names a URL as an attachment.
    pub(crate) fn has_url(&self, url: &str) -> bool {
        self.is_any || self.sources.contains_url(url)
    }

    /// Reports whether the input names an upload as an attachment.
    pub(crate) fn has_upload(&self, id: &str) -> bool {
        self.is_any || self.sources.contains_upload(id)
    }

    /// Reads an input. If it is not JSON, the result is empty.
    pub(crate) fn read(input: &str, keywords: Option<&str>) -> Result<Self, OverBudget> {
        let mut recipients = FieldReader::<recipients::Reader>::new(keywords.is_some());
        let mut sources = FieldReader::<sources::Reader>::new(keywords.is_some());
        members(input, |name, value| {
            let name = fold(name);
            if InputRule::RECIPIENT_FIELDS.contains(&name.as_str()) {
                recipients.read_field(value);
            } else if InputRule::ATTACHMENT_FIELDS.contains(&name.as_str()) {
                sources.read_field(value);
            }
        });
        let mut budget = Budget::of(input.len() + keywords.map_or(0, str::len));
        if let Some(text) = keywords {
            let keywords = Keywords::find(text, recipients.templates().chain(sources.templates()))?;
            recipients.read_templates(&keywords, &mut budget)?;
            sources.read_templates(&keywords, &mut budget)?;
        }
        Ok(Self { is_any: false, recipients: recipients.finish()?, sources: sources.finish()? })
    }
}

/// The budget of bytes for keywords inside other text.
struct Budget {
    left: usize,
}

impl Budget {
    /// Creates a budget of the size of the input and keywords, with a minimum for small ones.
    fn of(length: usize) -> Self {
        /// A hundred recipients, each with a name and an address from keywords, use a tenth of this.
        const LEAST: usize = 256 << 10;
        Self { left: length.max(LEAST) }
    }

    fn take(&mut self, bytes: usize) -> Result<(), OverBudget> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or(OverBudget("its fields repeat their keywords too often"))?;
        Ok(())
    }
}

/// The most names of one kind. Accounts allow far fewer recipients and attachments.
const MAX_NAMES: usize = 100_000;
/// The most texts with placeholders, and the most different placeholders. Each costs more than a name.
const MAX_PLACEHOLDERS: usize = 2_000;

impl OverBudget {
    fn failure(self) -> Failure {
        let message = format!("the input names more than one mail can have: {}", self.0);
        Failure::new(FailureCode::Validation, Phase::Policy, message)
            .hint("name each recipient and each attachment once, and bind a field to one keyword")
    }
}

/// Checks that there is room for one more placeholder.
fn check_placeholders(number: usize) -> Result<(), OverBudget> {
    match number {
        0..=MAX_PLACEHOLDERS => Ok(()),
        _ => Err(OverBudget("it has too many placeholders")),
    }
}

/// Checks that there is room for one more name.
fn check_number(number: usize, what: &'static str) -> Result<(), OverBudget> {
    if number > MAX_NAMES { Err(OverBudget(what)) } else { Ok(()) }
}
