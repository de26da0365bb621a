use super::*;

fn read(json: &str) -> (Vec<(String, String)>, Findings) {
    let mut findings = Findings::default();
    let value = Value::read(json, &mut findings).unwrap();
    let headers = read_headers(&value, &Path::ROOT.key("headers"), &mut findings).custom;
    let text = |value| match value {
        HeaderValue::Text(text) | HeaderValue::Verbatim(text) => text,
        HeaderValue::List(elements) => format!("{elements:?}"),
    };
    (headers.into_iter().map(|header| (header.name, text(header.value))).collect(), findings)
}

#[test]
fn values_are_texts_or_arrays_of_texts() {
    let (found, findings) = read(r#"{"X-A": "1", "X-B": ["2", 3, null, true], "X-C": null}"#);
    assert!(findings.is_valid());
    let pairs: Vec<_> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(pairs, ["X-A=1", "X-B=2", "X-B=3", "X-B=true"]);
    for nothing in ["null", "{}", "\"\"", "[]"] {
        assert_eq!(read(nothing).0, [], "{nothing}");
    }
}

#[test]
fn names_of_our_own_headers_are_reserved_in_any_case() {
    for name in [
        "Bcc",
        "bcc",
        "To",
        "Message-ID",
        "message-id",
        "Return-Path",
        "Resent-To",
        "Content-Type",
        "DKIM-Signature",
        "ARC-Seal",
        "MIME-Version",
        "Received",
    ] {
        let (_, findings) = read(&format!("{{{name:?}: \"x\"}}"));
        assert_eq!(findings.issues[0].code, Code::ReservedHeader, "{name}");
        assert_eq!(findings.issues[0].path, format!("headers.{name}"));
    }
    assert!(read(r#"{"List-Unsubscribe": "<https://x.test/u>", "X-Mailer": "x"}"#).1.is_valid());
}

#[test]
fn a_value_cannot_escape_from_a_header() {
    for (json, code) in [
        (r#"{"X-A: 1\r\nBcc: e@evil.test\r\nX-B": "v"}"#, Code::InvalidHeader),
        (r#"{"": "v"}"#, Code::InvalidHeader),
        (r#"{"X A": "v"}"#, Code::InvalidHeader),
        (r#"{"X-A": "v\r\nBcc: e@evil.test"}"#, Code::InvalidCharacter),
        (r#"{"X-A": ["v", "v\u0000"]}"#, Code::InvalidCharacter),
        (r#"{"X-A": {"b": 1}}"#, Code::WrongType),
        (r#"["X-A v"]"#, Code::InvalidHeader),
        (r#"[7]"#, Code::WrongType),
        (r#"[{"name": {}, "value": "v"}]"#, Code::WrongType),
        (r#"[{"name": "X-A", "value": "v\r\nBcc: e@evil.test"}]"#, Code::InvalidCharacter),
        (r#""X-A: v\r\nBcc: e@evil.test""#, Code::ReservedHeader),
        (r#"{"In-Reply-To": "<i@x.test>\r\nBcc: <e@evil.test>"}"#, Code::InvalidCharacter),
        (r#"{"Reply-To": ["a@x.test\nb@x.test"]}"#, Code::InvalidCharacter),
        (r#"{"Reply_To\r\n": "a@x.test"}"#, Code::InvalidHeader),
        (r#"{"List-Id": ["a", "b"]}"#, Code::TooMany),
    ] {
        assert_eq!(read(json).1.issues[0].code, code, "{json}");
    }
}

#[test]
fn headers_come_as_a_list_or_as_lines() {
    for json in [
        r#"[{"name": "X-A", "value": "1"}, {"Key": "x_b.c", "Value": ["2", 3]}, null]"#,
        r#"[["X-A", 1], ["x_b.c", ["2", "3"]]]"#,
        r#"[{"X-A": "1"}, {"x_b.c": ["2", "3"]}]"#,
        r#"["X-A: 1", "x_b.c: 2\nx_b.c : 3"]"#,
        r#""X-A: 1\r\nx_b.c: 2\r\n\r\nx_b.c:\r\n\t3\r\n""#,
        r#""[{\"name\": \"X-A\", \"value\": 1}, {\"name\": \"x_b.c\", \"value\": [2, 3]}]""#,
    ] {
        let (found, findings) = read(json);
        assert!(findings.is_valid(), "{json}: {findings:?}");
        let pairs: Vec<_> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs, ["X-A=1", "x_b.c=2", "x_b.c=3"], "{json}");
    }
}

#[test]
fn a_reserved_header_says_which_field_to_use() {
    for (name, field) in [
        ("To", "field to"),
        ("Message-ID", "field messageId"),
        ("Return_Path", "field returnPath"),
        ("Content-Type", "field contentType"),
    ] {
        let (_, findings) = read(&format!("{{{name:?}: \"x\"}}"));
        assert!(findings.issues[0].message.ends_with(field), "{findings:?}");
    }
}

#[test]
fn headers_that_are_fields_are_read_as_those() {
    let mut findings = Findings::default();
    let json = r#"{"reply-to": "A <a@x.test>, b@x.test", "References": "<a@x.test>\r\n <b@x.test>",
                   "In-Reply-To": ["<c@x.test>"], "Disposition-Notification-To": "d@x.test", "X-A": "1"}"#;
    let value = Value::read(json, &mut findings).unwrap();
    let headers = read_headers(&value, &Path::ROOT.key("headers"), &mut findings);
    assert!(findings.is_valid(), "{findings:?}");
    assert_eq!(headers.custom.len(), 1);
    let mut reply_to = Vec::new();
    headers.fields.reply_to.set(&mut reply_to, Field::ReplyTo, false, &mut findings);
    assert_eq!(reply_to.len(), 2);
    assert_eq!(findings.warnings[0].path, "headers.reply-to");
    let mut references = Vec::new();
    headers.fields.references.set(&mut references, Field::References, false, &mut findings);
    assert_eq!(references.len(), 2);
    headers.fields.in_reply_to.set(&mut Vec::new(), Field::InReplyTo, true, &mut findings);
    assert_eq!(findings.issues[0].code, Code::DuplicateField);
    assert_eq!(
        read(r#"{"Reply-To": "a@x.test", "reply_to": "b@x.test"}"#).1.issues[0].code,
        Code::DuplicateField
    );
}

#[test]
fn ways_out_of_a_list_stand_in_one_header() {
    let (found, findings) =
        read(r#"{"List-Unsubscribe": ["<mailto:u@x.test>", "<https://x.test/u>"], "List-Id": ""}"#);
    assert!(findings.is_valid(), "{findings:?}");
    assert_eq!(found.len(), 1);
    assert!(found[0].1.contains("mailto:u@x.test") && found[0].1.contains("https://x.test/u"));
}

#[test]
fn headers_are_bounded_in_length_and_number() {
    let long = format!("{{\"X-A\": {:?}}}", "a".repeat(MAX_VALUE + 1));
    assert_eq!(read(&long).1.issues[0].code, Code::TooLong);
    let many: Vec<_> = (0..=MAX_HEADERS).map(|n| format!("\"X-{n}\": 1")).collect();
    assert_eq!(read(&format!("{{{}}}", many.join(","))).1.issues[0].code, Code::TooMany);
    assert!(read(&format!("{{{}}}", many[1..].join(","))).1.is_valid());
}
