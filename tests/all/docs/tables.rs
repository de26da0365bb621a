//! Checks the tables of the docs against what the component and the command report.

use std::fs;
use std::path::Path;

use serde_json::Value;
use smtp_connector_host::FailureCode;

use crate::support::CommandLine;

const INPUT: &str = include_str!("../../../docs/input.md");
const RESULTS: &str = include_str!("../../../docs/results-and-errors.md");
const RUST: &str = include_str!("../../../docs/rust.md");
const README: &str = include_str!("../../../README.md");

/// The names in the first column of the table below `heading`, in order.
fn names(page: &'static str, heading: &str) -> Vec<&'static str> {
    let start = page.find(heading).unwrap_or_else(|| panic!("the page has {heading:?}"));
    let rows = page[start..].lines().skip_while(|line| !line.starts_with('|')).skip(2);
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
fn the_table_of_fields_lists_exactly_the_components_fields() {
    let mut told = names(INPUT, "## Fields");
    told.sort_unstable();
    assert_eq!(told, keys(&manifest()["actions"][0]["input"]["properties"]));
}

#[test]
fn the_table_of_issues_lists_every_code_with_its_meaning() {
    let manifest = manifest();
    let codes = &manifest["actions"][0]["codes"];
    assert_eq!(names(INPUT, "## Issues and warnings"), keys(codes));
    for (code, meaning) in codes.as_object().expect("an object") {
        let meaning = meaning.as_str().expect("text").trim_end_matches('.');
        let (first, rest) = meaning.split_at(1);
        let row = format!("| `{code}` | {}{rest} |\n", first.to_lowercase());
        assert!(INPUT.to_lowercase().contains(&row.to_lowercase()), "{row}");
    }
}

#[test]
fn the_table_of_limits_matches_the_library() {
    let library = include_str!("../../../host/src/services/limits.rs");
    let rows: Vec<_> = library.lines().filter_map(|line| line.strip_prefix("/// | `")).collect();
    assert!(rows.len() > 8, "{rows:?}");
    for row in rows {
        assert!(RUST.contains(&format!("| `{row}\n")), "{row}");
    }
}

#[test]
fn the_readme_installs_the_command() {
    let paths = README.split("cargo install --path ").skip(1);
    let paths: Vec<_> = paths.filter_map(|rest| rest.split_whitespace().next()).collect();
    assert!(!paths.is_empty());
    for path in paths {
        let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).join("src/main.rs");
        assert!(main.is_file(), "{path} has no command");
    }
}

/// Returns all sources of the tests and the libraries as one text, each after its path.
fn sources() -> String {
    fn collect(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                collect(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                // The path as a module: `hostile/mail.rs` is `hostile::mail`, and `smtp/src/auth/scram.rs` is
                // `smtp::auth::scram`.
                let module = path.with_extension("").display().to_string();
                let module = module.replace("/src/", "/").replace('/', "::");
                let source = fs::read_to_string(&path).expect("the source can be read");
                *text += &format!("\nfile {module} \n{source}");
            }
        }
    }
    let mut text = String::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in [
        "all",
        "endurance",
        "sequences",
        "../cli/src",
        "../host/src",
        "../inbox/src",
        "../outbox/src",
        "../smtp/src",
    ] {
        collect(&root.join(folder), &mut text);
    }
    text
}

#[test]
fn every_promise_in_security_md_names_a_test_that_exists() {
    let sources = sources();
    let promises = include_str!("../../../SECURITY.md");
    let start = promises.find("| promise | test |").expect("there is a table of promises");
    let rows = promises[start..].lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut tests = 0;
    for row in rows {
        let named = row.rsplit('|').nth(1).expect("a row has two columns");
        for name in named.split('`').skip(1).step_by(2) {
            let last = name.rsplit("::").next().expect("a name has a last part");
            let is_test = sources.contains(&format!("fn {last}()"));
            let is_module = ["", "::mod", "::main"]
                .iter()
                .any(|file| sources.contains(&format!("::{name}{file} \n")));
            assert!(is_test || is_module, "{name} is not a test");
            tests += 1;
        }
    }
    assert!(tests > 20, "{tests}");
}

#[test]
fn the_table_of_errors_lists_every_code() {
    let known: Vec<_> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names(RESULTS, "## Codes and exit codes"), known);
}
