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
fn every_issue_has_a_path_a_code_and_a_message() {
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
fn invalid_json_is_an_issue_of_the_whole_input() {
    let line = CommandLine::new();
    for input in [&b""[..], b"{", b"[]", b"null", b"{\"from\":\"\xff\"}", b"{\"a\": NaN}"] {
        let json =
            line.run_with(&["validate", "--json", "--input", "-"], input, &[]).expect(65).json();
        assert_eq!(json["valid"], false);
        let path = json["issues"][0]["path"].as_str().expect("a path");
        assert!(path == "$" || path == "a", "{json}");
    }
}

#[test]
fn placeholders_without_keywords_are_named_with_the_option_that_fills_them_in() {
    let line = CommandLine::new();
    let input =
        r#"{"from": "a@example.com", "to": "{{customer.email}}", "subject": "Order {{order}}"}"#;
    let ran = line.run_with(&["validate"], input, &[]).expect(65);
    let first = ran.out.lines().next().unwrap_or_default();
    for words in ["to: ", "{{customer.email}}", "placeholder", "--keywords FILE"] {
        assert!(first.contains(words), "{words}: {}", ran.out);
    }
    assert_eq!(ran.out.lines().count(), 1, "one mistake is one issue: {}", ran.out);
    assert!(ran.err.contains("warning: subject: ") && ran.err.contains("{{order}}"), "{}", ran.err);
    let found = line.run_with(&["validate", "--json"], input, &[]).expect(65).json();
    assert_eq!(found["issues"][0]["code"], "missing-keyword");
    assert!(found["issues"][0]["message"].as_str().is_some_and(|text| text.contains("--keywords")));
    assert_eq!(found["warnings"][0]["path"], "subject");
    let connected = CommandLine::with_server(1);
    for (line, command) in [(&connected, "send"), (&line, "preview")] {
        let ran = line.run_with(&[command, "--json"], input, &[]).expect(65);
        let error = &ran.json()["error"];
        let message = error["message"].as_str().expect("a sentence");
        assert!(message.contains("placeholder") && message.contains("--keywords"), "{message}");
        assert_eq!(ran.err.matches("placeholder").count(), 1, "it is said once: {}", ran.err);
    }
    // With keywords, the issue names what is missing among them.
    std::fs::write(line.home().join("k.json"), "{}").expect("it can be written");
    let ran = line.run_with(&["validate", "--keywords", "k.json"], input, &[]).expect(65);
    assert!(ran.out.contains("there is no keyword customer.email"), "{}", ran.out);
    assert!(!ran.out.contains("--keywords"), "{}", ran.out);
}

#[test]
fn unfilled_braces_that_are_sent_are_a_warning() {
    let line = CommandLine::new();
    let words =
        ["--from", "a@example.com", "--to", "b@example.net", "--subject", "Order {{order}}"];
    for command in ["validate", "preview"] {
        let words = [&[command][..], &words, &["--text", "Hi {{name}}, a{b{c}}"]].concat();
        let ran = line.run(&words).expect(0);
        for place in ["subject: \"{{order}}\"", "text: \"{{name}}\""] {
            assert!(ran.err.contains(place) && ran.err.contains("--keywords"), "{}", ran.err);
        }
        let json = line.run(&[&words[..], &["--json"]].concat()).expect(0).json();
        let warnings = json["warnings"].as_array().expect("a list");
        let codes: Vec<_> = warnings.iter().map(|one| one["code"].as_str()).collect();
        assert_eq!(codes, [Some("missing-keyword"); 2], "{json}");
    }
}
