//! The schemas that `describe` returns, compared with what the component accepts and returns.

use serde_json::{Value, json};
use smtp_connector_host::{Connector, Findings, Invocation};

use crate::support::TestEnv;

/// Issues that JSON Schema cannot express, or only in an unreadable expression: the grammar of an address, two names
/// for one field, canonical base64, the contents of JSON text. A value with only such issues may pass the schema.
const BEYOND_A_SCHEMA: &[&str] = &[
    "attachment-source",
    "checksum-mismatch",
    "duplicate-field",
    "invalid-address",
    "invalid-base64",
    "invalid-content-id",
    "invalid-data-uri",
    "invalid-date",
    "invalid-header",
    "invalid-media-type",
    "invalid-message-id",
    "invalid-url",
    "local-path",
    "missing-value",
    "reserved-header",
];

/// Values of every type and shape. Each is tried in every field.
fn shapes() -> Vec<Value> {
    let mut shapes = vec![
        json!(null),
        json!(""),
        json!("  \n"),
        json!("x"),
        json!("high"),
        json!("HTML"),
        json!(" text/html; charset=utf-8"),
        json!("true"),
        json!("a@example.org"),
        json!("Ann <a@example.org>, b@example.org"),
        json!("<id@example.org>"),
        json!("2026-01-02T03:04:05Z"),
        json!("https://example.org/a.pdf"),
        json!("data:,x"),
        json!("[\"a@example.org\"]"),
        json!("a\u{0}b"),
        json!("a\r\nb"),
        json!("a\u{7f}b"),
        json!(0),
        json!(-1.5),
        json!(true),
        json!(false),
        json!([]),
        json!([[]]),
        json!([null, ""]),
        json!(["x", 1, true, null]),
        json!(["x", ["y"]]),
        json!(["x", {}]),
        json!(["a@example.org"]),
        json!(["a@example.org", "b@example.org"]),
        json!([["a@example.org"]]),
        json!([[["a@example.org"]]]),
        json!([{ "email": "a@example.org" }]),
        json!({}),
        json!({ "email": "a@example.org", "name": "Ann" }),
        json!({ "url": "https://example.org/a.pdf" }),
        json!({ "X-One": "1", "X-Two": ["a", 2, null] }),
        json!({ "X One": "1" }),
        json!({ "X-One": { "a": 1 } }),
        json!({ "X-One": "a\r\nb" }),
        json!({ "method": "REQUEST" }),
        json!({ "notify": "never" }),
        json!({ "nothing": "known" }),
        json!("X-One: 1\r\nX-Two: a"),
        json!("urgent"),
        json!("5 (Lowest)"),
        json!(3),
        json!(1_767_319_445),
        json!("https://example.org/a.pdf, https://example.org/b.pdf\n"),
        json!([{ "name": "X-One", "value": "1" }, { "key": "x_two.b", "value": "a" }]),
        json!([["X-One", "1"]]),
        json!(["X-One: 1", null]),
        json!("<>"),
    ];
    shapes.push(json!("x".repeat(600)));
    shapes
}

