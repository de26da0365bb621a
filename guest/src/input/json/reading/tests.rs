use super::super::MOST_ELEMENTS;
use super::*;

fn issues(text: &str) -> Vec<(String, Code)> {
    let mut findings = Findings::default();
    Value::read(text, &mut findings);
    findings.issues.into_iter().map(|issue| (issue.path, issue.code)).collect()
}

#[test]
fn borrows_strings_without_escapes() {
    let value = Value::read(r#"["aGk=", "a\/b"]"#, &mut Findings::default()).unwrap();
    let Value::Array(items) = value else { panic!("not an array") };
    assert!(matches!(&items[0], Value::String(Cow::Borrowed("aGk="))));
    assert!(matches!(&items[1], Value::String(Cow::Owned(text)) if text == "a/b"));
}

#[test]
fn reports_a_key_that_stands_twice_and_reads_on() {
    let found = issues(r#"{"to": [{"email": 1, "email": 2}], "cc": {"a": 1, "b": 1, "a": 1}}"#);
    let places: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(places, ["to[0].email", "cc.a"]);
    assert!(found.iter().all(|(_, code)| *code == Code::DuplicateKey));
}

#[test]
fn says_where_values_are_nested_too_deep() {
    let deep = format!(r#"{{"to": {}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let found = issues(&deep);
    assert_eq!(found.len(), 1);
    assert!(found[0].0.starts_with("to[0][0]"), "{}", found[0].0);
    assert_eq!(found[0].1, Code::TooDeep);
    let fits = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert_eq!(issues(&fits), []);
}

#[test]
fn an_array_of_an_input_is_limited_and_one_of_keywords_is_not() {
    let array = |number: usize, last: &str| {
        format!(r#"{{"cc": {{"a": [{}{last}]}}}}"#, "7,".repeat(number - 1))
    };
    let (fits, too_many) = (array(MOST_ELEMENTS, "7"), array(MOST_ELEMENTS + 2, "7"));
    let mut findings = Findings::default();
    assert!(Value::read_input(&fits, &mut findings).is_some());
    assert!(findings.is_valid());
    assert!(Value::read_input(&too_many, &mut findings).is_some());
    assert_eq!(findings.issues[0].path, "cc.a");
    assert_eq!(findings.issues[0].code, Code::TooMany);
    assert!(findings.issues[0].message.contains("10002 elements"), "{findings:?}");
    assert!(Value::read_object(&too_many, &mut Findings::default()).is_some());
    // Elements that are not kept are still checked to be JSON.
    let mut findings = Findings::default();
    assert!(Value::read_input(&array(MOST_ELEMENTS + 2, "nul"), &mut findings).is_none());
    assert_eq!(findings.issues[0].path, "cc.a[10001]");
    assert_eq!(findings.issues[0].code, Code::InvalidJson);
}

#[test]
fn the_bytes_of_a_buffer_may_be_as_many_as_those_of_a_file() {
    let buffer = |number: usize, last: &str| {
        format!(r#"{{"a": {{"type": "Buffer", "data": [{}{last}]}}}}"#, "7,".repeat(number))
    };
    let data = |json: &str| {
        let mut findings = Findings::default();
        let members = Value::read_input(json, &mut findings).unwrap();
        let Some((_, Value::Object(inner))) = members.into_iter().next() else { panic!() };
        (inner.into_iter().nth(1).unwrap().1.into_owned(), findings)
    };
    let (value, findings) = data(&buffer(3 * MOST_ELEMENTS - 1, "7"));
    assert!(findings.is_valid());
    assert_eq!(value, Value::String("BwcH".repeat(MOST_ELEMENTS).into()));
    let (value, _) = data(&buffer(MOST_ELEMENTS - 2, "7"));
    assert!(matches!(value, Value::Array(items) if items.len() == MOST_ELEMENTS - 1));
    for last in ["256", "1.5", "-1"] {
        let (_, findings) = data(&buffer(MOST_ELEMENTS + 10, last));
        assert_eq!(findings.issues[0].code, Code::TooMany, "{last}");
    }
}

#[test]
fn says_where_the_text_goes_wrong() {
    for (text, path) in [
        ("", "$"),
        ("{\"a\": 1,}", "$"),
        ("{\"a\": NaN}", "a"),
        ("{} {}", "$"),
        (r#"{"attachments": [{"filename": "a\ud800b"}]}"#, "attachments[0].filename"),
    ] {
        assert_eq!(issues(text), [(path.to_owned(), Code::InvalidJson)], "{text}");
    }
}

#[test]
fn a_whole_number_of_twenty_digits_is_read_as_text() {
    let value = Value::read("[89014103211118510720, 7]", &mut Findings::default()).unwrap();
    let Value::Array(items) = value else { panic!("not an array") };
    assert_eq!(items[0], Value::String("89014103211118510720".into()));
    assert_eq!(items[1], Value::Number(Box::new(7.into())));
}

#[test]
fn skips_a_byte_order_mark() {
    assert_eq!(issues("\u{feff}{}"), []);
}
