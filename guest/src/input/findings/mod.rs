//! What a check finds: issues, which must be mended, and warnings.

mod path;

use std::cell::LazyCell;
use std::fmt;

pub use path::Path;

/// One thing wrong, or odd, about an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Where: `to[2].email`.
    pub path: String,
    pub code: Code,
    /// One sentence for a person.
    pub message: String,
}

/// Issues and warnings, in the order in which they were found.
#[derive(Debug, Default)]
pub struct Findings {
    pub issues: Vec<Issue>,
    pub warnings: Vec<Issue>,
    unlisted: usize,
}

/// So many issues are listed; a person mends these first, and a hostile input of 100,000 bad addresses
/// costs no more than this.
const MOST_ISSUES: usize = 200;

impl Findings {
    /// Notes something that must be mended.
    pub fn issue(&mut self, path: &Path<'_>, code: Code, message: impl Into<String>) {
        self.issue_with(path, code, || message.into());
    }

    /// The same with a message that takes work to write, which is not done where nobody will read it.
    pub fn issue_with(&mut self, path: &Path<'_>, code: Code, message: impl FnOnce() -> String) {
        if self.issues.len() < MOST_ISSUES {
            self.issues.push(Issue { path: path.to_string(), code, message: message() });
        } else {
            self.unlisted += 1;
        }
    }

    /// Notes something that was mended on the way, or may not be meant.
    pub fn warn(&mut self, path: &dyn fmt::Display, code: Code, message: impl Into<String>) {
        if self.warnings.len() < MOST_ISSUES {
            self.warnings.push(Issue { path: path.to_string(), code, message: message.into() });
        }
    }

    /// Whether nothing must be mended.
    pub fn is_valid(&self) -> bool {
        self.issues.is_empty()
    }

    /// Whether an issue was found at a place or inside it: the value there is known to be no use.
    pub fn has_issue_in(&self, path: &Path<'_>) -> bool {
        self.issues_in(path).next().is_some()
    }

    /// Whether a list at a place or inside it was too long to be read to its end: how many there are is said, and
    /// cannot be told from what was read.
    pub fn has_cut_list_in(&self, path: &Path<'_>) -> bool {
        self.issues_in(path).any(|issue| issue.code == Code::TooMany)
    }

    fn issues_in(&self, path: &Path<'_>) -> impl Iterator<Item = &Issue> {
        // In most inputs nothing is found, and no place is written out.
        let path = LazyCell::new(|| path.to_string());
        self.issues.iter().filter(move |issue| {
            let rest = issue.path.strip_prefix(path.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// Says how many issues were left out, where some were.
    pub fn close(&mut self) {
        if self.unlisted > 0 {
            self.issues.push(Issue {
                path: Path::ROOT.to_string(),
                code: Code::MoreIssues,
                message: format!("{} more issues are not listed; mend these first", self.unlisted),
            });
            self.unlisted = 0;
        }
    }
}

/// Declares the codes with their meaning, so that the manifest's list cannot miss one.
macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $name:ident => $text:literal,)+) => {
        /// What an issue or a warning is about: stable, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[doc = $meaning])+ $name,)+
        }

        impl Code {
            /// Every code with its meaning, in alphabetical order.
            pub const ALL: &[(Code, &str)] = &[$((Code::$name, concat!($($meaning),+).trim_ascii())),+];

            /// The code as programs see it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)+
                }
            }
        }
    };
}

