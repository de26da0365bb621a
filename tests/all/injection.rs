//! Injection attempts. Each value is refused, or stays a plain value in the message: it never becomes a header, a part
//! or a recipient.

use std::collections::BTreeSet;

use mail_parser::MessageParser;
use serde_json::{Value, json};
use smtp_connector_host::{FailureCode, Invocation};

use crate::support::TestEnv;

/// The headers that our messages and parts may have, and those that the inputs below request.
const HEADERS: &[&str] = &[
    "from",
    "to",
    "cc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "in-reply-to",
    "references",
    "x-priority",
    "x-msmail-priority",
    "importance",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "disposition-notification-to",
    "x-custom",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "content-id",
];

/// Payloads that have escaped their place in one mail library or another.
const PAYLOADS: &[&str] = &[
    "x\r\nX-Injected: yes",
    "x\nX-Injected: yes",
    "x\rX-Injected: yes",
    "x\r\n\r\n<p>injected</p>",
    "x\r\n\t\r\nX-Injected: yes",
    "x\u{85}X-Injected: yes",
    "x\u{2028}X-Injected: yes",
    "x\u{560d}\u{560a}X-Injected: yes",
    "x\0\r\nX-Injected: yes",
    "v@x.test>, <evil@evil.test",
    "v@x.test>\r\nRCPT TO:<evil@evil.test",
    "<a@b.test>\r\nX-Injected: yes",
    "a\";\r\nX-Injected: yes; x=\"",
    "text/plain\r\nX-Injected: yes",
    "text/plain; a=b\r\nX-Injected: yes",
    "text/plain; a\r\nX-Injected: yes\r\nX-B=c",
    "https://x.test/>\r\nX-Injected: yes\r\nX-B: <",
    "=?utf-8?Q?x=0D=0AX-Injected:_yes?=",
    "\"xclow3n@gmail.com x\"@internal.example",
    "\"a\" <b@x.test>\r\nBcc: evil@evil.test",
    "a\u{d7ff};filename*0=evil.exe;filename*1*=x",
    "x\r\n.\r\nMAIL FROM:<evil@evil.test>",
];

/// Inputs with one payload each.
fn inputs(payload: &str) -> Vec<Value> {
    let file = |key: &str| json!({ "attachments": { "text": "x", key: payload } });
    let calendar = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR";
    vec![
        json!({ "from": payload }),
        json!({ "from": { "email": "a@example.com", "name": payload } }),
        json!({ "fromName": payload }),
        json!({ "cc": { "email": payload } }),
        json!({ "cc": { "email": "c@example.net", "name": payload } }),
        json!({ "bcc": [payload] }),
        json!({ "replyTo": payload }),
        json!({ "subject": payload }),
        json!({ "contentType": payload, "body": "x" }),
        json!({ "text": payload, "html": payload }),
        json!({ "headers": { "X-Custom": payload } }),
        json!({ "headers": { payload: "x" } }),
        json!({ "priority": payload }),
        json!({ "inReplyTo": payload }),
        json!({ "references": [payload, "<a@b.test>"] }),
        json!({ "messageId": payload }),
        json!({ "date": payload }),
        json!({ "listUnsubscribe": { "url": payload } }),
        json!({ "listUnsubscribe": { "mailto": payload } }),
        json!({ "listUnsubscribe": { "url": "https://x.test/", "comment": payload } }),
        json!({ "calendar": { "content": calendar, "method": payload } }),
        json!({ "calendar": { "content": calendar, "filename": payload } }),
        json!({ "calendar": { "content": format!("{calendar}{payload}") } }),
        json!({ "returnPath": payload }),
        json!({ "dsn": { "envelopeId": payload } }),
        json!({ "readReceiptTo": payload }),
        file("filename"),
        file("contentType"),
        file("cid"),
        json!({ "attachments": format!("data:{payload},x") }),
        json!({ "attachments": { "text": payload, "contentType": "message/rfc822" } }),
        json!({ "attachments": { "text": payload, "contentType": "text/plain" } }),
    ]
}

/// Returns the names of all headers, including those of parts. An attached message keeps its own headers.
fn header_names(message: &[u8]) -> BTreeSet<String> {
    let message = MessageParser::default().parse(message).expect("a message");
    let headers = message.parts.iter().flat_map(|part| &part.headers);
    headers.map(|header| header.name().to_ascii_lowercase()).collect()
}

#[tokio::test]
async fn a_value_never_becomes_a_header_a_part_or_a_recipient() {
    let env = TestEnv::new().await;
    let (mut refused, mut contained) = (0, 0);
    for payload in PAYLOADS {
        for mut input in inputs(payload) {
            input["to"] = json!("bob@example.net");
            let mail = Invocation::send_mail(input.to_string()).account("work").dry_run();
            let result = match env.invoke(mail).await {
                Ok(result) => result,
                Err(error) => {
                    assert_eq!(error.code(), FailureCode::Validation, "{input}: {error:?}");
                    refused += 1;
                    continue;
                }
            };
            contained += 1;
            let message = result["message"].as_str().expect("a message");
            let names = header_names(message.as_bytes());
            let strange: Vec<_> =
                names.iter().filter(|name| !HEADERS.contains(&name.as_str())).collect();
            assert!(strange.is_empty(), "{input}: {strange:?} in\n{message}");
            let envelope = result["envelope"].to_string();
            assert!(!envelope.contains("evil"), "{input}: {envelope}");
            assert!(
                !message.replace("\r\n", "").contains(['\r', '\n', '\0']),
                "{input}: {message}"
            );
        }
    }
    assert!(refused > 300 && contained > 100, "{refused} {contained}");
}

