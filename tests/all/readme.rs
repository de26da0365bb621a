//! The README's tables, held to what the component and the command say of themselves.

use serde_json::Value;
use smtp_connector_host::FailureCode;

use crate::support::CommandLine;

const README: &str = include_str!("../../README.md");

/// The names in the first column of the table below `heading`, in order.
fn names(heading: &str) -> Vec<&'static str> {
    let start = README.find(heading).unwrap_or_else(|| panic!("the README has {heading:?}"));
    let rows = README[start..].lines().skip_while(|line| !line.starts_with('|')).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .flat_map(|row| row.split('|').nth(1).expect("a column").split(','))
        .map(|name| name.trim().trim_matches('`'))
        .collect()
}

fn manifest() -> Value {
    CommandLine::new().run(&["describe"]).expect(0).json()
}

fn keys(object: &Value) -> Vec<String> {
    let mut keys: Vec<_> = object.as_object().expect("an object").keys().cloned().collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_table_of_fields_has_every_field_and_no_other() {
    let mut told = names("## The input of `send-mail`");
    told.sort_unstable();
    assert_eq!(told, keys(&manifest()["actions"][0]["input"]["properties"]));
}

#[test]
fn the_table_of_issues_has_every_code_with_its_meaning() {
    let manifest = manifest();
    let codes = &manifest["actions"][0]["codes"];
    assert_eq!(names("<summary>Codes of issues and warnings</summary>"), keys(codes));
    for (code, meaning) in codes.as_object().expect("an object") {
        let meaning = meaning.as_str().expect("text").trim_end_matches('.');
        let (first, rest) = meaning.split_at(1);
        let row = format!("| `{code}` | {}{rest} |\n", first.to_lowercase());
        assert!(README.to_lowercase().contains(&row.to_lowercase()), "{row}");
    }
}

#[test]
fn the_table_of_errors_has_every_code() {
    let known: Vec<_> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names("## Errors"), known);
}
