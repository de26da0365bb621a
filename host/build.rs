//! Builds the component for wasm32-wasip2, so that one command builds everything. A published package has
//! the component beside it, and needs neither its source nor the target.

#![expect(clippy::print_stderr, reason = "it is how a build script says what is wrong")]

#[path = "build/description.rs"]
mod description;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

const TARGET: &str = "wasm32-wasip2";
const PACKAGE: &str = "smtp-connector-guest";
const FILE: &str = "smtp_connector_guest.wasm";

/// Settings of the outer build that are not meant for wasm, or that would build the guest once more:
/// RUSTC_WORKSPACE_WRAPPER is set by clippy, CARGO_ENCODED_RUSTFLAGS holds flags for this machine.
const FOREIGN: &[&str] = &[
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTFLAGS",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET",
];

fn main() {
    let host = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let root = host.parent().unwrap_or(&host);
    let component = if root.join("guest/Cargo.toml").exists() {
        build_component(root)
    } else {
        host.join("smtp-connector.wasm")
    };
    println!("cargo:rustc-env=SMTP_CONNECTOR_COMPONENT={}", component.display());
}

/// Builds the component out of its source.
fn build_component(root: &Path) -> PathBuf {
    for path in ["guest/src", "guest/build.rs", "guest/Cargo.toml", "Cargo.toml", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={}", root.join(path).display());
    }
    ensure_target();
    let built = build_guest(root);
    let component = PathBuf::from(variable("OUT_DIR")).join("smtp-connector.wasm");
    let describe = |mut bytes| {
        for (section, text) in sections() {
            description::append(&mut bytes, section, &text);
        }
        fs::write(&component, bytes)
    };
    if let Err(error) = fs::read(&built).and_then(describe) {
        eprintln!("error: the component at {} cannot be copied: {error}", built.display());
        exit(1);
    }
    component
}

/// What the component says of itself, under the names that wasm-tools, wkg and registries read.
fn sections() -> [(&'static str, String); 4] {
    let description = "The SMTP connector: checks an action's input and assembles the message";
    [
        ("description", description.to_owned()),
        ("licenses", variable("CARGO_PKG_LICENSE")),
        ("source", variable("CARGO_PKG_REPOSITORY")),
        ("version", variable("CARGO_PKG_VERSION")),
    ]
}

/// Adds the target where rustup can, and says what to do where it cannot.
fn ensure_target() {
    if has_target() {
        return;
    }
    // Whatever comes of it shows in whether the target is there now.
    let _ = Command::new("rustup").args(["target", "add", TARGET]).status();
    if !has_target() {
        eprintln!(
            "error: the component needs Rust's target {TARGET}; run: rustup target add {TARGET}"
        );
        exit(1);
    }
}

fn has_target() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let print = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let directory = print.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    directory.is_some_and(|directory| Path::new(directory.trim()).is_dir())
}

/// Builds the guest in a folder of its own: a lock of its own, so that the two cargos do not wait for
/// each other, and one folder for build, test and clippy, so that it is built once. Releases and debug builds have a
/// profile each: cargo has one name for the component in both, and would take one's for the other's.
fn build_guest(root: &Path) -> PathBuf {
    let folder = target_folder().join("guest");
    let profile = if variable("PROFILE") == "release" { "guest" } else { "guest-dev" };
    let mut cargo = Command::new(variable("CARGO"));
    cargo
        .current_dir(root)
        .args(["build", "--locked", "--profile", profile, "--package", PACKAGE, "--target", TARGET])
        .arg("--target-dir")
        .arg(&folder);
    for name in FOREIGN {
        cargo.env_remove(name);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", without_paths(root, &folder));
    match cargo.status() {
        Ok(status) if status.success() => {}
        _ => {
            eprintln!("error: the component did not build; its own messages stand above");
            exit(1);
        }
    }
    folder.join(TARGET).join(profile).join(FILE)
}

/// Flags that keep this machine's folders out of the component: panics name their files, and two builds in
/// two folders are to be the same bytes.
fn without_paths(root: &Path, target: &Path) -> String {
    let home = env::var_os("HOME").or_else(|| env::var_os("USERPROFILE")).unwrap_or_default();
    let cargo_home =
        env::var_os("CARGO_HOME").map_or_else(|| Path::new(&home).join(".cargo"), PathBuf::from);
    let registry = cargo_home.join("registry").join("src");
    // Of several that fit, the compiler takes the last.
    let mut folders = vec![(root.to_owned(), "/source".to_owned())];
    let sources = fs::read_dir(registry).into_iter().flatten().flatten();
    folders.extend(sources.map(|source| (source.path(), "/crates".to_owned())));
    folders.push((target.to_owned(), "/target".to_owned()));
    let flags = folders
        .into_iter()
        .map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display()));
    // The separator that cargo takes for this variable.
    flags.collect::<Vec<_>>().join("\u{1f}")
}

/// The folder that cargo builds in: `OUT_DIR` is `<target>/<profile>/build/<package>-<hash>/out`, or a
/// folder deeper when a target was named.
fn target_folder() -> PathBuf {
    let out = PathBuf::from(variable("OUT_DIR"));
    let profile = out.ancestors().nth(3).unwrap_or(&out);
    let above = profile.parent().unwrap_or(profile);
    let named = above.file_name().is_some_and(|name| name == variable("TARGET").as_str());
    if named { above.parent().unwrap_or(above) } else { above }.to_owned()
}

fn variable(name: &str) -> String {
    match env::var(name) {
        Ok(value) => value,
        Err(_) => {
            eprintln!("error: {name} is not set; this is run by cargo");
            exit(1);
        }
    }
}