#[tokio::test]
async fn headers_that_servers_write_cannot_be_set() {
    let env = TestEnv::new().await;
    for name in [
        "From",
        "Sender",
        "To",
        "Cc",
        "Bcc",
        "bcc",
        "Subject",
        "Message_ID",
        "Date",
        "Message-ID",
        "message-id",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Received",
        "Return-Path",
        "Delivered-To",
        "Resent-To",
        "Resent-Bcc",
        "DKIM-Signature",
        "ARC-Seal",
    ] {
        let input = json!({ "to": "bob@example.net", "headers": { name: "x" } });
        let mail = Invocation::send_mail(input.to_string()).account("work");
        let found = env.connector.validate(mail).await.expect("a check is made");
        let codes: Vec<_> = found.issues.iter().map(|issue| issue.code.as_str()).collect();
        assert_eq!(codes, ["reserved-header"], "{name}");
    }
}

#[tokio::test]
async fn a_header_that_sets_a_field_is_written_once_with_only_that_value() {
    let env = TestEnv::new().await;
    let headers = json!({ "Reply-To": "Ann <ann@example.net>", "in_reply_to": "<a@example.net>",
                          "References": "<r@example.net>\r\n <a@example.net>",
                          "disposition-notification-to": "ann@example.net" });
    let fields = [
        ("Reply-To", "replyTo", "Reply-To: Ann <ann@example.net>"),
        ("in_reply_to", "inReplyTo", "In-Reply-To: <a@example.net>"),
        ("References", "references", "References: <r@example.net> <a@example.net>"),
        (
            "disposition-notification-to",
            "readReceiptTo",
            "Disposition-Notification-To: ann@example.net",
        ),
    ];
    let result = env.send(&json!({ "to": "bob@example.net", "headers": headers })).await;
    let warnings = result.expect("it is sent")["warnings"].clone();
    let message = env.received().await;
    let message = String::from_utf8_lossy(&message.content).into_owned();
    for (header, field, line) in fields {
        assert_eq!(message.matches(line).count(), 1, "{line}: {message}");
        let path = format!("headers.{header}");
        assert!(
            warnings.as_array().expect("an array").iter().any(|one| one["path"] == *path),
            "{warnings}"
        );
        let value = &headers[header];
        for input in [
            json!({ "to": "bob@example.net", "headers": { header: value }, field: value }),
            json!({ "to": "bob@example.net", "headers": { header: format!("{}\r\nBcc: e@evil.test", value.as_str().expect("text")) } }),
        ] {
            let mail = Invocation::send_mail(input.to_string()).account("work");
            let found = env.connector.validate(mail).await.expect("a check is made");
            assert!(!found.issues.is_empty(), "{input}");
        }
    }
}

#[tokio::test]
async fn the_same_run_gives_the_same_bytes_and_another_run_different_ones() {
    let env = TestEnv::new().await;
    let message = async |key: &str| {
        let input = json!({
            "to": "bob@example.net", "text": "x", "html": "<p>x</p>", "idempotencyKey": key,
            "date": "2026-01-02T03:04:05Z", "attachments": ["data:,x", "data:,y"],
        });
        let mail = Invocation::send_mail(input.to_string()).account("work").dry_run();
        env.invoke(mail).await.expect("it is assembled")["message"].clone()
    };
    let one = message("order-7").await;
    assert_eq!(one, message("order-7").await);
    assert_ne!(one, message("order-8").await);
    assert!(one.as_str().expect("text").contains("@example.com>"), "{one}");
}

#[tokio::test]
async fn an_attached_message_cannot_end_its_part() {
    let env = TestEnv::new().await;
    let assemble = async |inner: &str| {
        let input = json!({
            "to": "bob@example.net", "text": "x", "idempotencyKey": "order-7",
            "attachments": { "text": inner, "contentType": "message/rfc822", "filename": "a.eml" },
        });
        let mail = Invocation::send_mail(input.to_string()).account("work").dry_run();
        env.invoke(mail).await.expect("it is assembled")["message"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    let first = assemble("Subject: inner\r\n\r\nx").await;
    let boundary = first.split("boundary=\"").nth(1).expect("a boundary");
    let boundary = boundary.split('"').next().expect("its end");
    // An attacker who knows the run also knows the boundary, and may write it into the file.
    let forged = format!("Subject: inner\r\n\r\nx\r\n--{boundary}--\r\n--{boundary}\r\n\r\nforged");
    let second = assemble(&forged).await;
    assert_eq!(second.matches(&format!("boundary=\"{boundary}\"")).count(), 0);
    let message = MessageParser::default().parse(second.as_bytes()).expect("a message");
    assert_eq!(message.attachment_count(), 1);
}
