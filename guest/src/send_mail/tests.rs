//! Tests of the action against a fake platform.

use std::cell::RefCell;
use std::rc::Rc;

use mail_parser::{MessageParser, MimeHeaders};
use serde_json::{Value, json};

use super::*;
use crate::bindings::connectors::smtp::attachments::{AttachmentError, Metadata};
use crate::bindings::connectors::smtp::invocation::Run;
use crate::bindings::connectors::smtp::transport::Receipt;
use crate::bindings::connectors::smtp::types::{Delivered, Phase, Reply, Retry};
use crate::platform::Content;

/// A platform with a few files, which records the messages it is given.
#[derive(Default)]
struct FakePlatform {
    uploads: Vec<(&'static str, Upload)>,
    dry_run: bool,
    max_message_bytes: Option<u64>,
    refused: Vec<String>,
    state: Rc<RefCell<State>>,
}

/// A file that the platform holds.
#[derive(Clone, Default)]
struct Upload {
    bytes: Vec<u8>,
    filename: Option<&'static str>,
    media_type: Option<&'static str>,
    /// The size that the source claims.
    size: Option<u64>,
    /// The number of bytes after which reading fails.
    breaks_at: Option<usize>,
}

/// The messages that a run began and wrote.
#[derive(Default)]
struct State {
    begun: Vec<Envelope>,
    written: Vec<u8>,
    largest_chunk: usize,
    finished: bool,
}

struct Reading {
    upload: Upload,
    offset: usize,
}

struct Sending {
    state: Rc<RefCell<State>>,
    receipt: Receipt,
}

impl FakePlatform {
    fn with_upload(id: &'static str, upload: Upload) -> Self {
        Self { uploads: vec![(id, upload)], ..Self::default() }
    }

    fn send(&self, input: &Value) -> Result<Value, Unsent> {
        let result = send_mail(self, &input.to_string(), None)?;
        Ok(serde_json::from_str(&result).expect("the result is JSON"))
    }

    fn failure(&self, input: &Value) -> Failure {
        match self.send(input) {
            Err(Unsent::Failed(failure)) => failure,
            other => panic!("not a failure: {other:?}"),
        }
    }

    fn message(&self) -> Vec<u8> {
        self.state.borrow().written.clone()
    }
}

impl Platform for FakePlatform {
    type Content = Reading;
    type Outgoing = Sending;

    fn run(&self) -> Run {
        Run { id: "run-1".into(), started_at: 1_767_323_045, dry_run: self.dry_run }
    }

    fn profile(&self) -> Profile {
        Profile {
            name: "work".into(),
            default_sender: Some("Alice <alice@example.com>".into()),
            default_reply_to: None,
            domain: Some("example.com".into()),
            max_message_bytes: self.max_message_bytes.unwrap_or(25 << 20),
            max_recipients: 100,
            max_attachments: 50,
        }
    }

    fn open_upload(&self, id: &str) -> Result<Reading, AttachmentError> {
        let found = self.uploads.iter().find(|(known, _)| *known == id);
        let (_, upload) =
            found.ok_or(AttachmentError::NotFound("there is no such upload".into()))?;
        Ok(Reading { upload: upload.clone(), offset: 0 })
    }

    fn fetch(&self, _url: &str) -> Result<Reading, AttachmentError> {
        Err(AttachmentError::Forbidden("this host is not public".into()))
    }

