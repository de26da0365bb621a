//! Fuzzes the writer: mostly valid values, with arbitrary content.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use smtp_connector_fuzz::platform::{FakePlatform, Sent};
use smtp_connector_fuzz::rules;
use smtp_connector_guest::send_mail::send_mail;

#[derive(Arbitrary, Debug)]
struct Mail<'a> {
    name: &'a str,
    locals: Vec<&'a str>,
    hidden: Option<&'a str>,
    subject: &'a str,
    text: Option<&'a str>,
    html: Option<&'a str>,
    header: Option<(&'a str, &'a str)>,
    references: Option<&'a str>,
    unsubscribe: Option<&'a str>,
    files: Vec<File<'a>>,
}

#[derive(Arbitrary, Debug)]
struct File<'a> {
    text: &'a str,
    name: Option<&'a str>,
    kind: Option<&'a str>,
    content_id: Option<&'a str>,
    source: Source,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Source {
    Text,
    Upload,
    Message,
}

fuzz_target!(|mail: Mail<'_>| {
    let Some(sent) = send(&mail) else { return };
    rules::check(&sent);
    // Hidden recipients do not change a byte of the message, so other recipients cannot detect them.
    if mail.hidden.is_some()
        && let Some(shown) = send(&Mail { hidden: None, ..mail })
    {
        assert!(sent.message == shown.message, "a hidden recipient shows");
    }
});

fn send(mail: &Mail<'_>) -> Option<Sent> {
    let platform = FakePlatform::default();
    send_mail(&platform, &input(mail).to_string(), None).ok()?;
    Some(platform.sent().expect("what succeeded was sent"))
}

fn input(mail: &Mail<'_>) -> Value {
    let recipients: Vec<_> = mail
        .locals
        .iter()
        .map(|local| json!({ "name": mail.name, "email": format!("{local}@example.net") }))
        .collect();
    json!({
        "fromName": mail.name,
        "to": recipients,
        "cc": "carol@example.net",
        "bcc": mail.hidden.map(|hidden| format!("{hidden}@bcc.example")),
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "headers": mail.header.map(|(name, value)| json!({ format!("X-{name}"): value })),
        "references": mail.references,
        "listUnsubscribe": mail.unsubscribe.map(|url| json!({ "url": format!("https://{url}") })),
        "attachments": mail.files.iter().map(file).collect::<Vec<_>>(),
    })
}

fn file(file: &File<'_>) -> Value {
    let source = match file.source {
        Source::Text | Source::Message => "text",
        Source::Upload => "upload",
    };
    let kind = match file.source {
        Source::Message => Some("message/rfc822"),
        _ => file.kind,
    };
    json!({
        source: file.text, "filename": file.name, "contentType": kind, "cid": file.content_id,
    })
}
