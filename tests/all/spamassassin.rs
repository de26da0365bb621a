//! SpamAssassin, if it is installed: it finds no malformed content in the messages of the examples.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use smtp_connector_host::Invocation;

use crate::support::TestEnv;

/// Parts of the names of rules about malformed mail, as opposed to unwanted mail.
const MALFORMED: &[&str] = &[
    "MISSING_",
    "INVALID_",
    "MIME_HTML_ONLY",
    "MIME_HTML_MOSTLY",
    "BASE64_LENGTH",
    "NEEDS_ENCODING",
    "MIME_QP_LONG_LINE",
    "MIME_BASE64_BLANKS",
    "MIME_BOUND",
    "MULTIPLE_UNIQUE_HEADERS",
    "DOUBLE_BAD_EXTENSION",
    "EXCESS_BASE64",
    "ILLEGAL",
    "MALFORMED",
    "NO_HEADERS",
];

/// Returns the rules about malformed mail that a message triggers.
fn malformed(message: &[u8]) -> Vec<String> {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut child = Command::new("spamassassin")
        .args(["--local", "--test-mode"])
        .env("HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("SpamAssassin is installed");
    let mut input = child.stdin.take().expect("it was piped");
    input.write_all(message).expect("it reads the message");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = report.split("X-Spam-Status:").nth(1).expect("it says what it thinks");
    let (_, tests) = status.split_once("tests=").expect("it names the rules");
    let tests = tests.split("autolearn=").next().unwrap_or_default();
    tests
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|rule| MALFORMED.iter().any(|part| rule.contains(part)))
        .map(str::to_owned)
        .collect()
}

#[test]
#[ignore = "needs SpamAssassin"]
fn spamassassin_recognises_a_malformed_message() {
    let found = malformed(b"From: alice@example.com\r\nSubject: \xfc\r\n\r\nx\r\n");
    assert!(found.iter().any(|rule| rule == "MISSING_MID"), "{found:?}");
    assert!(found.iter().any(|rule| rule == "MISSING_DATE"), "{found:?}");
}

#[tokio::test]
#[ignore = "needs SpamAssassin"]
async fn spamassassin_finds_our_messages_well_formed() {
    let env = TestEnv::new().await;
    let manifest: Value =
        serde_json::from_str(&env.connector.describe().await.expect("a manifest"))
            .expect("the manifest is JSON");
    let mut examples = manifest["actions"][0]["examples"].as_array().expect("examples").clone();
    examples.push(json!({ "input": {
        "to": "\"Doe, Jo\" <jo@example.net>", "subject": "Ünïcödé 日本語 ".repeat(8),
        "text": "Grüße\n".repeat(50), "html": format!("<p>{}</p>", "Grüße ".repeat(300)),
        "listUnsubscribe": { "url": "https://example.com/u", "oneClick": true },
        "calendar": { "content": "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR" },
        "attachments": [{ "base64": "AAECAw==", "filename": "résumé ✓.pdf" }, { "text": "", "filename": "empty.txt" }],
    } }));
    for example in examples {
        let mut input = example["input"].clone();
        if let Some(attachments) = input["attachments"].as_array_mut() {
            // There is no web server in this test.
            attachments.retain(Value::is_object);
        }
        let mut mail = Invocation::send_mail(input.to_string()).account("work");
        if let Some(keywords) = example.get("keywords") {
            mail = mail.keywords(keywords.to_string());
        }
        env.invoke(mail).await.expect("it is sent");
        let message = env.received().await.content;
        let found = malformed(&message);
        assert!(found.is_empty(), "{found:?}:\n{}", String::from_utf8_lossy(&message));
    }
}