/// Special values for single fields.
fn particulars() -> Vec<Value> {
    let calendar = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR";
    let file = |key: &str, value: Value| json!({ "attachments": { "text": "x", key: value } });
    vec![
        json!({ "Receiver": "a@example.org" }),
        json!({ "reply_to": "a@example.org", "E-Mail Format": "both" }),
        json!({ "reply to": 5 }),
        json!({ "subjcet": "x" }),
        json!({ "": "x" }),
        json!({ "contentType": "markdown" }),
        json!({ "contentType": "TEXT/PLAIN" }),
        json!({ "contentType": "text/html;\r\n" }),
        json!({ "contentType": "multipart/alternative" }),
        json!({ "priority": "soon" }),
        json!({ "priority": "1 (Highest)" }),
        json!({ "priority": 6 }),
        json!({ "Message Body": "x", "When some recipients are refused": "fail" }),
        json!({ "Is HTML": true, "body": "x" }),
        json!({ "Body": "<b>x</b>", "AltBody": "x" }),
        json!({ "contentType": "text/html; charset=utf-8\r\n" }),
        json!({ "subject": "x".repeat(998) }),
        json!({ "subject": "x".repeat(999) }),
        json!({ "fromName": "Ann\r\n" }),
        json!({ "fromName": "A\nnn" }),
        json!({ "from": "Ann <a@example.org>\n" }),
        json!({ "returnPath": "<>" }),
        json!({ "dsn": { "id": "QQ314159", "ret": "HDRS" } }),
        json!({ "headers": { "x_one.b": "1", "Reply-To": "a@example.org" } }),
        json!({ "headers": { "Reply-To": "a@example.org" }, "replyTo": "b@example.org" }),
        json!({ "headers": [{ "name": "X One", "value": "1" }] }),
        json!({ "headers": [7] }),
        json!({ "headers": [{ "name": "X-One", "value": ["a", 2] }] }),
        json!({ "headers": "X-One" }),
        json!({ "date": "Fri, 02 Jan 2026 03:04:05 +0100" }),
        json!({ "date": "2026-01-02T03:04" }),
        json!({ "date": ["2026-01-02"] }),
        json!({ "attachments": { "content": { "type": "Buffer", "data": [104, 105] } } }),
        json!({ "attachments": { "content": { "type": "Buffer", "data": [104, 256] } } }),
        json!({ "attachments": { "data": { "type": "Buffer", "data": vec![104; 20_000] } } }),
        json!({ "attachments": { "base64": [104, 105] } }),
        json!({ "attachments": { "contentBytes": { "$content-type": "application/pdf", "$content": "aGk=" } } }),
        json!({ "attachments": { "content": "aGk=", "contentType": "application/pdf" } }),
        json!({ "attachments": { "name": "a.pdf", "type": "file", "file": { "url": "https://example.org/a.pdf" } } }),
        json!({ "attachments": { "base64": "aGk=", "bucket": "b", "@odata.type": "x" } }),
        json!({ "priority": " HIGH " }),
        json!({ "onPartialFailure": "Fail" }),
        json!({ "onPartialFailure": "stop" }),
        json!({ "dryRun": "FALSE" }),
        json!({ "dryRun": "yes" }),
        json!({ "dryRun": 1 }),
        json!({ "date": "tomorrow" }),
        json!({ "date": "2026-01-02 03:04:05+02:00" }),
        json!({ "messageId": "a@b" }),
        json!({ "messageId": "a b@c" }),
        json!({ "messageId": "<a@b>\r\nBcc: e@example.org" }),
        json!({ "references": "<a@b>, <c@d>" }),
        json!({ "references": ["<a@b>", null] }),
        json!({ "references": ["<a@b>", "c"] }),
        json!({ "references": "<a@b><c d> e@f,\r\n\t<GLPI-1>" }),
        json!({ "references": "<a@b> \u{1}" }),
        json!({ "references": "[\"<a@b>\"]" }),
        json!({ "inReplyTo": "GLPI-1" }),
        json!({ "inReplyTo": 5 }),
        json!({ "messageId": "<a@b>\n" }),
        json!({ "inReplyTo": "ä@b" }),
        json!({ "idempotencyKey": "order-7" }),
        json!({ "idempotencyKey": ["a"] }),
        json!({ "headers": { "X-One": "x".repeat(8192) } }),
        json!({ "headers": { "X-One": "x".repeat(8193) } }),
        json!({ "headers": { "x".repeat(60): "1" } }),
        json!({ "headers": { "x".repeat(61): "1" } }),
        json!({ "headers": { "Subject": "1" } }),
        json!({ "headers": { "List-Id": "Größe <news.example.org>" } }),
        json!({ "headers": { "List-Id": "News <größe.example.org>" } }),
        json!({ "headers": { "List-Unsubscribe": "<https://example.org/ü>" } }),
        json!({ "headers": (0..100).map(|n| (format!("X-{n}"), json!("1"))).collect::<serde_json::Map<_, _>>() }),
        json!({ "headers": (0..101).map(|n| (format!("X-{n}"), json!("1"))).collect::<serde_json::Map<_, _>>() }),
        json!({ "listUnsubscribe": { "url": "https://example.org/u" } }),
        json!({ "listUnsubscribe": { "url": "ftp://example.org/u" } }),
        json!({ "listUnsubscribe": { "mailto": "u@example.org", "oneClick": true } }),
        json!({ "listUnsubscribe": { "mailto": "u@example.org", "oneClick": "perhaps" } }),
        json!({ "listUnsubscribe": { "mail": "u@example.org" } }),
        json!({ "listUnsubscribe": { "url": format!("https://example.org/{}", "u".repeat(950)) } }),
        json!({ "listUnsubscribe": { "mailto": format!("u@example.org?body={}", "u".repeat(950)) } }),
        json!({ "cc": vec![json!(null); 10_000] }),
        json!({ "cc": vec![json!(null); 10_001] }),
        json!({ "body": vec![json!("x"); 10_001] }),
        json!({ "attachments": vec![json!(null); 10_001] }),
        json!({ "listUnsubscribe": "https://example.org/u" }),
        json!({ "calendar": { "content": calendar } }),
        json!({ "calendar": { "content": calendar, "method": "request", "filename": "a.ics" } }),
        json!({ "calendar": { "content": calendar, "method": "INVITE" } }),
        json!({ "calendar": json!({ "content": calendar }).to_string() }),
        json!({ "dsn": "{\"notify\": \"never\"}" }),
        json!({ "listUnsubscribe": "{\"url\": \"https://example.org/u\"}" }),
        json!({ "calendar": { "content": "x" } }),
        json!({ "calendar": { "content": 5 } }),
        json!({ "calendar": { "content": calendar, "filename": {} } }),
        json!({ "dsn": { "notify": ["success", "failure"], "return": "headers", "envelopeId": "QQ314159" } }),
        json!({ "dsn": { "notify": "success, delay" } }),
        json!({ "dsn": { "notify": ["sometimes"] } }),
        json!({ "dsn": { "notify": ["never", "delay"] } }),
        json!({ "dsn": { "return": "half" } }),
        json!({ "dsn": { "envelopeId": "a b" } }),
        json!({ "dsn": { "envelopeId": "x".repeat(101) } }),
        json!({ "dsn": { "notfy": "never" } }),
        json!({ "attachments": { "dataUri": "data:,x" } }),
        json!({ "attachments": { "base64": "aGk=" } }),
        json!({ "attachments": { "base64": "aGk" } }),
        json!({ "attachments": { "base64": 12 } }),
        file("disposition", json!("inline")),
        file("disposition", json!(["inline"])),
        file("contentType", json!("text/plain; charset=a b")),
        json!({ "attachments": { "upload": "f1" } }),
        json!({ "attachments": { "upload": ["f1"] } }),
        json!({ "attachments": { "content": "x" } }),
        json!({ "attachments": { "content": "x", "encoding": "utf-8" } }),
        json!({ "attachments": { "content": "x", "encoding": "rot13" } }),
        json!({ "attachments": { "text": "x", "url": "https://example.org/" } }),
        json!({ "attachments": { "filename": "a.txt" } }),
        json!({ "attachments": { "url": "file:///etc/passwd" } }),
        json!({ "attachments": "/etc/passwd" }),
        json!({ "attachments": [["https://example.org/a.pdf"], "data:,x"] }),
        json!({ "attachments": [[["https://example.org/a.pdf"]]] }),
        file("filename", json!("a.txt")),
        file("filename", json!(7)),
        file("filename", json!({})),
        file("contentType", json!("text/plain; charset=utf-8")),
        file("contentType", json!("text")),
        file("contentType", json!(5)),
        file("contentType", json!(format!("text/{}", "x".repeat(260)))),
        file("cid", json!("logo")),
        file("cid", json!(["logo"])),
        file("inline", json!("true")),
        file("inline", json!("maybe")),
        file("optional", json!(true)),
        file("optional", json!([true])),
        file("sha256", json!("00")),
        file("sha256", json!("2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881")),
        file("note", json!("ignored?")),
    ]
}

