//! `preview`.

use crate::support::CommandLine;

const INPUT: &str = r#"{"from": "a@example.com", "to": "b@example.net", "subject": "x", "body": "y",
    "date": "2026-01-02T03:04:05Z", "idempotencyKey": "k"}"#;

#[test]
fn the_message_is_printed_or_written_and_the_same_each_time() {
    let line = CommandLine::new();
    let printed = line.run_with(&["preview"], INPUT, &[]).expect(0);
    assert!(
        printed.out.starts_with("From: a@example.com\r\nTo: b@example.net\r\nSubject: x\r\n"),
        "{}",
        printed.out
    );
    assert_eq!(printed.err, "");
    line.run_with(&["preview", "--output", "x.eml"], INPUT, &[]).expect(0);
    let written = std::fs::read_to_string(line.home().join("x.eml")).expect("it was written");
    assert_eq!(written, printed.out);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = line.home().join("x.eml").metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let json = line.run_with(&["preview", "--json"], INPUT, &[]).expect(0).json();
    assert_eq!(json["status"], "dry-run");
    assert_eq!(json["message"], written);
    assert_eq!(json["messageSize"], written.len());
}

#[test]
fn an_input_that_is_wrong_is_65() {
    let line = CommandLine::new();
    let ran = line.run_with(&["preview", "--json"], r#"{"to": "b"}"#, &[]).expect(65);
    assert_eq!(ran.json()["error"]["code"], "validation");
    assert!(ran.err.contains("to: \"b\" is no address"), "{}", ran.err);
}
