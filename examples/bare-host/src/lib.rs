//! Runs the component with plain wasmtime. Each line of standard input is a request, and each line of standard output
//! is its answer.
//!
//! ```text
//! smtp-connector-bare-host smtp-connector.wasm platform.json < requests.jsonl
//! ```
//!
//! A request is `{"call", "action", "input", "keywords", "run": {"id", "startedAt", "dryRun"}}`, where input and
//! keywords are JSON as text. An answer has one of: manifest, findings, result, invalid, failed.

#![expect(clippy::print_stdout, reason = "it is a program that answers there")]

mod imports;
mod json;
mod request;
mod smtp;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::error::Context as _;
use wasmtime::{Config, Engine, Result, Store, bail};

use imports::State;
use request::{Platform, Request};

/// The CPU budget of a run in fuel units: a few seconds.
const FUEL: u64 = 20_000_000_000;

/// Runs the program.
pub fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [component, platform] = arguments.as_slice() else {
        bail!("usage: smtp-connector-bare-host COMPONENT.wasm PLATFORM.json < REQUESTS.jsonl");
    };
    let folder = Path::new(platform).parent().unwrap_or(Path::new("."));
    let mut platform: Platform = serde_json::from_slice(&fs::read(platform)?)?;
    platform.folder = folder.to_owned();
    let sandbox = Sandbox::open(component)?;
    for line in std::io::stdin().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        println!("{}", sandbox.answer(&platform, request)?);
    }
    Ok(())
}

/// A component, compiled once and run in a fresh store each time.
struct Sandbox {
    engine: Engine,
    linker: Linker<State>,
    component: Component,
}

impl Sandbox {
    fn open(file: &str) -> Result<Self> {
        let engine = Engine::new(Config::new().consume_fuel(true))?;
        let component = Component::from_file(&engine, file)?;
        let mut linker = Linker::new(&engine);
        imports::add_to_linker(&mut linker)?;
        // The component calls only the seed of hash tables from WASI. Rust's standard library needs the rest for
        // panics.
        for (name, _) in component.component_type().imports(&engine) {
            if name.starts_with("wasi:random/insecure-seed@") {
                let seed = |_: wasmtime::StoreContextMut<'_, State>, ()| Ok(((0_u64, 0_u64),));
                linker.instance(name)?.func_wrap("insecure-seed", seed)?;
            }
        }
        linker.define_unknown_imports_as_traps(&component)?;
        Ok(Self { engine, linker, component })
    }

    /// Makes the call of a request.
    fn answer(&self, platform: &Platform, request: Request) -> Result<Value> {
        let call = request.call.clone();
        let values = [
            Val::String(request.action.clone()),
            Val::String(request.input.clone()),
            Val::Option(request.keywords.clone().map(|text| Box::new(Val::String(text)))),
        ];
        let values = if call == "describe" { &[][..] } else { &values };
        let mut store = Store::new(&self.engine, State::new(platform.clone(), request.run));
        store.limiter(|state| &mut state.limits);
        store.set_fuel(FUEL)?;
        let instance = self.linker.instantiate(&mut store, &self.component)?;
        let contract = "connectors:smtp/smtp-connector@0.1.0";
        let export = instance.get_export_index(&mut store, None, contract);
        let function = export
            .and_then(|export| instance.get_export_index(&mut store, Some(&export), &call))
            .and_then(|function| instance.get_func(&mut store, function))
            .with_context(|| format!("the component does not export {call} of {contract}"))?;
        let mut returned = [Val::Bool(false)];
        function.call(&mut store, values, &mut returned)?;
        let [returned] = returned;
        Ok(match returned {
            Val::String(manifest) => json!({ "manifest": json::parse(&manifest)? }),
            Val::Result(Ok(Some(result))) => match *result {
                Val::String(result) => json!({ "result": json::parse(&result)? }),
                other => bail!("the result is not text: {other:?}"),
            },
            Val::Result(Err(Some(error))) => json::from_val(*error),
            findings => json!({ "findings": json::from_val(findings) }),
        })
    }
}
