//! Tests of the release: its metadata, its contents, and that it can be reproduced.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use smtp_connector_dist::{Contract, component, release, repository, sbom};
use smtp_connector_host::Connector;
use wasm_metadata::Payload;
use wit_component::DecodedWasm;

#[test]
fn the_component_says_what_it_is() {
    let payload = Payload::from_binary(Connector::builtin_bytes()).expect("it is a component");
    let metadata = payload.metadata();
    let told = |text: Option<String>| text.expect("the metadata is there");
    assert_eq!(told(metadata.version.as_ref().map(ToString::to_string)), env!("CARGO_PKG_VERSION"));
    assert_eq!(told(metadata.licenses.as_ref().map(ToString::to_string)), "MIT OR Apache-2.0");
    assert!(told(metadata.source.as_ref().map(ToString::to_string)).starts_with("https://"));
    assert!(told(metadata.description.as_ref().map(ToString::to_string)).contains("SMTP"));
}

#[test]
fn the_component_contains_no_path_of_the_build_machine() {
    let component = Connector::builtin_bytes();
    let home = std::env::var("HOME").unwrap_or_default();
    for folder in [repository().to_str().expect("the tests' folder is text"), &home] {
        // Every path contains the root folder, so skip a home folder that is `/`.
        if folder.len() > 1 {
            let found = component.windows(folder.len()).any(|part| part == folder.as_bytes());
            assert!(!found, "the component names {folder}");
        }
    }
}

#[test]
fn the_package_of_the_contract_reads_back() {
    let contract = Contract::current().expect("it is WIT");
    let package = contract.package().expect("it can be encoded");
    let decoded = wit_component::decode(&package).expect("it is a package");
    let DecodedWasm::WitPackage(resolve, id) = decoded else { panic!("it is not a package") };
    assert_eq!(resolve.packages[id].name.to_string(), "connectors:smtp@0.1.0");
}

#[test]
fn the_bill_of_materials_lists_exactly_the_components_packages() {
    let list: Value =
        serde_json::from_slice(&sbom::of_component(b"").expect("cargo tells")).expect("JSON");
    let names: Vec<_> =
        list["components"].as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    for name in ["mail-builder", "minijinja", "serde_json"] {
        assert!(names.iter().any(|one| *one == name), "{name}");
    }
    for name in ["wasmtime", "tokio", "rustls", "mail-parser"] {
        assert!(!names.iter().any(|one| *one == name), "{name}");
    }
    let licensed = |one: &Value| one["licenses"][0]["expression"].is_string();
    assert!(list["components"].as_array().expect("a list").iter().all(licensed));
}

#[test]
fn a_release_is_complete_and_its_checksums_are_right() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let files = release::make(folder.path(), Connector::builtin_bytes()).expect("it is made");
    assert_eq!(files.len(), 10);
    let checked = in_folder("sha256sum", &["--check", "--strict", "SHA256SUMS"], folder.path());
    assert!(checked.contains("smtp-connector.wasm: OK"), "{checked}");
    let host = files
        .iter()
        .find(|(name, _)| name.starts_with("smtp-connector-host-"))
        .expect("the host's crate");
    let listed = in_folder("tar", &["tzf", &host.0], folder.path());
    for file in ["smtp-connector.wasm", "wit/smtp-connector.wit", "LICENSE-MIT", "README.md"] {
        assert!(listed.lines().any(|line| line.ends_with(&format!("/{file}"))), "{file}: {listed}");
    }
}

fn in_folder(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.expect("the program is there");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it prints text")
}

#[test]
#[ignore = "builds the component twice, which takes minutes; .ci/run runs it"]
fn another_folder_gives_the_same_component() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let tree = folder.path().join("a/folder/somewhere/else");
    copy_sources(&tree);
    // Run only the host's build script, which builds the component. So wasmtime is not compiled again.
    let script = folder.path().join("build-script");
    let compiled = Command::new("rustc")
        .args(["--edition", "2024", "-o"])
        .arg(&script)
        .arg(tree.join("host/build.rs"))
        .status();
    assert!(compiled.expect("rustc runs").success());
    let out = tree.join("target/release/build/host/out");
    fs::create_dir_all(&out).expect("the folder is ours");
    let ran = Command::new(&script)
        .env("CARGO", env!("CARGO"))
        .env("CARGO_MANIFEST_DIR", tree.join("host"))
        .env("CARGO_PKG_LICENSE", env!("CARGO_PKG_LICENSE"))
        .env("CARGO_PKG_REPOSITORY", env!("CARGO_PKG_REPOSITORY"))
        .env("CARGO_PKG_VERSION", env!("CARGO_PKG_VERSION"))
        .env("OUT_DIR", &out)
        .env("PROFILE", "release")
        .env("TARGET", "the machine's own")
        .status();
    assert!(ran.expect("the build script runs").success());
    let again = fs::read(out.join("smtp-connector.wasm")).expect("it was built");
    assert!(again == component::build().expect("it builds"), "two folders gave two components");
}

fn copy_sources(to: &Path) {
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).expect("it is there");
    let members = manifest.split_once("members = [").and_then(|(_, rest)| rest.split_once(']'));
    // Cargo reads the manifest of every member, although it builds only one.
    let members = members.expect("the workspace has members").0.split('"').skip(1).step_by(2);
    // A member inside of another is copied with it.
    let members = members.filter(|member| !member.starts_with("tests/"));
    for path in members.chain(["Cargo.toml", "Cargo.lock", "wit"]) {
        let target = to.join(path);
        fs::create_dir_all(target.parent().expect("it lies in the folder"))
            .expect("the folder is ours");
        let copied = Command::new("cp").arg("-R").arg(repository().join(path)).arg(target).status();
        assert!(copied.expect("cp runs").success());
    }
}
