//! Messages, as an independent parser reads them.

use mail_parser::{Message, MessageParser, MimeHeaders as _};
use serde_json::{Value, json};

use crate::support::TestEnv;

/// Sends a mail, and returns what arrived.
async fn sent(env: &TestEnv, mut input: Value) -> Vec<u8> {
    if input.get("to").is_none() {
        input["to"] = json!("bob@example.net");
    }
    env.send(&input).await.expect("it is sent");
    env.received().await.content
}

fn parse(raw: &[u8]) -> Message<'_> {
    MessageParser::default().parse(raw).expect("a message")
}

#[tokio::test]
async fn addresses_subject_and_headers_read_back() {
    let env = TestEnv::new().await;
    let raw = sent(
        &env,
        json!({
            "from": "\"Ünal \\\"Ü\\\"\" <unal@example.com>", "to": "\"Doe, Jo\" <jo@example.net>; Bob <bob@example.net>",
            "replyTo": ["r@example.com"], "subject": "日本語の件名 ".repeat(10) + "end", "priority": "high",
            "inReplyTo": "<a@example.org>", "references": ["<x@example.org>", "<a@example.org>"],
            "headers": { "X-One": "ü", "X-Two": ["a", "b"] },
            "listUnsubscribe": { "url": "https://example.com/u", "mailto": "u@example.com", "oneClick": true },
        }),
    )
    .await;
    let message = parse(&raw);
    let from = message.from().and_then(|from| from.first()).expect("a sender");
    assert_eq!(from.name(), Some("Ünal \"Ü\""));
    let to: Vec<_> =
        message.to().expect("receivers").iter().map(|one| (one.name(), one.address())).collect();
    assert_eq!(
        to,
        [(Some("Doe, Jo"), Some("jo@example.net")), (Some("Bob"), Some("bob@example.net"))]
    );
    assert_eq!(message.subject(), Some(("日本語の件名 ".repeat(10) + "end").as_str()));
    assert_eq!(message.in_reply_to().as_text(), Some("a@example.org"));
    assert!(String::from_utf8_lossy(&raw).contains("X-One: =?utf-8?B?w7w=?=\r\n"));
    let text = String::from_utf8_lossy(&raw);
    for line in [
        "X-Two: a",
        "X-Two: b",
        "Importance: High",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "References: <x@example.org> <a@example.org>",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line}: {text}");
    }
    for line in text.split("\r\n") {
        assert!(line.len() <= 78, "{line}");
    }
}

#[tokio::test]
async fn bodies_with_any_content_read_back() {
    let env = TestEnv::new().await;
    for body in [
        "plain".to_owned(),
        "ü\n\n\nspaces   \n\ttab\t\n".to_owned(),
        "x".repeat(5_000),
        "From here\n.\n..\n.x\n".to_owned(),
        "日本語\n".repeat(1_000),
        "= =3D =\n".to_owned(),
    ] {
        let raw = sent(&env, json!({ "text": body, "html": format!("<pre>{body}</pre>") })).await;
        let message = parse(&raw);
        let read = message.body_text(0).expect("a text part").replace("\r\n", "\n");
        assert_eq!(read.trim_end_matches('\n'), body.trim_end_matches('\n'));
        let html = message.body_html(0).expect("an HTML part").replace("\r\n", "\n");
        assert_eq!(
            html.trim_end_matches('\n'),
            format!("<pre>{body}</pre>").trim_end_matches('\n')
        );
        assert!(raw.is_ascii());
        assert!(raw.split(|byte| *byte == b'\n').all(|line| line.len() <= 78));
    }
}

#[tokio::test]
async fn files_read_back_with_their_names_and_types() {
    let env = TestEnv::new().await;
    let bytes: String = "c2VjcmV0AAEC/w==".to_owned();
    let raw = sent(
        &env,
        json!({
            "html": "<img src=\"cid:logo@example.com\">",
            "attachments": [
                { "base64": bytes, "filename": "résumé ✓.pdf" },
                { "data": bytes, "type": "image/png", "cid": "logo@example.com" },
                "data:text/csv;charset=utf-8,a%2Cb",
                { "content": "x", "encoding": "utf-8", "name": "a.txt" },
                { "text": "Subject: inner\n\nhi\n", "contentType": "message/rfc822", "filename": "inner.eml" },
            ],
        }),
    )
    .await;
    let message = parse(&raw);
    let found: Vec<_> = message
        .attachments()
        .map(|part| {
            let kind = part.content_type().expect("a type");
            let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default());
            (kind, part.attachment_name().map(str::to_owned), part.content_id().map(str::to_owned))
        })
        .collect();
    let file = |kind: &str, name: &str| (kind.to_owned(), Some(name.to_owned()), None);
    assert_eq!(
        found,
        [
            ("image/png".to_owned(), None, Some("logo@example.com".to_owned())),
            file("application/pdf", "résumé ✓.pdf"),
            file("text/csv", "attachment-3.csv"),
            file("text/plain", "a.txt"),
            file("message/rfc822", "inner.eml"),
        ]
    );
    let pdf = message.attachment(1).expect("the second");
    assert_eq!(pdf.contents(), b"secret\x00\x01\x02\xff");
}
