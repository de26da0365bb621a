//! Builds the component for wasm32-wasip2, so that one command builds everything. A published package contains the
//! built component, and does not need its source or the target.

#![expect(clippy::print_stderr, reason = "a build script reports errors on stderr")]

#[path = "build/description.rs"]
mod description;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

const TARGET: &str = "wasm32-wasip2";
const PACKAGE: &str = "smtp-connector-guest";
const FILE: &str = "smtp_connector_guest.wasm";

/// Settings of the outer build that do not fit wasm, or that would build the guest again. For example, clippy sets
/// RUSTC_WORKSPACE_WRAPPER, and CARGO_ENCODED_RUSTFLAGS contains flags for this machine.
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

/// Builds the component from its source.
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

/// The metadata of the component, under the names that wasm-tools, wkg and registries read.
fn sections() -> [(&'static str, String); 4] {
    let description = "The SMTP connector: checks an action's input and assembles the message";
    [
        ("description", description.to_owned()),
        ("licenses", variable("CARGO_PKG_LICENSE")),
        ("source", variable("CARGO_PKG_REPOSITORY")),
        ("version", variable("CARGO_PKG_VERSION")),
    ]
}

/// Installs the target with rustup. If that fails, exits with an error that says what to do.
fn ensure_target() {
    if has_target() {
        return;
    }
    // The next check shows whether this worked.
    let _ = Command::new("rustup").args(["target", "add", TARGET]).status();
    if !has_target() {
        eprintln!(
            "error: the component needs the Rust target {TARGET}; run: rustup target add {TARGET}"
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

/// Builds the guest in a separate target folder. Its lock is separate too, so that the two cargo processes do not wait
/// for each other. Build, test and clippy share the folder, so that the guest is built once.
///
/// Release and debug builds use different profiles. The component has the same file name in both, and with one profile
/// cargo would use one in place of the other.
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
            eprintln!("error: the component did not build; see cargo's messages above");
            exit(1);
        }
    }
    folder.join(TARGET).join(profile).join(FILE)
}

/// Returns flags that keep this machine's folders out of the component. Panics contain file names, and builds in
/// different folders must give the same bytes.
fn without_paths(root: &Path, target: &Path) -> String {
    let home = env::var_os("HOME").or_else(|| env::var_os("USERPROFILE")).unwrap_or_default();
    let cargo_home =
        env::var_os("CARGO_HOME").map_or_else(|| Path::new(&home).join(".cargo"), PathBuf::from);
    let registry = cargo_home.join("registry").join("src");
    // If several prefixes match, the compiler uses the last.
    let mut folders = vec![(root.to_owned(), "/source".to_owned())];
    let sources = fs::read_dir(registry).into_iter().flatten().flatten();
    folders.extend(sources.map(|source| (source.path(), "/crates".to_owned())));
    folders.push((target.to_owned(), "/target".to_owned()));
    let flags = folders
        .into_iter()
        .map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display()));
    // The separator that cargo expects in this variable.
    flags.collect::<Vec<_>>().join("\u{1f}")
}

/// Returns the folder that cargo builds in. `OUT_DIR` is `<target>/<profile>/build/<package>-<hash>/out`, or one folder
/// deeper if cargo builds for a named target.
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
            eprintln!("error: {name} is not set; run this build script with cargo");
            exit(1);
        }
    }
}
