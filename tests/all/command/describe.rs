//! `describe` and `providers`.

use smtp_connector_host::{ComponentDigest, Connector};

use crate::support::CommandLine;

#[test]
fn the_manifest_describes_both_forms() {
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
fn each_schema_is_complete_by_itself() {
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
fn the_account_schema_matches_the_accounts_file() {
    let line = CommandLine::new();
    let schema = line.run(&["describe", "--schema", "account"]).expect(0).json();
    let properties = schema["properties"].as_object().expect("an object");
    // The error names a key that the schema does not have, and lists all valid keys.
    line.write_accounts("[accounts.x]\nhost = \"a.example\"\nnope = 1\n");
    let error = line.run(&["accounts", "show", "x"]).expect(78).err;
    for key in properties.keys().filter(|key| *key != "name") {
        assert!(error.contains(key.as_str()), "{key}: {error}");
    }
    let tables = properties.iter().filter(|(_, schema)| schema["type"] == "object");
    for (name, table) in tables {
        let text = format!("[accounts.x]\nhost = \"a.example\"\n[accounts.x.{name}]\nnope = 1\n");
        line.write_accounts(&text);
        let error = line.run(&["accounts", "show", "x"]).expect(78).err;
        let (_, known) = error.split_once("the known keys are ").expect("they are named");
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
    // An invalid digest is an error, and a digest without a file too.
    line.run(&["describe", "--component", "c.wasm", "--sha256", "latest"]).expect(64);
    let ran = line.run(&["describe", "--sha256", &right]).expect(64);
    assert!(ran.err.contains("--component"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn a_cache_that_others_may_write_to_is_reported_and_not_used() {
    let line = CommandLine::new();
    let user = tempfile::tempdir().expect("a temporary folder");
    let variables = [("XDG_CACHE_HOME", user.path().to_str().expect("it is text"))];
    // The user's cache folder is the first choice, and the home's is the second.
    let cache = user.path().join("smtp-connector/components");
    for cache in [cache, line.home().join("cache")] {
        std::fs::create_dir_all(&cache).expect("it can be made");
        set_mode(&cache, 0o777);
    }
    let ran = line.run_with(&["describe"], "", &variables).expect(0);
    assert_eq!(ran.json()["name"], "smtp-connector");
    assert!(ran.err.starts_with("warning: ") && ran.err.contains("chmod go-w "), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert_eq!(std::fs::read_dir(line.home().join("cache")).expect("it is there").count(), 0);
}

#[cfg(unix)]
fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
}

#[test]
fn a_component_is_compiled_once_for_all_homes_with_a_message() {
    const SAID: &str = "compiling the component for this machine: a few seconds, only once\n";
    let user = tempfile::tempdir().expect("a temporary folder");
    let variables = [("XDG_CACHE_HOME", user.path().to_str().expect("it is text"))];
    let run = |words: &[&str]| {
        // Each run has a different home.
        CommandLine::new().run_with(words, "", &variables).expect(0)
    };
    let first = run(&["describe", "--json"]);
    assert_eq!(first.json()["name"], "smtp-connector");
    assert_eq!(first.err, SAID);
    assert_eq!(run(&["describe", "--json"]).err, "");
    std::fs::remove_dir_all(user.path().join("smtp-connector")).expect("it is there");
    assert_eq!(run(&["describe", "--quiet"]).err, "", "it was to be quiet");
}

#[test]
fn without_a_user_cache_folder_the_cache_is_in_the_home() {
    let line = CommandLine::new();
    std::fs::write(line.home().join("file"), "").expect("it can be written");
    let nowhere = line.home().join("file/below");
    let variables = [("XDG_CACHE_HOME", nowhere.to_str().expect("it is text"))];
    line.run_with(&["describe"], "", &variables).expect(0);
    assert_eq!(line.run_with(&["describe"], "", &variables).expect(0).err, "");
    let kept = std::fs::read_dir(line.home().join("cache")).expect("it is there");
    assert_eq!(kept.count(), 1);
}

#[test]
fn a_cache_that_cannot_be_written_is_reported_once() {
    let line = CommandLine::new();
    std::fs::write(line.home().join("cache"), "no folder").expect("it can be written");
    let nowhere = line.home().join("cache/below");
    let variables = [("XDG_CACHE_HOME", nowhere.to_str().expect("it is text"))];
    let ran = line.run_with(&["describe", "--quiet"], "", &variables).expect(0);
    assert!(ran.err.starts_with("warning: the cache of compiled components"), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
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
