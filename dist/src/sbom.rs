//! What a file is made of: a list of packages in CycloneDX's format, out of what cargo resolved.
//!
//! Without time and serial number, which the format does not ask for: the same source gives the same list.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::process::Command;

use serde_json::{Value, json};

use crate::release::sha256;
use crate::repository;

/// What the component is made of.
///
/// # Errors
///
/// A cargo that does not tell.
pub fn of_component(component: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let resolved = Resolved::read("wasm32-wasip2")?;
    let mut list = resolved.list("smtp-connector-guest")?;
    // Another compiler makes other bytes.
    let compiler = json!({ "type": "application", "name": "rustc", "version": rustc_version()? });
    list["metadata"]["tools"] = json!({ "components": [compiler] });
    let file = &mut list["metadata"]["component"];
    file["name"] = json!("smtp-connector.wasm");
    file["hashes"] = json!([{ "alg": "SHA-256", "content": sha256(component) }]);
    Ok(to_bytes(&list))
}

/// What the command is made of, on Linux.
///
/// # Errors
///
/// A cargo that does not tell.
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

/// Packages and what they need, by cargo's ids.
struct Resolved {
    packages: BTreeMap<String, Value>,
    needs: BTreeMap<String, Vec<String>>,
}

impl Resolved {
    /// Asks cargo, for one target.
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

    /// What a package needs to run, macros left out: they run in the compiler.
    fn needs(&self, id: &str) -> impl Iterator<Item = &String> {
        let is_macro = |id: &&String| {
            let targets = self.packages.get(*id).map(|package| &package["targets"]);
            targets.is_some_and(|targets| {
                list(targets).any(|target| target["kind"][0] == "proc-macro")
            })
        };
        self.needs.get(id).into_iter().flatten().filter(move |id| !is_macro(id))
    }

    /// Everything that a package of this repository needs to run.
    fn list(&self, name: &str) -> Result<Value, Box<dyn Error>> {
        let found = self.packages.iter().find(|(_, package)| package["name"] == name);
        let (root, package) = found.ok_or_else(|| format!("cargo knows no package {name}"))?;
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

/// What a node names as needed: neither what tests it nor what builds it.
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
        // An old way to write "or", which is no expression.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    component
}

/// The package's name among those of all languages (purl).
fn url(package: &Value) -> String {
    let text = |key: &str| package[key].as_str().unwrap_or_default();
    format!("pkg:cargo/{}@{}", text("name"), text("version"))
}
