//! The results of a check: issues, which must be fixed, and warnings.

mod path;

use std::cell::LazyCell;
use std::fmt;

pub use path::Path;

/// One issue or warning about an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The path of the value: `to[2].email`.
    pub path: String,
    pub code: Code,
    /// One sentence for the user.
    pub message: String,
}

/// Issues and warnings, in the order in which they are found.
#[derive(Debug, Default)]
pub struct Findings {
    pub issues: Vec<Issue>,
    pub warnings: Vec<Issue>,
    unlisted: usize,
}

/// The most issues that are listed. This also bounds the cost of a hostile input with 100,000 invalid addresses.
const MOST_ISSUES: usize = 200;

impl Findings {
    /// Adds an issue, which must be fixed.
    pub fn issue(&mut self, path: &Path<'_>, code: Code, message: impl Into<String>) {
        self.issue_with(path, code, || message.into());
    }

    /// Adds an issue whose message is expensive to write. The message is written only if the issue is listed.
    pub fn issue_with(&mut self, path: &Path<'_>, code: Code, message: impl FnOnce() -> String) {
        if self.issues.len() < MOST_ISSUES {
            self.issues.push(Issue { path: path.to_string(), code, message: message() });
        } else {
            self.unlisted += 1;
        }
    }

    /// Adds a warning: a value was corrected, or may not be intended.
    pub fn warn(&mut self, path: &dyn fmt::Display, code: Code, message: impl Into<String>) {
        if self.warnings.len() < MOST_ISSUES {
            self.warnings.push(Issue { path: path.to_string(), code, message: message.into() });
        }
    }

    /// Reports whether there are no issues.
    pub fn is_valid(&self) -> bool {
        self.issues.is_empty()
    }

    /// Reports whether there is an issue at `path` or inside it. The value there cannot be used.
    pub fn has_issue_in(&self, path: &Path<'_>) -> bool {
        self.issues_in(path).next().is_some()
    }

    /// Reports whether a list at `path` or inside it is too long and was cut. An issue already gives its length, which
    /// the elements that were read do not show.
    pub fn has_cut_list_in(&self, path: &Path<'_>) -> bool {
        self.issues_in(path).any(|issue| issue.code == Code::TooMany)
    }

    fn issues_in(&self, path: &Path<'_>) -> impl Iterator<Item = &Issue> {
        // Most inputs have no issues, so the path is only written if needed.
        let path = LazyCell::new(|| path.to_string());
        self.issues.iter().filter(move |issue| {
            let rest = issue.path.strip_prefix(path.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// Adds an issue with the number of unlisted issues, if there are any.
    pub fn close(&mut self) {
        if self.unlisted > 0 {
            self.issues.push(Issue {
                path: Path::ROOT.to_string(),
                code: Code::MoreIssues,
                message: format!("{} more issues are not listed; fix these first", self.unlisted),
            });
            self.unlisted = 0;
        }
    }
}

/// Declares the codes with their meanings, so that the manifest's list is always complete.
macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $name:ident => $text:literal,)+) => {
        /// The code of an issue or a warning. Codes are stable, for use by programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[doc = $meaning])+ $name,)+
        }

        impl Code {
            /// All codes with their meanings, in alphabetical order.
            pub const ALL: &[(Code, &str)] = &[$((Code::$name, concat!($($meaning),+).trim_ascii())),+];

            /// Returns the code as programs see it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)+
                }
            }
        }
    };
}

codes! {
    /// The attachment has no source, or more than one.
    AttachmentSource => "attachment-source",
    /// The bytes do not match the given SHA-256.
    ChecksumMismatch => "checksum-mismatch",
    /// The HTML contains a picture as a data URI, which Gmail and Outlook do not show.
    DataImage => "data-image",
    /// One field is given under two names.
    DuplicateField => "duplicate-field",
    /// An object has the same key twice.
    DuplicateKey => "duplicate-key",
    /// A recipient is given more than once and is kept once.
    DuplicateRecipient => "duplicate-recipient",
    /// There is HTML without a text part.
    HtmlWithoutText => "html-without-text",
    /// A picture in the HTML is loaded without encryption.
    InsecureImage => "insecure-image",
    /// Not a valid email address.
    InvalidAddress => "invalid-address",
    /// Not base64, or not its canonical form.
    InvalidBase64 => "invalid-base64",
    /// The value contains a character that is not allowed there.
    InvalidCharacter => "invalid-character",
    /// Not a content id that an HTML body can refer to.
    InvalidContentId => "invalid-content-id",
    /// Not a data URI.
    InvalidDataUri => "invalid-data-uri",
    /// Not a date in the format of RFC 3339 or RFC 5322, and not a Unix time.
    InvalidDate => "invalid-date",
    /// Not a header name or value that can be sent.
    InvalidHeader => "invalid-header",
    /// Not valid JSON.
    InvalidJson => "invalid-json",
    /// Not a media type, or one that is not allowed for an attachment.
    InvalidMediaType => "invalid-media-type",
    /// Not a valid message id.
    InvalidMessageId => "invalid-message-id",
    /// Not a valid URL.
    InvalidUrl => "invalid-url",
    /// A string contains JSON and was read as JSON.
    JsonInString => "json-in-string",
    /// The message is so large that many servers refuse it.
    LargeMessage => "large-message",
    /// A path on a disk, but the connector has no file system.
    LocalPath => "local-path",
    /// The HTML refers to a content id that no attachment has.
    MissingContentId => "missing-content-id",
    /// A placeholder refers to a keyword that is not given.
    MissingKeyword => "missing-keyword",
    /// A required value is missing.
    MissingValue => "missing-value",
    /// There are more issues than are listed.
    MoreIssues => "more-issues",
    /// The server does not offer a requested feature, and the message was sent without it.
    NotOffered => "not-offered",
    /// An optional attachment could not be read and is left out.
    OptionalLeftOut => "optional-left-out",
    /// The server offers PIPELINING but loses commands that are sent together, so they were sent one by one.
    PipeliningLost => "pipelining-lost",
    /// A header that the connector or a mail server writes.
    ReservedHeader => "reserved-header",
    /// The value was changed so that it is valid where it is used.
    Sanitised => "sanitised",
    /// The sender's domain is not the account's domain.
    SenderDomain => "sender-domain",
    /// The template cannot be filled in.
    TemplateError => "template-error",
    /// Values are nested too deeply.
    TooDeep => "too-deep",
    /// The value is too long.
    TooLong => "too-long",
    /// Too many values: the limit is 10,000 in any array, and lower for some fields and accounts.
    TooMany => "too-many",
    /// An action that this connector does not have.
    UnknownAction => "unknown-action",
    /// A field that this action does not have.
    UnknownField => "unknown-field",
    /// Not one of the values that the field accepts.
    UnknownValue => "unknown-value",
    /// An attachment has a content id that the HTML does not refer to.
    UnusedContentId => "unused-content-id",
    /// The value does not have a type that the field accepts.
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
