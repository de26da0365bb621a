//! What a run may reach: the recipients, URLs and uploads that its input names.
//!
//! The component reads its input strictly. The host only has to keep a hostile component from reaching anything else, so
//! it reads loosely: it looks for addresses in the text of `to`, `cc` and `bcc`, and for URLs and ids of uploads in
//! `attachments`, whatever their shape, and follows `{{a.b[0].c}}` to that keyword's value. It runs no template: that is
//! what the sandbox is for.
//!
//! The work is linear in the input. Each keyword is read once, and what is kept has a budget.

mod computed;
mod keywords;
mod recipients;
mod sources;
mod template;
mod texts;

use std::sync::Arc;

use tokio::sync::OnceCell;

use smtp_connector_smtp::failure::{Failure, FailureCode, Phase};

pub(crate) use recipients::RecipientAllowlist;
pub(crate) use sources::SourceAllowlist;

use keywords::Keywords;
use texts::{Keys, fold, members, texts};

/// The allowlists of one run, read from its input when the component first asks for something.
pub(crate) struct Allowlists {
    input: Arc<String>,
    keywords: Option<Arc<String>>,
    found: OnceCell<Result<Arc<Found>, OverBudget>>,
}

/// What an input names.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) recipients: RecipientAllowlist,
    pub(crate) sources: SourceAllowlist,
}

/// An input that names more than any mail has, or repeats its keywords until they are many times their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OverBudget(&'static str);

/// Names of the fields that hold recipients, folded: `to`, `cc`, `bcc`, and what others call them.
const RECIPIENT_FIELDS: &[&str] = &[
    "to",
    "receiver",
    "receivers",
    "receiveremail",
    "recipient",
    "recipients",
    "recipientemail",
    "recipientemails",
    "toemail",
    "toemails",
    "toaddress",
    "toaddresses",
    "toemailaddress",
    "torecipients",
    "sendto",
    "emailto",
    "mailto",
    "cc",
    "ccemail",
    "ccemails",
    "ccaddress",
    "ccaddresses",
    "ccrecipients",
    "carboncopy",
    "bcc",
    "bccemail",
    "bccemails",
    "bccaddress",
    "bccaddresses",
    "bccrecipients",
    "blindcarboncopy",
];
/// Names of the field that holds attachments, folded.
const ATTACHMENT_FIELDS: &[&str] = &[
    "attachments",
    "attachment",
    "attachmentarray",
    "attachmentlist",
    "attachmenturl",
    "attachmenturls",
    "emailattachments",
    "mailattachments",
    "fileattachments",
    "attachedfiles",
    "file",
    "files",
];
/// Keys of an address in an object, folded.
const ADDRESS_KEYS: &[&str] = &["email", "address", "mail", "value", "emailaddress"];
/// Texts that are read at once, on the thread that runs the component. Reading more takes longer than a millisecond, and
/// happens on a thread that may block.
const READ_AT_ONCE: usize = 256 << 10;

impl Allowlists {
    /// The allowlists of an input, which is not read yet.
    pub(crate) fn new(input: Arc<String>, keywords: Option<Arc<String>>) -> Self {
        Self { input, keywords, found: OnceCell::new() }
    }

    /// What the input names.
    ///
    /// # Errors
    ///
    /// An input that is over the budget.
    pub(crate) async fn found(&self) -> Result<&Found, Failure> {
        let read = || async {
            let (input, keywords) = (Arc::clone(&self.input), self.keywords.clone());
            let length = input.len() + keywords.as_ref().map_or(0, |keywords| keywords.len());
            let read =
                move || Found::read(&input, keywords.as_deref().map(String::as_str)).map(Arc::new);
            if length <= READ_AT_ONCE {
                return read();
            }
            // It ends in an error only if it panics, or with the runtime.
            let failed = OverBudget("it could not be read");
            tokio::task::spawn_blocking(read).await.unwrap_or(Err(failed))
        };
        let found = self.found.get_or_init(read).await;
        found.as_deref().map_err(|over| over.failure())
    }
}

impl Found {
    /// Reads an input. What is not JSON names nothing.
    pub(crate) fn read(input: &str, keywords: Option<&str>) -> Result<Self, OverBudget> {
        let mut recipients = recipients::Reader::default();
        let mut sources = sources::Reader::default();
        let is_template = |text: &str| keywords.is_some() && text.contains("{{");
        members(input, |name, value| {
            let name = fold(name);
            if RECIPIENT_FIELDS.contains(&name.as_str()) {
                texts(value, Keys::Only(ADDRESS_KEYS), &mut |text| match is_template(text) {
                    true => recipients.keep_template(text),
                    false => recipients.read_text(text),
                });
            } else if ATTACHMENT_FIELDS.contains(&name.as_str()) {
                texts(value, Keys::All, &mut |text| match is_template(text) {
                    true => sources.keep_template(text),
                    false => sources.read_text(text),
                });
            }
        });
        let mut budget = Budget::of(input.len() + keywords.map_or(0, str::len));
        if let Some(text) = keywords {
            let keywords = Keywords::find(text, recipients.templates().chain(sources.templates()))?;
            recipients.read_templates(&keywords, &mut budget)?;
            sources.read_templates(&keywords, &mut budget)?;
        }
        Ok(Self { recipients: recipients.finish()?, sources: sources.finish()? })
    }
}

/// How much text may come of keywords that stand between other text.
struct Budget {
    left: usize,
}

impl Budget {
    /// As much as there is of input and keywords, and enough for a small one.
    fn of(length: usize) -> Self {
        /// A hundred recipients, each with a name and an address out of keywords, are a tenth of it.
        const LEAST: usize = 256 << 10;
        Self { left: length.max(LEAST) }
    }

    fn take(&mut self, bytes: usize) -> Result<(), OverBudget> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or(OverBudget("its fields repeat their keywords too often"))?;
        Ok(())
    }
}

/// The most names of one kind: far more than any account sends to or attaches.
const MAX_NAMES: usize = 100_000;
/// The most texts with placeholders, and the most different placeholders: each costs more than a name does.
const MAX_PLACEHOLDERS: usize = 2_000;

impl OverBudget {
    fn failure(self) -> Failure {
        let message = format!("the input names more than a mail can have: {}", self.0);
        Failure::new(FailureCode::Validation, Phase::Policy, message)
            .hint("name each recipient and each attachment once, and bind a field to one keyword")
    }
}

/// Whether there is room for one more placeholder.
fn check_placeholders(number: usize) -> Result<(), OverBudget> {
    match number {
        0..=MAX_PLACEHOLDERS => Ok(()),
        _ => Err(OverBudget("it has too many placeholders")),
    }
}

/// Whether there is room for one more name.
fn check_number(number: usize, what: &'static str) -> Result<(), OverBudget> {
    if number > MAX_NAMES { Err(OverBudget(what)) } else { Ok(()) }
}
