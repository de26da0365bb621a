//! `validate`.

use crate::support::CommandLine;

#[test]
fn a_valid_input_is_valid_without_an_account() {
    let line = CommandLine::new();
    let input = r#"{"from": "a@example.com", "to": "b@example.net, B@example.net, b@example.net"}"#;
    let json = line.run_with(&["validate", "--json"], input, &[]).expect(0).json();
    assert_eq!(json["valid"], true);
    assert_eq!(json["issues"].as_array().map(Vec::len), Some(0));
    assert_eq!(json["warnings"][0]["code"], "duplicate-recipient");
    let ran = line.run_with(&["validate"], input, &[]).expect(0);
    assert_eq!(ran.out, "valid\n");
    assert!(ran.err.contains("warning: to: "), "{}", ran.err);
}

#[test]
fn every_issue_has_a_path_a_code_and_a_sentence() {
    let line = CommandLine::new();
    let input =
        r#"{"to": [1], "subject": {}, "priority": "soon", "attachments": "/etc/passwd", "x": 1}"#;
    let json = line.run_with(&["validate", "--json"], input, &[]).expect(65).json();
    let issues = json["issues"].as_array().expect("a list");
    let pairs: Vec<_> =
        issues.iter().map(|one| (one["path"].as_str(), one["code"].as_str())).collect();
    assert_eq!(
        pairs,
        [
            (Some("x"), Some("unknown-field")),
            (Some("from"), Some("missing-value")),
            (Some("to[0]"), Some("wrong-type")),
            (Some("subject"), Some("wrong-type")),
            (Some("attachments"), Some("local-path")),
            (Some("priority"), Some("unknown-value")),
        ]
    );
    let ran = line.run_with(&["validate"], input, &[]).expect(65);
    assert_eq!(ran.out.lines().count(), 6, "{}", ran.out);
}

#[test]
fn what_is_no_json_is_an_issue_of_the_whole() {
    let line = CommandLine::new();
    for input in [&b""[..], b"{", b"[]", b"null", b"{\"from\":\"\xff\"}", b"{\"a\": NaN}"] {
        let json =
            line.run_with(&["validate", "--json", "--input", "-"], input, &[]).expect(65).json();
        assert_eq!(json["valid"], false);
        let path = json["issues"][0]["path"].as_str().expect("a path");
        assert!(path == "$" || path == "a", "{json}");
    }
}
