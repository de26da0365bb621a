//! Tests of the contract: the generated files match it, and a published version does not change.

use std::fs;

use smtp_connector_dist::{BINDINGS, Contract, PAGE, repository};
use wit_parser::{Resolve, WorldId};

fn current() -> Contract {
    Contract::current().expect("wit/smtp-connector.wit is valid WIT")
}

/// Checks that a generated file in the repository matches the contract.
fn assert_kept(path: &str, made: &str) {
    let kept = fs::read_to_string(repository().join(path)).expect("the generated file exists");
    assert!(
        kept == made,
        "{path} does not match wit/; run: cargo run --package smtp-connector-dist -- --wit"
    );
}

#[test]
fn the_page_is_what_the_contract_says() {
    assert_kept(PAGE, &current().page());
}

#[test]
fn the_bindings_of_the_component_are_what_wit_bindgen_makes_of_the_contract() {
    assert_kept(BINDINGS, &current().bindings().expect("the contract has bindings"));
}

#[test]
fn within_a_version_nothing_changes_but_comments() {
    let current = current();
    let file = repository().join(format!("dist/wit/{}.wit", current.version()));
    let recorded = Contract::read(&file)
        .expect("every version of the contract is kept in dist/wit; copy the new one there");
    assert_eq!(
        current.without_comments().expect("it can be printed"),
        recorded.without_comments().expect("it can be printed"),
        "wit/ differs from {}; raise its version, or, if that version was never published, copy it there",
        file.display()
    );
}

/// Reports whether two versions are compatible: the same minor version before 1.0, the same major version after.
fn is_compatible(one: &str, other: &str) -> bool {
    let line = |version: &str| {
        let mut parts = version.split('.');
        let major = parts.next().unwrap_or_default().to_owned();
        if major == "0" { (major, parts.next().map(str::to_owned)) } else { (major, None) }
    };
    line(one) == line(other)
}

#[test]
fn later_versions_of_a_line_take_the_place_of_earlier_ones() {
    let current = current().version();
    let mut compared = 0;
    for file in fs::read_dir(repository().join("dist/wit")).expect("versions are kept") {
        let file = file.expect("the folder can be read").path();
        let version =
            file.file_stem().and_then(|name| name.to_str()).expect("a version").to_owned();
        if !is_compatible(&version, &current) {
            continue;
        }
        let mut resolve = Resolve::default();
        let mut world = |path| -> WorldId {
            let package = resolve.push_path(path).expect("the file is valid WIT").0;
            resolve.packages[package].worlds["plugin"]
        };
        let (earlier, later) = if version == current {
            let only = world(file);
            (only, only)
        } else {
            (world(file), world(repository().join("wit/smtp-connector.wit")))
        };
        let checked = wit_component::semver_check(resolve, earlier, later);
        checked
            .unwrap_or_else(|error| panic!("{current} breaks components of {version}: {error:#}"));
        compared += 1;
    }
    assert!(compared > 0, "dist/wit has no compatible version to compare with");
}

#[test]
fn a_line_ends_with_its_minor_version_before_1_0_and_its_major_version_after() {
    assert!(is_compatible("0.1.0", "0.1.7"));
    assert!(!is_compatible("0.1.0", "0.2.0"));
    assert!(is_compatible("1.0.0", "1.4.0"));
    assert!(!is_compatible("1.0.0", "2.0.0"));
}