    fn begin(&self, envelope: &Envelope) -> Result<Sending, Failure> {
        self.state.borrow_mut().begun.push(envelope.clone());
        let reply =
            Reply { code: 550, enhanced: Some("5.1.1".into()), text: "no such user".into() };
        let (refused, accepted): (Vec<_>, Vec<_>) =
            envelope.recipients.iter().cloned().partition(|one| self.refused.contains(one));
        let refused = refused
            .into_iter()
            .map(|recipient| Refusal {
                recipient,
                field: None,
                reply: reply.clone(),
                retry: Retry::Never,
            })
            .collect();
        if accepted.is_empty() || !envelope.allow_partial && !self.refused.is_empty() {
            return Err(Failure {
                code: "recipients".into(),
                message: "refused".into(),
                hint: None,
                phase: Phase::RcptTo,
                retry: Retry::Never,
                delivered: Delivered::No,
                reply: Some(reply),
                refusals: refused,
                message_id: None,
            });
        }
        let reply = Reply { code: 250, enhanced: None, text: "Ok: queued as 7".into() };
        let receipt = Receipt { reply, accepted, refused, queue_id: Some("7".into()) };
        Ok(Sending { state: Rc::clone(&self.state), receipt })
    }
}

impl Content for Reading {
    fn metadata(&self) -> Metadata {
        Metadata {
            filename: self.upload.filename.map(str::to_owned),
            media_type: self.upload.media_type.map(str::to_owned),
            size: self.upload.size,
        }
    }

    fn read(&mut self, max: u32) -> Result<Vec<u8>, AttachmentError> {
        if self.upload.breaks_at.is_some_and(|end| self.offset >= end) {
            return Err(AttachmentError::Unavailable("it broke off".into()));
        }
        // An odd size, so that chunks do not end where lines of base64 do.
        let end = (self.offset + (max as usize).min(9_973)).min(self.upload.bytes.len());
        let chunk = self.upload.bytes[self.offset..end].to_vec();
        self.offset = end;
        Ok(chunk)
    }
}

impl Outgoing for Sending {
    fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        let mut state = self.state.borrow_mut();
        state.written.extend_from_slice(chunk);
        state.largest_chunk = state.largest_chunk.max(chunk.len());
        Ok(())
    }

    fn finish(self) -> Result<Receipt, Failure> {
        self.state.borrow_mut().finished = true;
        Ok(self.receipt)
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 % 251) as u8).collect()
}

#[test]
fn a_mail_is_sent_as_the_result_says() {
    let platform = FakePlatform { refused: vec!["d@x.test".into()], ..FakePlatform::default() };
    let result = platform
        .send(&json!({
            "to": "b@x.test", "cc": "c@x.test", "bcc": "d@x.test, e@x.test", "subject": "Grüße",
            "body": "Hi", "attachments": [{ "text": "a,b", "filename": "a.csv" }],
        }))
        .unwrap();
    assert_eq!(result["status"], "partial");
    assert_eq!(
        result["envelope"],
        json!({
            "from": "alice@example.com", "to": ["b@x.test", "c@x.test", "d@x.test", "e@x.test"],
        })
    );
    assert_eq!(result["rejected"], json!(["d@x.test"]));
    assert_eq!(result["rejectedErrors"][0]["field"], "bcc");
    assert_eq!(result["queueId"], "7");
    assert_eq!(result["attachments"][0]["size"], 3);
    let message = platform.message();
    assert_eq!(result["messageSize"], message.len());
    assert_eq!(platform.state.borrow().begun[0].size, Some(message.len() as u64));
    assert!(platform.state.borrow().finished);
    let text = String::from_utf8(message).unwrap();
    assert!(text.contains("Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n"));
    assert!(text.contains("Date: Fri, 2 Jan 2026 03:04:05 +0000\r\n"), "{text}");
    assert!(text.contains(&format!("Message-ID: {}\r\n", result["messageId"].as_str().unwrap())));
    assert!(!text.contains("d@x.test") && !text.contains("e@x.test"));
}

#[test]
fn the_same_run_makes_the_same_bytes_and_another_key_others() {
    let input = |key: Value| json!({ "to": "b@x.test", "html": "<p>ü</p>", "text": "ü", "idempotencyKey": key });
    let message = |key| {
        let platform = FakePlatform::default();
        platform.send(&input(key)).unwrap();
        platform.message()
    };
    assert_eq!(message(Value::Null), message(Value::Null));
    assert_eq!(message(json!("order-7")), message(json!("order-7")));
    assert_ne!(message(json!("order-7")), message(json!("order-8")));
}