codes! {
    /// The attachment names more than one source, or none.
    AttachmentSource => "attachment-source",
    /// The bytes do not have the SHA-256 that was given.
    ChecksumMismatch => "checksum-mismatch",
    /// A picture stands in the HTML itself, as a data URI: Gmail and Outlook do not show it.
    DataImage => "data-image",
    /// Two names for one field.
    DuplicateField => "duplicate-field",
    /// A key stands twice in one object.
    DuplicateKey => "duplicate-key",
    /// A recipient was named twice, and is kept once.
    DuplicateRecipient => "duplicate-recipient",
    /// There is HTML and no text part beside it.
    HtmlWithoutText => "html-without-text",
    /// A picture in the HTML would be fetched without encryption.
    InsecureImage => "insecure-image",
    /// Not an e-mail address that can be sent to.
    InvalidAddress => "invalid-address",
    /// Not base64, or not the one way to write those bytes.
    InvalidBase64 => "invalid-base64",
    /// The value holds a character that has no place there.
    InvalidCharacter => "invalid-character",
    /// Not a content id that an HTML body could refer to.
    InvalidContentId => "invalid-content-id",
    /// Not a data URI.
    InvalidDataUri => "invalid-data-uri",
    /// Not a date as RFC 3339 or RFC 5322 writes it, nor a Unix time.
    InvalidDate => "invalid-date",
    /// Not a header that can be set.
    InvalidHeader => "invalid-header",
    /// Not JSON.
    InvalidJson => "invalid-json",
    /// Not a media type, or one that an attachment may not have.
    InvalidMediaType => "invalid-media-type",
    /// Not a message id.
    InvalidMessageId => "invalid-message-id",
    /// Not a web address.
    InvalidUrl => "invalid-url",
    /// A string held JSON, and was read as such.
    JsonInString => "json-in-string",
    /// The message is so large that many servers will not take it.
    LargeMessage => "large-message",
    /// A path on a disk: the connector has no file system.
    LocalPath => "local-path",
    /// The HTML refers to a content id that no attachment has.
    MissingContentId => "missing-content-id",
    /// A keyword that was not given.
    MissingKeyword => "missing-keyword",
    /// A value that is needed is not there.
    MissingValue => "missing-value",
    /// More issues than are listed.
    MoreIssues => "more-issues",
    /// The server does not offer what was asked for, and the message was sent without it.
    NotOffered => "not-offered",
    /// An optional attachment could not be had, and is left out.
    OptionalLeftOut => "optional-left-out",
    /// The server offers PIPELINING and loses commands that are sent at once: they were sent one by one.
    PipeliningLost => "pipelining-lost",
    /// A header that the connector, or a server on the way, writes.
    ReservedHeader => "reserved-header",
    /// The value was changed so that it can stand where it was put.
    Sanitised => "sanitised",
    /// The sender is of another domain than the account.
    SenderDomain => "sender-domain",
    /// Not a template that can be filled in.
    TemplateError => "template-error",
    /// Values nested too deep.
    TooDeep => "too-deep",
    /// Longer than it may be.
    TooLong => "too-long",
    /// More values than there may be: 10,000 in any array, fewer where a field or the account says so.
    TooMany => "too-many",
    /// An action that this connector does not have.
    UnknownAction => "unknown-action",
    /// A field that this action does not have.
    UnknownField => "unknown-field",
    /// Not one of the values that the field takes.
    UnknownValue => "unknown-value",
    /// An attachment has a content id that the HTML does not refer to.
    UnusedContentId => "unused-content-id",
    /// The value has another type than the field takes.
    WrongType => "wrong-type",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_a_bounded_number_of_issues_and_counts_the_rest() {
        let mut findings = Findings::default();
        for index in 0..100_000 {
            findings.issue(&Path::ROOT.key("to").index(index), Code::InvalidAddress, "no");
        }
        findings.close();
        assert_eq!(findings.issues.len(), MOST_ISSUES + 1);
        assert!(findings.issues[MOST_ISSUES].message.starts_with("99800 more"));
    }

    #[test]
    fn every_code_is_kebab_case_and_unlike_the_others() {
        let mut texts: Vec<_> = Code::ALL.iter().map(|(code, _)| code.as_str()).collect();
        assert!(texts.iter().all(|text| {
            text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        }));
        assert!(texts.is_sorted());
        texts.dedup();
        assert_eq!(texts.len(), Code::ALL.len());
    }
}
