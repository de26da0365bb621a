//! Warnings about an email as a whole: it is valid, but may not arrive as intended.

use std::collections::BTreeSet;

use super::Mail;
use crate::bindings::connectors::smtp::account::Profile;
use crate::html::references::References;
use crate::input::fields::attachment::{Attachment, Source};
use crate::input::fields::body::Body;
use crate::input::fields::{Field, Fields};
use crate::input::findings::{Code, Findings, Path};
use crate::input::values::domain::Domain;
use crate::input::values::media_type::MediaType;

/// The size in bytes from which a message gets a warning. Many servers refuse larger messages, and many mobile mail
/// programs do not download them.
pub const LARGE_MESSAGE: u64 = 10_000_000;

/// The names in the input of the fields that these warnings are about.
#[derive(Debug)]
pub(super) struct Places {
    from: String,
    html: String,
    attachments: String,
}

impl Places {
    /// Notes the names before the values are taken.
    pub(super) fn of(fields: &Fields<'_>) -> Self {
        let html = if fields.peek(Field::Html).is_absent() { Field::Body } else { Field::Html };
        let name = |field| fields.given_name(field).to_owned();
        Self { from: name(Field::From), html: name(html), attachments: name(Field::Attachments) }
    }

    /// Returns the path of the HTML.
    pub(super) fn html(&self) -> Path<'_> {
        Path::ROOT.key(&self.html)
    }
}

/// Warns about parts of an email that do not fit together. Returns the references in its HTML.
pub(super) fn check(
    mail: &Mail<'_>,
    places: &Places,
    profile: &Profile,
    findings: &mut Findings,
) -> References {
    check_sender(mail, &Path::ROOT.key(&places.from), profile, findings);
    let references = mail.body.html().map(References::read).unwrap_or_default();
    let html = Path::ROOT.key(&places.html);
    if matches!(mail.body, Body::Html(_)) {
        let message = "there is no text part, which spam filters penalize and some mail programs need; \
                       set contentType to \"both\" to create it from the HTML";
        findings.warn(&html, Code::HtmlWithoutText, message);
    }
    if let Some(image) = &references.insecure_image {
        let message =
            format!("{} is loaded without encryption, or blocked; use https", shown(image));
        findings.warn(&html, Code::InsecureImage, message);
    }
    if !references.data_images.is_empty() {
        let message = "the HTML contains a picture as a data URI, which Gmail and Outlook do not show; \
                       set attachDataUrls to attach it inline";
        findings.warn(&html, Code::DataImage, message);
    }
    check_content_ids(&mail.attachments, &references, &html, findings);
    check_size(mail, &Path::ROOT.key(&places.attachments), findings);
    references
}

/// Warns about a sender that is not in the account's domain.
///
/// The account's server may refuse to send for another domain. A receiving server that checks alignment (DMARC, RFC
/// 7489 section 3.1) may drop the message.
fn check_sender(mail: &Mail<'_>, path: &Path<'_>, profile: &Profile, findings: &mut Findings) {
    let own = profile.domain.as_deref().and_then(|domain| Domain::parse(domain).ok());
    let Some(own) = own else { return };
    let sender = mail.from.address.domain();
    if sender.is_within(&own) || own.is_within(sender) {
        return;
    }
    let message = format!(
        "the sender's domain is {}, but this account sends for {}; the server may refuse the message, and \
         receiving servers may treat it as forged",
        sender.as_str(),
        own.as_str()
    );
    findings.warn(path, Code::SenderDomain, message);
}