#[test]
fn a_dry_run_returns_the_message_and_sends_nothing() {
    for (platform, input) in [
        (
            FakePlatform { dry_run: true, ..FakePlatform::default() },
            json!({ "to": "b@x.test", "body": "\"ü\"\n" }),
        ),
        (FakePlatform::default(), json!({ "to": "b@x.test", "body": "\"ü\"\n", "dryRun": true })),
    ] {
        let result = platform.send(&input).unwrap();
        assert_eq!(result["status"], "dry-run");
        let message = result["message"].as_str().unwrap();
        assert_eq!(result["messageSize"], message.len());
        assert!(message.ends_with("\r\n"));
        assert!(platform.state.borrow().begun.is_empty());
    }
}

#[test]
fn the_tree_is_the_contracts() {
    let calendar = json!({ "content": "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n" });
    let file = json!({ "text": "x", "filename": "a.txt" });
    let image = json!({ "base64": "aGk=", "contentType": "image/png", "cid": "logo" });
    let h = "<img src='cid:logo'>";
    for (input, tree) in [
        (json!({ "text": "t" }), "text/plain"),
        (json!({ "html": "h" }), "text/html"),
        (json!({ "text": "t", "html": "h" }), "alternative(text/plain,text/html)"),
        (json!({ "body": "h", "contentType": "both" }), "alternative(text/plain,text/html)"),
        (json!({ "text": "t", "attachments": file }), "mixed(text/plain,text/plain)"),
        (json!({ "html": h, "attachments": image }), "related(text/html,image/png)"),
        // A file whose content id the HTML does not use is an ordinary attachment.
        (json!({ "html": "h", "attachments": image }), "mixed(text/html,image/png)"),
        (
            json!({ "text": "t", "html": h, "attachments": [image, file] }),
            "mixed(alternative(text/plain,related(text/html,image/png)),text/plain)",
        ),
        (json!({ "text": "t", "attachments": image }), "mixed(text/plain,image/png)"),
        (json!({ "text": "t", "calendar": calendar }), "alternative(text/plain,text/calendar)"),
        (
            json!({ "text": "t", "html": h, "calendar": calendar, "attachments": [image, file] }),
            "mixed(related(alternative(text/plain,text/html,text/calendar),image/png),text/plain)",
        ),
    ] {
        let platform = FakePlatform::default();
        let mut input = input;
        input["to"] = json!("b@x.test");
        platform.send(&input).unwrap();
        let raw = platform.message();
        let message = MessageParser::new().parse(&raw).unwrap();
        assert_eq!(shape(&message, 0), tree, "{input}");
    }
}

fn shape(message: &mail_parser::Message<'_>, part: u32) -> String {
    let part = message.part(part).unwrap();
    match part.sub_parts() {
        Some(children) => {
            let inside: Vec<_> = children.iter().map(|child| shape(message, *child)).collect();
            format!("{}({})", part.content_type().unwrap().subtype().unwrap(), inside.join(","))
        }
        None => {
            let kind = part.content_type().unwrap();
            format!("{}/{}", kind.ctype(), kind.subtype().unwrap())
        }
    }
}

#[test]
fn an_upload_streams_in_chunks_and_arrives_whole() {
    let bytes = pattern(1_000_003);
    let size = Some(bytes.len() as u64);
    for size in [size, None] {
        let upload = Upload {
            bytes: bytes.clone(),
            filename: Some("../scan.pdf"),
            media_type: Some("application/octet-stream"),
            size,
            breaks_at: None,
        };
        let platform = FakePlatform::with_upload("u-1", upload);
        let result = platform
            .send(&json!({ "to": "b@x.test", "attachments": [{ "upload": "u-1" }] }))
            .unwrap();
        assert_eq!(result["attachments"][0]["filename"], "scan.pdf");
        assert_eq!(result["attachments"][0]["contentType"], "application/pdf");
        let raw = platform.message();
        assert_eq!(result["messageSize"], raw.len());
        assert_eq!(platform.state.borrow().begun[0].size, size.map(|_| raw.len() as u64));
        assert!(platform.state.borrow().largest_chunk <= 66_000);
        let message = MessageParser::new().parse(&raw).unwrap();
        assert!(message.attachment(0).unwrap().contents() == bytes);
    }
}

