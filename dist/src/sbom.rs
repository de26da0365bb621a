//! Software bills of materials (SBOM) in CycloneDX format, from the dependencies that cargo resolved.
//!
//! They have no timestamp and no serial number, which are optional, so the same source gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::process::Command;

use serde_json::{Value, json};

use crate::release::sha256;
use crate::repository;

/// Returns the SBOM of the component.
///
/// # Errors
///
/// Returns an error if cargo fails.
pub fn of_component(component: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let resolved = Resolved::read("wasm32-wasip2")?;
    let mut list = resolved.list("smtp-connector-guest")?;
    // The compiler is listed, because the bytes depend on its version.
    let compiler = json!({ "type": "application", "name": "rustc", "version": rustc_version()? });
    list["metadata"]["tools"] = json!({ "components": [compiler] });
    let file = &mut list["metadata"]["component"];
    file["name"] = json!("smtp-connector.wasm");
    file["hashes"] = json!([{ "alg": "SHA-256", "content": sha256(component) }]);
    Ok(to_bytes(&list))
}

/// Returns the SBOM of the command on Linux.
///
/// # Errors
///
/// Returns an error if cargo fails.
pub fn of_command() -> Result<Vec<u8>, Box<dyn Error>> {
    let resolved = Resolved::read("x86_64-unknown-linux-gnu")?;
    Ok(to_bytes(&resolved.list("smtp-connector")?))
}

fn rustc_version() -> Result<String, Box<dyn Error>> {
    let output = Command::new("rustc").arg("--version").current_dir(repository()).output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.trim().trim_start_matches("rustc ").to_owned())
}

fn to_bytes(list: &Value) -> Vec<u8> {
    format!("{list:#}\n").into_bytes()
}

/// The resolved packages and their dependencies, by cargo's package ids.
struct Resolved {
    packages: BTreeMap<String, Value>,
    needs: BTreeMap<String, Vec<String>>,
}

impl Resolved {
    /// Reads the resolved packages for one target from `cargo metadata`.
    fn read(target: &str) -> Result<Self, Box<dyn Error>> {
        let output = Command::new(env!("CARGO"))
            .current_dir(repository())
            .args(["metadata", "--format-version=1", "--locked", "--filter-platform", target])
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let id = |value: &Value| value["id"].as_str().unwrap_or_default().to_owned();
        let packages = list(&metadata["packages"]).map(|package| (id(package), package.clone()));
        let nodes = list(&metadata["resolve"]["nodes"]).map(|node| (id(node), needed(node)));
        Ok(Self { packages: packages.collect(), needs: nodes.collect() })
    }

    /// Returns the runtime dependencies of a package, without macros, which run in the compiler.
    fn needs(&self, id: &str) -> impl Iterator<Item = &String> {
        let is_macro = |id: &&String| {
            let targets = self.packages.get(*id).map(|package| &package["targets"]);
            targets.is_some_and(|targets| {
                list(targets).any(|target| target["kind"][0] == "proc-macro")
            })
        };
        self.needs.get(id).into_iter().flatten().filter(move |id| !is_macro(id))
    }

    /// Builds the SBOM of a package of this repository.
    fn list(&self, name: &str) -> Result<Value, Box<dyn Error>> {
        let found = self.packages.iter().find(|(_, package)| package["name"] == name);
        let (root, package) =
            found.ok_or_else(|| format!("cargo does not know the package {name}"))?;
        let mut reached = BTreeSet::from([root]);
        let mut next = vec![root];
        while let Some(id) = next.pop() {
            let needed = self.needs(id);
            next.extend(needed.filter(|id| reached.insert(id)));
        }
        reached.remove(root);
        let components = reached.iter().filter_map(|id| self.packages.get(*id)).map(component);
        let of = |id: &String| self.packages.get(id).map(url).unwrap_or_default();
        let dependencies = reached.iter().chain([&root]).map(|id| {
            let needed = self.needs(id).map(of);
            json!({ "ref": of(id), "dependsOn": needed.collect::<BTreeSet<_>>() })
        });
        Ok(json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": { "component": component(package) },
            "components": components.collect::<Vec<_>>(),
            "dependencies": dependencies.collect::<Vec<_>>(),
        }))
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Returns the normal dependencies of a node, without its dev and build dependencies.
fn needed(node: &Value) -> Vec<String> {
    let normal =
        |dependency: &&Value| list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null());
    let ids =
        list(&node["deps"]).filter(normal).filter_map(|dependency| dependency["pkg"].as_str());
    ids.map(str::to_owned).collect()
}

fn component(package: &Value) -> Value {
    let mut component = json!({
        "type": if package["source"].is_null() { "application" } else { "library" },
        "bom-ref": url(package),
        "name": package["name"],
        "version": package["version"],
        "purl": url(package),
    });
    if let Some(license) = package["license"].as_str() {
        // "/" is an old way to write "or", and is not valid in an SPDX expression.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    component
}

/// Returns the package URL (purl), which is unique across languages.
fn url(package: &Value) -> String {
    let text = |key: &str| package[key].as_str().unwrap_or_default();
    format!("pkg:cargo/{}@{}", text("name"), text("version"))
}
