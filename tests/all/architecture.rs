//! Checks the crates and their modules against the picture in `docs/architecture.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const PICTURE: &str = include_str!("../../docs/architecture.md");

/// Returns the crates in the picture, with the crates that each may use.
fn crates() -> BTreeMap<String, BTreeSet<String>> {
    let mut crates = BTreeMap::new();
    for line in block("## Crates").lines() {
        let (name, uses) = line.split_once("->").unwrap_or((line, ""));
        let uses = uses.split_whitespace().map(str::to_owned).collect();
        crates.insert(name.trim().to_owned(), uses);
    }
    crates
}

/// Returns the floors of each crate, from the top down, each with its modules.
fn floors() -> BTreeMap<String, Vec<Vec<String>>> {
    let mut floors = BTreeMap::<_, Vec<Vec<String>>>::new();
    let mut folder = "";
    for line in block("## Floors").lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("  ") {
            None => folder = line,
            Some(modules) => {
                let modules = modules.split_whitespace().map(str::to_owned).collect();
                floors.entry(folder.to_owned()).or_default().push(modules);
            }
        }
    }
    floors
}

/// Returns the first code block below a heading.
fn block(heading: &str) -> &'static str {
    let below = PICTURE.split_once(heading).expect("the heading is there").1;
    below.split("```").nth(1).and_then(|block| block.split_once('\n')).expect("a code block").1
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in the project").to_owned()
}

#[test]
fn a_crate_uses_only_crates_below_it() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let folder = |package: &Value| {
        let manifest = package["manifest_path"].as_str().expect("a path");
        let folder = Path::new(manifest).parent().and_then(Path::file_name).expect("a folder");
        folder.to_string_lossy().into_owned()
    };
    let name = |package: &Value| package["name"].as_str().expect("a name").to_owned();
    let folders: BTreeMap<_, _> =
        packages.iter().map(|package| (name(package), folder(package))).collect();
    let ours = folders.values().collect::<BTreeSet<_>>();
    for (name, allowed) in crates() {
        assert!(ours.contains(&name), "there is no crate {name}");
        let package = packages.iter().find(|package| folder(package) == name);
        // It is a crate of this workspace.
        let package = package.expect("it has a package");
        let used: BTreeSet<_> = package["dependencies"]
            .as_array()
            .expect("there are dependencies")
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| folders.get(dependency["name"].as_str()?).cloned())
            .collect();
        assert_eq!(used, allowed, "what {name} uses, and what the picture shows");
    }
}

#[test]
fn a_module_uses_only_modules_below_it() {
    for (folder, floors) in floors() {
        let modules = Modules::of(&root().join(&folder).join("src"));
        let shown: BTreeSet<_> = floors.iter().flatten().cloned().collect();
        assert_eq!(
            modules.names, shown,
            "the modules of {folder}, and those that the picture shows"
        );
        let floor =
            |module: &str| floors.iter().position(|floor| floor.iter().any(|one| one == module));
        let arrows = modules.arrows();
        let wrong: Vec<_> =
            arrows.iter().filter(|(user, used)| floor(user) >= floor(used)).collect();
        assert!(wrong.is_empty(), "{folder}: the picture does not show these below: {wrong:?}");
    }
}

/// The top-level modules of a crate.
struct Modules {
    names: BTreeSet<String>,
    /// Names that `lib.rs` re-exports from a module: `crate::Failure` is `crate::failure::Failure`.
    reexports: BTreeMap<String, String>,
    files: Vec<(Vec<String>, String)>,
}

impl Modules {
    fn of(source: &Path) -> Self {
        let mut files = Vec::new();
        read(source, &mut Vec::new(), &mut files);
        let library = fs::read_to_string(source.join("lib.rs")).expect("a library");
        let declared = |line: &&str| {
            let line = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')).map(str::to_owned)
        };
        let lines: Vec<_> = library.lines().collect();
        let for_tests = |at: usize| at > 0 && lines[at - 1].starts_with("#[cfg(test)]");
        let names: BTreeSet<_> = (0..lines.len())
            .filter(|&at| !for_tests(at))
            .filter_map(|at| declared(&lines[at]))
            .collect();
        let mut reexports = BTreeMap::new();
        for statement in library.split(';').filter_map(|one| one.split_once("use ")) {
            let (_, path) = statement;
            let Some((module, items)) = path.split_once("::") else { continue };
            if names.contains(module) {
                for item in words(items) {
                    reexports.insert(item.to_owned(), module.to_owned());
                }
            }
        }
        Self { names, reexports, files }
    }

    /// Returns which module uses which.
    fn arrows(&self) -> BTreeSet<(String, String)> {
        let mut arrows = BTreeSet::new();
        for (path, text) in &self.files {
            let Some(user) = path.first().filter(|name| self.names.contains(*name)) else {
                continue;
            };
            for used in self.used(path, text) {
                if used != *user {
                    arrows.insert((user.clone(), used));
                }
            }
        }
        arrows
    }

    /// Returns the modules that a file names.
    fn used(&self, path: &[String], text: &str) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        for (at, _) in text.match_indices("crate::") {
            // `$crate::` and `my_crate::` are different paths.
            let is_other = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
            if !text[..at].ends_with(is_other) {
                used.extend(self.named(&text[at + "crate::".len()..]));
            }
        }
        for (at, _) in text.match_indices("super::") {
            if text[..at].ends_with("super::") {
                continue;
            }
            let levels = repetitions(&text[at..], "super::");
            // Above the file's own folder is the crate's top.
            if levels == path.len() {
                used.extend(self.named(&text[at + levels * "super::".len()..]));
            }
        }
        used
    }

    /// Returns the modules at the start of a path, or in a group there: `a::b`, `{a, b::C}`.
    fn named(&self, path: &str) -> Vec<String> {
        let names: Vec<_> = match path.strip_prefix('{') {
            Some(group) => words(group.split(';').next().unwrap_or_default()).collect(),
            None => words(path).take(1).collect(),
        };
        names.into_iter().filter_map(|name| self.module(name)).collect()
    }

    fn module(&self, name: &str) -> Option<String> {
        self.names.get(name).or_else(|| self.reexports.get(name)).cloned()
    }
}

/// Counts how often a text begins with a pattern, in sequence.
fn repetitions(mut text: &str, pattern: &str) -> usize {
    let mut number = 0;
    while let Some(after) = text.strip_prefix(pattern) {
        (text, number) = (after, number + 1);
    }
    number
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Reads every file below a folder: its module path, and its code without comments and tests.
fn read(folder: &Path, path: &mut Vec<String>, files: &mut Vec<(Vec<String>, String)>) {
    for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
        let file = entry.path();
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        if name == "tests" {
            continue;
        }
        if file.is_dir() {
            path.push(name);
            read(&file, path, files);
            path.pop();
        } else if file.extension().is_some_and(|one| one == "rs") {
            let text = fs::read_to_string(&file).expect("it can be read");
            if text.starts_with("#![cfg(test)]") {
                continue;
            }
            let tests = text.find("\n#[cfg(test)]\nmod tests").or(text.find("\n#[cfg(all(test"));
            let code = text[..tests.unwrap_or(text.len())].lines();
            let code: Vec<_> = code.filter(|line| !line.trim_start().starts_with("//")).collect();
            let mut module = path.clone();
            if name != "mod" && name != "lib" {
                module.push(name);
            }
            files.push((module, code.join("\n")));
        }
    }
}