fn check_content_ids(
    attachments: &[Attachment<'_>],
    references: &References,
    html: &Path<'_>,
    findings: &mut Findings,
) {
    let carried: BTreeSet<&str> =
        attachments.iter().filter_map(|one| Some(one.content_id.as_ref()?.as_str())).collect();
    for id in &references.content_ids {
        if !carried.contains(id.as_str()) {
            let message =
                format!("the HTML refers to cid:{}, but no attachment has that cid", shown(id));
            findings.warn(html, Code::MissingContentId, message);
        }
    }
    for attachment in attachments {
        let Some(id) = &attachment.content_id else { continue };
        if !references.content_ids.contains(id.as_str()) {
            let message = format!(
                "the HTML does not refer to cid:{}, so the file is sent as an ordinary attachment",
                shown(id.as_str())
            );
            findings.warn(&attachment.path, Code::UnusedContentId, message);
        }
    }
}

/// Returns the number of an attachment's bytes that are in the input.
fn length(attachment: &Attachment<'_>) -> u64 {
    match &attachment.source {
        Source::Bytes(bytes) => bytes.len() as u64,
        Source::Base64(text) => text.decoded_len() as u64,
        Source::Upload(_) | Source::Web(_) => 0,
    }
}

/// Adds an issue if the bytes in the input already exceed the account's message size limit. Assembling the message
/// finds this too, but validation does not assemble one.
pub(super) fn check_fits(mail: &Mail<'_>, profile: &Profile, findings: &mut Findings) {
    let limit = profile.max_message_bytes;
    // Three bytes become at least four characters. An attached message is not encoded.
    let least = |attachment: &Attachment<'_>| {
        let is_message = attachment.media_type.as_ref().is_some_and(MediaType::is_message);
        if is_message { length(attachment) } else { length(attachment) / 3 * 4 }
    };
    let texts = match &mail.body {
        Body::Text(text) | Body::Html(text) => text.len(),
        Body::Both { text, html } => text.len() + html.len(),
    };
    let size = mail.attachments.iter().map(least).sum::<u64>() + texts as u64;
    if size <= limit {
        return;
    }
    let largest = mail.attachments.iter().max_by_key(|attachment| length(attachment));
    let path = largest.map_or_else(|| Path::ROOT.to_string(), |largest| largest.path.clone());
    let message = format!(
        "the message is at least {size} bytes large, and this account's limit is {limit} bytes"
    );
    findings.issues.push(crate::input::findings::Issue { path, code: Code::TooLong, message });
}

/// Warns if the files in the input make a large message. Files from elsewhere are counted when they arrive.
fn check_size(mail: &Mail<'_>, path: &Path<'_>, findings: &mut Findings) {
    let files: u64 = mail.attachments.iter().map(length).sum();
    // 57 bytes become a line of 76 characters and a CRLF.
    let encoded = files * 78 / 57;
    if encoded > LARGE_MESSAGE {
        findings.warn(path, Code::LargeMessage, large_message(encoded));
    }
}

/// Returns the warning for a message of `size` bytes.
pub fn large_message(size: u64) -> String {
    format!(
        "the message is about {} MB large, and many servers refuse more than {} MB; send a link instead",
        size / 1_000_000,
        LARGE_MESSAGE / 1_000_000
    )
}

