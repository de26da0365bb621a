//! `describe` and `providers`.

use smtp_connector_host::{ComponentDigest, Connector};

use crate::support::CommandLine;

#[test]
fn the_manifest_draws_both_forms() {
    let line = CommandLine::new();
    let manifest = line.run(&["describe"]).expect(0).json();
    assert_eq!(manifest["name"], "smtp-connector");
    assert_eq!(manifest["actions"][0]["name"], "send-mail");
    for form in ["account", "send-mail"] {
        let fields = manifest["forms"][form].as_array().expect("a form");
        assert!(fields.len() > 10, "{form}");
        assert!(fields.iter().all(|field| field["widget"].is_string()));
    }
    assert!(manifest["actions"][0]["codes"]["invalid-address"].is_string());
}

#[test]
fn each_schema_stands_alone() {
    let line = CommandLine::new();
    for (which, field) in
        [("input", "attachments"), ("output", "messageId"), ("account", "timeouts")]
    {
        let schema = line.run(&["describe", "--schema", which, "--json"]).expect(0).json();
        assert!(schema["properties"][field].is_object(), "{which}");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
    line.run(&["describe", "--schema", "form"]).expect(64);
}

#[test]
fn the_account_schema_says_what_the_accounts_file_takes() {
    let line = CommandLine::new();
    let schema = line.run(&["describe", "--schema", "account"]).expect(0).json();
    let properties = schema["properties"].as_object().expect("an object");
    // A key that the schema does not have is named in the error, and so are all that there are.
    line.write_accounts("[accounts.x]\nhost = \"a.example\"\nnope = 1\n");
    let error = line.run(&["accounts", "list"]).expect(78).err;
    for key in properties.keys().filter(|key| *key != "name") {
        assert!(error.contains(key.as_str()), "{key}: {error}");
    }
    let tables = properties.iter().filter(|(_, schema)| schema["type"] == "object");
    for (name, table) in tables {
        let text = format!("[accounts.x]\nhost = \"a.example\"\n[accounts.x.{name}]\nnope = 1\n");
        line.write_accounts(&text);
        let error = line.run(&["accounts", "list"]).expect(78).err;
        let (_, known) = error.split_once("there are ").expect("they are named");
        let known = known.lines().next().unwrap_or_default();
        let mut known: Vec<_> = known.split(", ").map(str::trim).collect();
        known.sort_unstable();
        let mut keys: Vec<_> = table["properties"].as_object().expect("an object").keys().collect();
        keys.sort_unstable();
        assert_eq!(keys, known, "{name}");
    }
}

#[test]
fn only_the_pinned_component_is_used() {
    let line = CommandLine::new();
    std::fs::write(line.home().join("c.wasm"), Connector::builtin_bytes())
        .expect("a file can be written");
    let right = ComponentDigest::of(Connector::builtin_bytes()).to_string();
    let wrong = "0".repeat(64);
    line.run(&["describe", "--component", "c.wasm", "--sha256", &right]).expect(0);
    line.run(&["--component", "c.wasm", "describe", "--sha256", &right]).expect(0);
    line.run(&["--sha256", &right, "describe", "--component", "c.wasm"]).expect(0);
    let ran =
        line.run(&["describe", "--component", "c.wasm", "--sha256", &wrong, "--json"]).expect(64);
    let message = ran.json()["error"]["message"].to_string();
    assert!(message.contains(&right) && message.contains(&wrong), "{message}");
    assert!(ran.err.contains("hint: "), "{}", ran.err);
    // The digest is checked, and it needs a file.
    line.run(&["describe", "--component", "c.wasm", "--sha256", "latest"]).expect(64);
    let ran = line.run(&["describe", "--sha256", &right]).expect(64);
    assert!(ran.err.contains("--component"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn a_cache_that_others_may_write_to_is_told_and_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let line = CommandLine::new();
    let cache = line.home().join("cache");
    std::fs::remove_file(&cache).expect("it is a link");
    std::fs::create_dir(&cache).expect("it can be made");
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o777)).expect("it is ours");
    let ran = line.run(&["describe"]).expect(0);
    assert_eq!(ran.json()["name"], "smtp-connector");
    assert!(ran.err.starts_with("warning: ") && ran.err.contains("chmod go-w "), "{}", ran.err);
    assert_eq!(std::fs::read_dir(&cache).expect("it is there").count(), 0);
}

#[test]
fn providers_are_listed() {
    let line = CommandLine::new();
    let ran = line.run(&["providers"]).expect(0);
    for id in ["gmail", "microsoft365", "outlook", "sendgrid", "ses-eu-west-1"] {
        assert!(ran.out.contains(id), "{id}");
    }
    let json = line.run(&["providers", "--json"]).expect(0).json();
    assert!(json["providers"].as_array().is_some_and(|list| list.len() > 30));
}
