//! The body of the message: text, HTML, or both.

use super::text;
use super::{Field, Fields, fold};
use crate::html::to_text;
use crate::input::findings::{Code, Findings, Path};
use crate::input::json::Value;

/// The text part, the HTML part, or both with the same content.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// Only `text/plain`.
    Text(String),
    /// Only `text/html`.
    Html(String),
    /// Both parts. A mail program shows one of them.
    Both {
        /// The plain part.
        text: String,
        /// The HTML part.
        html: String,
    },
}

/// The content type of the field `body`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// Plain text.
    Text,
    /// HTML.
    Html,
    /// HTML, with a text part derived from it.
    Both,
}

/// The values of the field `contentType`, with their names in similar connectors.
const CONTENT_TYPES: &[(&str, ContentType)] = &[
    ("text", ContentType::Text),
    ("html", ContentType::Html),
    ("both", ContentType::Both),
    ("plain", ContentType::Text),
    ("plain_text", ContentType::Text),
    ("plaintext", ContentType::Text),
    ("text/plain", ContentType::Text),
    ("text/html", ContentType::Html),
    ("multipart", ContentType::Both),
    ("multipart/alternative", ContentType::Both),
    // The switch "Is HTML" of some forms.
    ("true", ContentType::Html),
    ("false", ContentType::Text),
];

/// Names of the field `text`, folded, that programs use only together with an HTML body.
const BESIDE_HTML: &[&str] = &["altbody", "alternativebody"];

impl Body {
    /// Reads the fields `contentType`, `body`, `text` and `html`.
    pub fn read(fields: &mut Fields<'_>, findings: &mut Findings) -> Self {
        let (name, value) = fields.take(Field::ContentType);
        let content_type = ContentType::read(&value, &Path::ROOT.key(&name), findings);
        let is_html = Self::is_html(fields, content_type);
        let mut body = part(fields, Field::Body, findings);
        let mut text = part(fields, Field::Text, findings);
        let mut html = part(fields, Field::Html, findings);
        if body.is_some() && is_html && html.is_none() && text.is_some() {
            html = body.take();
        } else if body.is_some()
            && content_type == Some(ContentType::Both)
            && text.is_none()
            && html.is_some()
        {
            text = body.take();
        }
        if let (Some((name, _)), true) = (&body, text.is_some() || html.is_some()) {
            let message = "give either body, or the two parts as text and html";
            findings.issue(&Path::ROOT.key(name), Code::DuplicateField, message);
        }
        let body = body.map(|(_, body)| body);
        let text = text.map(|(_, text)| text);
        let html = html.map(|(_, html)| html);
        match (content_type, body) {
            (None | Some(ContentType::Text), Some(body)) => Self::Text(body),
            (Some(ContentType::Html), Some(body)) => Self::Html(body),
            (Some(ContentType::Both), Some(body)) => Self::derived(body),
            (content_type, None) => match (text, html) {
                (Some(text), Some(html)) => Self::Both { text, html },
                (None, Some(html)) if content_type == Some(ContentType::Both) => {
                    Self::derived(html)
                }
                (None, Some(html)) => Self::Html(html),
                (Some(text), None) => Self::Text(text),
                (None, None) if content_type == Some(ContentType::Html) => {
                    Self::Html(String::new())
                }
                (None, None) => Self::Text(String::new()),
            },
        }
    }

    /// Reports whether the field `body` is HTML.
    ///
    /// It is HTML next to PHPMailer's `AltBody`. It is text next to `htmlBody` if the content type is `both`.
    pub fn is_html(fields: &Fields<'_>, content_type: Option<ContentType>) -> bool {
        match content_type {
            Some(ContentType::Html) => true,
            Some(ContentType::Both) => fields.peek(Field::Html).is_absent(),
            Some(ContentType::Text) => false,
            None => {
                let name = fold(fields.given_name(Field::Text));
                BESIDE_HTML.contains(&name.as_ref()) && !fields.peek(Field::Text).is_absent()
            }
        }
    }

    /// Returns the HTML part for changes.
    pub fn html_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Text(_) => None,
            Self::Html(html) | Self::Both { html, .. } => Some(html),
        }
    }

    /// Returns the HTML part.
    pub fn html(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::Html(html) | Self::Both { html, .. } => Some(html),
        }
    }

    fn derived(html: String) -> Self {
        Self::Both { text: to_text::render(&html), html }
    }
}