/// Returns the first 80 characters of a reference.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(json: &str) -> Vec<(String, Code)> {
        let profile = Profile {
            name: "work".into(),
            default_sender: Some("alice@example.com".into()),
            default_reply_to: None,
            domain: Some("example.com".into()),
            max_message_bytes: 1 << 30,
            max_recipients: 10,
            max_attachments: 10,
        };
        let json = json.replacen('{', r#"{"to": "bob@example.net", "#, 1);
        let (mail, findings) = Mail::read(&json, None, &profile);
        assert!(mail.is_some(), "{json}: {:?}", findings.issues);
        findings.warnings.into_iter().map(|warning| (warning.path, warning.code)).collect()
    }

    fn one(path: &str, code: Code) -> Vec<(String, Code)> {
        vec![(path.to_owned(), code)]
    }

    #[test]
    fn html_alone_is_worth_a_warning() {
        let alone = one("message", Code::HtmlWithoutText);
        assert_eq!(warnings(r#"{"message": "<p>x", "contentType": "html"}"#), alone);
        assert_eq!(warnings(r#"{"html": "x"}"#), one("html", Code::HtmlWithoutText));
        assert_eq!(warnings(r#"{"html": "x", "text": "x"}"#), []);
        assert_eq!(warnings(r#"{"body": "x", "contentType": "both"}"#), []);
    }

    #[test]
    fn content_ids_that_do_not_match_are_a_warning() {
        let missing = one("html", Code::MissingContentId);
        assert_eq!(warnings(r#"{"text": "x", "html": "<img src='cid:logo'>"}"#), missing);
        let files = r#""attachments": [{"text": "x", "cid": "logo"}]"#;
        let met = format!(r#"{{"text": "x", "html": "<img src='cid:logo'>", {files}}}"#);
        assert_eq!(warnings(&met), []);
        let unused = one("attachments[0]", Code::UnusedContentId);
        assert_eq!(warnings(&format!(r#"{{"text": "x", "html": "y", {files}}}"#)), unused);
        assert_eq!(warnings(&format!(r#"{{"text": "x", {files}}}"#)), unused);
    }

    #[test]
    fn a_sender_of_another_domain_is_worth_a_warning() {
        let other = one("Sender", Code::SenderDomain);
        assert_eq!(warnings(r#"{"text": "x", "Sender": "a@example.org"}"#), other);
        assert_eq!(warnings(r#"{"text": "x", "from": "a@notexample.com"}"#).len(), 1);
        for sender in ["a@EXAMPLE.com", "a@mail.example.com"] {
            assert_eq!(warnings(&format!(r#"{{"text": "x", "from": {sender:?}}}"#)), []);
        }
    }

    #[test]
    fn pictures_without_encryption_are_worth_a_warning() {
        let html = r#"{"text": "x", "html": "<img src='http://example.com/a.png'>"}"#;
        assert_eq!(warnings(html), one("html", Code::InsecureImage));
    }

    #[test]
    fn a_picture_as_a_data_uri_is_worth_a_warning_unless_it_is_attached() {
        let html = r#""text": "x", "html": "<img src='data:image/png;base64,aGk='>""#;
        assert_eq!(warnings(&format!("{{{html}}}")), one("html", Code::DataImage));
        assert_eq!(warnings(&format!(r#"{{{html}, "attachDataUrls": true}}"#)), []);
    }

    #[test]
    fn a_check_says_that_what_the_input_holds_is_too_large_for_the_account() {
        let profile = Profile {
            name: "small".into(),
            default_sender: Some("alice@example.com".into()),
            default_reply_to: None,
            domain: None,
            max_message_bytes: 10_000,
            max_recipients: 10,
            max_attachments: 10,
        };
        let check = |field: &str, length: usize| {
            let text = "x".repeat(length);
            let json = match field {
                "body" => format!(r#"{{"to": "b@x.test", "body": "{text}"}}"#),
                _ => format!(
                    r#"{{"to": "b@x.test", "files": [{{"text": "a"}}, {{"text": "{text}"}}]}}"#
                ),
            };
            let findings = Mail::validate(&json, None, &profile);
            findings.issues.into_iter().map(|issue| (issue.path, issue.code)).collect::<Vec<_>>()
        };
        assert_eq!(check("files", 7_400), []);
        assert_eq!(check("files", 7_600), one("files[1]", Code::TooLong));
        assert_eq!(check("body", 9_000), []);
        assert_eq!(check("body", 11_000), one("$", Code::TooLong));
    }

    #[test]
    fn large_messages_are_worth_a_warning() {
        let input = |bytes: usize| {
            let text = "x".repeat(bytes);
            format!(r#"{{"text": "x", "files": [{{"filename": "a.txt", "text": "{text}"}}]}}"#)
        };
        assert_eq!(warnings(&input(7_400_000)), one("files", Code::LargeMessage));
        assert_eq!(warnings(&input(7_000_000)), []);
    }
}