#[test]
fn an_attachment_that_cannot_be_opened_stops_the_mail_before_it_begins() {
    let platform = FakePlatform::default();
    for (attachment, code, retry, place) in [
        (json!({ "upload": "nope" }), "attachment", Retry::Never, "attachments[0]"),
        (json!("https://10.0.0.1/x"), "policy", Retry::AfterConfigChange, "attachments[0]"),
    ] {
        let failure = platform.failure(&json!({ "to": "b@x.test", "attachments": [attachment] }));
        assert_eq!((failure.code.as_str(), failure.retry), (code, retry));
        assert_eq!((failure.phase, failure.delivered), (Phase::Attachments, Delivered::No));
        assert!(failure.message.starts_with(place), "{}", failure.message);
        assert!(failure.hint.is_some() && failure.message_id.is_some());
    }
    assert!(platform.state.borrow().begun.is_empty());
}

#[test]
fn an_attachment_that_breaks_off_leaves_the_mail_unfinished() {
    let upload = Upload { bytes: pattern(100_000), breaks_at: Some(50_000), ..Upload::default() };
    let platform = FakePlatform::with_upload("u-1", upload.clone());
    let failure =
        platform.failure(&json!({ "to": "b@x.test", "attachments": [{ "upload": "u-1" }] }));
    assert_eq!((failure.code.as_str(), failure.retry), ("attachment", Retry::Later));
    assert!(!platform.state.borrow().finished);

    // The size must match the one that the server was told.
    for size in [99_999, 100_001] {
        let upload = Upload { bytes: pattern(100_000), size: Some(size), ..Upload::default() };
        let platform = FakePlatform::with_upload("u-1", upload);
        let failure =
            platform.failure(&json!({ "to": "b@x.test", "attachments": [{ "upload": "u-1" }] }));
        assert!(failure.message.contains("size changed"), "{}", failure.message);
        assert!(!platform.state.borrow().finished);
    }

    let platform = FakePlatform::with_upload("u-1", upload);
    let optional =
        json!({ "to": "b@x.test", "attachments": [{ "upload": "u-1", "optional": true }] });
    let result = platform.send(&optional).unwrap();
    assert_eq!(result["warnings"][0]["code"], "optional-left-out");
    assert_eq!(result["warnings"][0]["path"], "attachments[0]");
    assert_eq!(result["attachments"], json!([]));
}

#[test]
fn a_hash_that_is_given_is_checked() {
    let wrong = "00".repeat(32);
    let upload = Upload { bytes: pattern(100), ..Upload::default() };
    let platform = FakePlatform::with_upload("u-1", upload);
    let input = |attachment: Value| json!({ "to": "b@x.test", "attachments": [attachment] });
    let failure = platform.failure(&input(json!({ "upload": "u-1", "sha256": wrong })));
    assert_eq!((failure.code.as_str(), failure.retry), ("attachment", Retry::Never));
    assert!(!platform.state.borrow().finished);
    let result = platform
        .send(&input(json!({ "upload": "u-1", "sha256": wrong, "optional": true })))
        .unwrap();
    assert_eq!(result["warnings"][0]["code"], "optional-left-out");
    let right = result_hash(&platform, &input(json!({ "upload": "u-1" })));
    assert!(platform.send(&input(json!({ "upload": "u-1", "sha256": right }))).is_ok());
}

fn result_hash(platform: &FakePlatform, input: &Value) -> Value {
    platform.send(input).unwrap()["attachments"][0]["sha256"].clone()
}