impl ContentType {
    /// Reads the field `contentType`. Parameters of a media type are ignored, because text is always UTF-8.
    pub fn read(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Option<Self> {
        let Value::String(text) = value else {
            return text::read_choice(value, CONTENT_TYPES, path, findings);
        };
        let text = text.trim_ascii();
        let (word, parameters) = text.split_once(';').unwrap_or((text, ""));
        if parameters.chars().any(char::is_control) {
            findings.issue(path, Code::InvalidCharacter, "a control character is not allowed here");
            return None;
        }
        text::read_choice(&Value::String(word.into()), CONTENT_TYPES, path, findings)
    }
}

/// Reads a part, with the name of its field in the input. Returns `None` if the field is empty, because forms also send
/// empty fields.
fn part(
    fields: &mut Fields<'_>,
    field: Field,
    findings: &mut Findings,
) -> Option<(String, String)> {
    let (name, value) = fields.take(field);
    let path = Path::ROOT.key(&name);
    let text = text::read_text(&value, "\n", &path, findings)?;
    let text = text::body(text, &path, findings);
    (!text.is_empty()).then(|| (name.into_owned(), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (Body, Findings) {
        let mut findings = Findings::default();
        let members = Value::read_object(json, &mut findings).unwrap();
        let mut fields = Fields::sort(members, &mut findings);
        (Body::read(&mut fields, &mut findings), findings)
    }

    #[test]
    fn content_type_says_how_the_body_is_meant() {
        for (json, body) in [
            (r#"{"body": "x"}"#, Body::Text("x".into())),
            (
                r#"{"body": "x", "contentType": "text/plain; charset=utf-8"}"#,
                Body::Text("x".into()),
            ),
            (r#"{"body": "x", "contentType": ""}"#, Body::Text("x".into())),
            (r#"{"body": "x", "bodyType": "HTML"}"#, Body::Html("x".into())),
            (r#"{"body": null}"#, Body::Text(String::new())),
            (r#"{}"#, Body::Text(String::new())),
            (r#"{"body": ["a", 1]}"#, Body::Text("a\n1".into())),
            (r#"{"text": "t", "html": "", "body": ""}"#, Body::Text("t".into())),
            (r#"{"body": "", "contentType": "html"}"#, Body::Html(String::new())),
            (r#"{"html": "h"}"#, Body::Html("h".into())),
            (r#"{"body": "x", "Is HTML": true}"#, Body::Html("x".into())),
            (r#"{"body": "x", "isHtml": "False"}"#, Body::Text("x".into())),
            (
                r#"{"body": "x", "contentType": "text/html; charset=utf-8\r\n"}"#,
                Body::Html("x".into()),
            ),
            (r#"{"Body": "h", "AltBody": "t"}"#, Body::Both { text: "t".into(), html: "h".into() }),
            (
                r#"{"body": "h", "text": "t", "contentType": "html"}"#,
                Body::Both { text: "t".into(), html: "h".into() },
            ),
            (
                r#"{"body": "t", "htmlBody": "h", "contentType": "MULTIPART"}"#,
                Body::Both { text: "t".into(), html: "h".into() },
            ),
            (r#"{"text": "t", "html": "h"}"#, Body::Both { text: "t".into(), html: "h".into() }),
            (
                r#"{"body": "<p>a<b>b</b></p>", "contentType": "both"}"#,
                Body::Both { text: "ab".into(), html: "<p>a<b>b</b></p>".into() },
            ),
        ] {
            let (found, findings) = read(json);
            assert!(findings.is_valid(), "{json}: {findings:?}");
            assert_eq!(found, body, "{json}");
        }
    }

    #[test]
    fn contradictions_and_nonsense_are_issues() {
        for (json, path, code) in [
            (r#"{"body": "x", "html": "y"}"#, "body", Code::DuplicateField),
            (r#"{"body": "x", "text": "y"}"#, "body", Code::DuplicateField),
            (
                r#"{"body": "x", "text": "y", "html": "z", "contentType": "both"}"#,
                "body",
                Code::DuplicateField,
            ),
            (r#"{"body": "x", "contentType": "markdown"}"#, "contentType", Code::UnknownValue),
            (r#"{"contentType": "text/html\r\nX-Inj: 1"}"#, "contentType", Code::UnknownValue),
            (r#"{"contentType": "text/html;\r\nX-Inj: 1"}"#, "contentType", Code::InvalidCharacter),
            (r#"{"message": "a\u0000b"}"#, "message", Code::InvalidCharacter),
            (r#"{"body": {"a": 1}}"#, "body", Code::WrongType),
        ] {
            let (_, findings) = read(json);
            let found = findings.issues.first().expect(json);
            assert_eq!((found.path.as_str(), found.code), (path, code), "{json}");
        }
    }
}