/// Returns inputs that are complete, apart from the value under test.
fn samples(fields: &[String]) -> Vec<Value> {
    let mut samples = particulars();
    for field in fields {
        samples.extend(shapes().into_iter().map(|shape| json!({ field: shape })));
    }
    for sample in &mut samples {
        let names_a_recipient = ["to", "Receiver"].iter().any(|name| sample.get(name).is_some());
        if !names_a_recipient {
            sample["to"] = json!("bob@example.net");
        }
    }
    samples
}

async fn findings(connector: &Connector, input: &Value) -> Findings {
    let mail = Invocation::send_mail(input.to_string()).account("work");
    connector.validate(mail).await.expect("a check is made")
}

#[tokio::test]
async fn the_input_schema_accepts_what_the_component_accepts() {
    let env = TestEnv::new().await;
    let manifest: Value =
        serde_json::from_str(&env.connector.describe().await.expect("a manifest"))
            .expect("the manifest is JSON");
    let schema = &manifest["actions"][0]["input"];
    let validator = jsonschema::validator_for(schema).expect("the schema is one");
    let fields: Vec<_> =
        schema["properties"].as_object().expect("an object").keys().cloned().collect();
    let samples = samples(&fields);
    assert!(samples.len() > 1000, "{}", samples.len());
    let (mut both, mut neither, mut wrong) = (0, 0, Vec::new());
    for sample in &samples {
        let found = findings(&env.connector, sample).await;
        let codes: Vec<_> = found.issues.iter().map(|issue| issue.code.as_str()).collect();
        match (validator.is_valid(sample), codes.is_empty()) {
            (true, true) => both += 1,
            (false, false) => neither += 1,
            (true, false) if codes.iter().all(|code| BEYOND_A_SCHEMA.contains(code)) => {}
            (schema_takes_it, _) => {
                wrong.push(format!(
                    "schema: {schema_takes_it}, component: {codes:?}: {sample:.300}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), samples.len(), wrong.join("\n"));
    assert!(both > 300 && neither > 300, "{both} {neither}");
}

#[tokio::test]
async fn results_match_the_output_schema() {
    let env = TestEnv::new().await;
    let manifest: Value =
        serde_json::from_str(&env.connector.describe().await.expect("a manifest"))
            .expect("the manifest is JSON");
    let validator =
        jsonschema::validator_for(&manifest["actions"][0]["output"]).expect("the schema is one");
    for input in [
        json!({ "to": "bob@example.net", "html": "<img src='cid:a'>" }),
        json!({ "to": ["bob@example.net", "bob@example.net"], "text": "x", "dryRun": true,
                "attachments": { "text": "x", "cid": "b", "filename": "b.txt" } }),
    ] {
        let result = env.send(&input).await.expect("it is sent");
        let errors: Vec<_> = validator.iter_errors(&result).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}: {result}");
        assert!(!result["warnings"].as_array().expect("an array").is_empty());
    }
}