#[test]
fn a_message_within_the_message_is_sent_as_it_is_or_as_a_file() {
    let input = |text: &str| json!({ "to": "b@x.test", "attachments": [{ "text": text, "contentType": "message/rfc822" }] });
    let platform = FakePlatform::default();
    platform.send(&input("Subject: x\n\nhi\n")).unwrap();
    let text = String::from_utf8(platform.message()).unwrap();
    assert!(text.contains("Content-Transfer-Encoding: 7bit\r\n"));
    assert!(text.contains("\r\n\r\nSubject: x\r\n\r\nhi\r\n"));
    // Parts that are not 7-bit are encoded again.
    let platform = FakePlatform::default();
    let result = platform.send(&input("Subject: ü\n\nGrüße\n")).unwrap();
    assert_eq!(result["attachments"][0]["contentType"], "message/rfc822");
    assert_eq!(result["warnings"], json!([]));
    let text = String::from_utf8(platform.message()).unwrap();
    assert!(text.contains("\r\n\r\nSubject: =?utf-8?"), "{text}");
    assert!(text.contains("Gr=C3=BC=C3=9Fe\r\n"), "{text}");
    for unfit in ["no header: ü", "a\rb", &"x".repeat(2000)] {
        let platform = FakePlatform::default();
        let result = platform.send(&input(unfit)).unwrap();
        assert_eq!(result["attachments"][0]["contentType"], "application/octet-stream");
        assert_eq!(result["warnings"][0]["code"], "sanitised");
    }
}

#[test]
fn a_message_beyond_the_accounts_limit_is_not_begun() {
    let small = || Some(2_000);
    let bytes = pattern(3_000);
    let platform = FakePlatform { max_message_bytes: small(), ..FakePlatform::default() };
    let base64 = json!({ "to": "b@x.test", "attachments": [{ "text": "x".repeat(3_000) }] });
    assert_eq!(platform.failure(&base64).code, "too-large");
    assert!(platform.state.borrow().begun.is_empty());
    // A source of unknown size is stopped while it is sent.
    let mut platform = FakePlatform::with_upload("u-1", Upload { bytes, ..Upload::default() });
    platform.max_message_bytes = small();
    let failure =
        platform.failure(&json!({ "to": "b@x.test", "attachments": [{ "upload": "u-1" }] }));
    assert_eq!(failure.code, "too-large");
    assert!(!platform.state.borrow().finished);
}

#[test]
fn the_null_sender_gets_no_reports() {
    let platform = FakePlatform::default();
    platform.send(&json!({ "to": "bob@example.net", "text": "x", "returnPath": " <>\n" })).unwrap();
    assert_eq!(platform.state.borrow().begun[0].sender, "");
    assert!(String::from_utf8(platform.message()).unwrap().contains("From: "));
}

#[test]
fn pictures_in_the_html_become_inline_parts() {
    let platform = FakePlatform::default();
    let html = "<img alt='a' src='data:image/png;base64,aGk='>";
    let input =
        json!({ "to": "bob@example.net", "text": "x", "html": html, "attachDataUrls": true });
    let result = platform.send(&input).unwrap();
    assert_eq!(result["attachments"][0]["cid"], "picture-1@html");
    assert_eq!(result["warnings"], json!([]));
    let message = String::from_utf8(platform.message()).unwrap();
    assert!(message.contains("Content-ID: <picture-1@html>"), "{message}");
    assert!(!message.contains("data:image"), "{message}");
}

#[test]
fn refused_recipients_carry_the_field_that_named_them() {
    let platform = FakePlatform { refused: vec!["c@x.test".into()], ..FakePlatform::default() };
    let input = json!({ "to": "b@x.test", "cc": "c@x.test", "onPartialFailure": "fail" });
    let failure = platform.failure(&input);
    assert_eq!(failure.refusals[0].field.as_deref(), Some("cc"));
    assert!(failure.message_id.is_some());
}

#[test]
fn a_name_beyond_ascii_needs_smtputf8_only_where_it_cannot_be_encoded() {
    for (input, utf8) in [
        (json!({ "to": "Jörg <joerg@bücher.example>" }), false),
        (json!({ "to": "b@x.test", "replyTo": "jörg@example.com" }), true),
        (json!({ "to": "jörg@example.com" }), true),
    ] {
        let platform = FakePlatform::default();
        platform.send(&input).unwrap();
        assert_eq!(platform.state.borrow().begun[0].utf8_headers, utf8, "{input}");
        assert_eq!(!platform.message().is_ascii(), utf8, "{input}");
    }
}
