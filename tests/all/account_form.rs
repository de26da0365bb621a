//! The account form, compared with what the accounts file accepts and with its record.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use smtp_connector_host::Connector;
use smtp_connector_host::accounts::{AccountForm, AccountsFile};

use crate::support::{host_builder, write_private};

async fn form() -> Value {
    let host = host_builder([]).build().expect("the sandbox runs");
    let connector = Connector::builtin(&host).expect("it is compiled");
    let manifest = connector.describe().await.expect("a manifest");
    AccountForm::of_manifest(&manifest).expect("it has an account").to_json().clone()
}

/// Writes a JSON value as TOML.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<_> =
                members.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", "))
        }
        // Strings, numbers and booleans of these tests are the same in TOML.
        other => other.to_string(),
    }
}

/// Reports for each account whether the accounts file accepts it, and why not.
fn read(accounts: &[Value]) -> Vec<Result<(), String>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("accounts.toml");
    let lines =
        accounts.iter().enumerate().map(|(at, account)| format!("a{at:05} = {}\n", toml(account)));
    write_private(&path, format!("[accounts]\n{}", lines.collect::<String>()));
    let read = AccountsFile::new(path).all().expect("it is TOML");
    read.into_values().map(|one| one.map(drop).map_err(|error| error.to_string())).collect()
}

/// The account that each value is tried in. It logs in with OAuth 2 if the value is a part of that.
fn account(path: &str, value: Value) -> Value {
    let mut account = json!({ "host": "mail.example", "username": "u" });
    account["password"] = json!({ "env": "P" });
    let mut names = path.split('.');
    let first = names.next().expect("a path has a name");
    if first == "oauth2" {
        account.as_object_mut().expect("an object").remove("password");
        account["oauth2"] = json!({
            "grant": "refresh-token", "tokenUrl": "https://login.example.com/token", "clientId": "id",
            "refreshToken": { "env": "T" },
        });
    }
    let mut place = &mut account[first];
    for name in names {
        place = &mut place[name];
    }
    *place = value;
    account
}

/// Collects the values that the schema accepts or refuses at its edges, with their paths.
fn edges(properties: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    for (name, schema) in properties.as_object().expect("properties") {
        let path = format!("{path}{name}");
        if schema["properties"].is_object() {
            edges(&schema["properties"], &format!("{path}."), found);
        }
        let mut values = vec![json!("wr0ng value"), json!([5]), json!({ "nothing": 1 })];
        // Any text is a name. Whether it can be used is beyond a schema.
        if schema["type"] == "string" || schema["$ref"].is_string() || schema["anyOf"].is_array() {
            values.remove(0);
        }
        values.extend(schema["enum"].as_array().into_iter().flatten().cloned());
        values.extend(schema.get("default").cloned());
        if schema["type"] == "integer" || schema["type"] == "number" {
            for (edge, step) in [("minimum", -1.0), ("maximum", 1.0)] {
                let edge = schema[edge].as_f64().expect(&path);
                let near = if edge < 1.0 && edge > 0.0 { 0.0 } else { edge + step };
                values.extend([number(edge), number(near)]);
            }
            values.push(json!(1.5));
        }
        if schema["type"] == "boolean" {
            values.extend([json!(true), json!(false), json!(1)]);
        }
        found.extend(values.into_iter().map(|value| (path.clone(), value)));
    }
}

fn number(number: f64) -> Value {
    // Both are exact for the bounds of the schema.
    if number.fract() == 0.0 { json!(number as i64) } else { json!(number) }
}

#[tokio::test]
async fn the_accounts_file_accepts_what_the_schema_accepts() {
    let form = form().await;
    let mut schema = form["schema"].clone();
    // In the file, the name is the key of the account's table.
    schema.as_object_mut().expect("an object").remove("required");
    let properties = schema["properties"].as_object_mut().expect("an object");
    properties.remove("name").expect("it is there");
    let validator = jsonschema::validator_for(&schema).expect("it is a schema");
    let mut values = Vec::new();
    edges(&schema["properties"], "", &mut values);
    for secret in
        [json!("x"), json!({ "env": "V" }), json!({ "file": "f" }), json!({ "command": ["a"] })]
    {
        values.push(("password".to_owned(), secret));
    }
    for wrong in [json!(""), json!({}), json!({ "env": "V", "file": "f" }), json!(7)] {
        values.push(("password".to_owned(), wrong));
    }
    for proxy in [
        json!("socks5://h:1"),
        json!("http://h"),
        json!("ftp://h"),
        json!({ "url": "socks5h://h" }),
    ] {
        values.push(("proxy".to_owned(), proxy));
    }
    let accounts: Vec<_> =
        values.iter().map(|(path, value)| account(path, value.clone())).collect();
    let (mut both, mut neither, mut wrong) = (0, 0, Vec::new());
    for ((path, value), (account, read)) in values.iter().zip(accounts.iter().zip(read(&accounts)))
    {
        match (validator.is_valid(account), &read) {
            (true, Ok(())) => both += 1,
            (false, Err(_)) => neither += 1,
            // A mechanism, a provider or an encryption of the schema may not suit the rest of this account.
            (true, Err(why)) if suits_another(path, why) => both += 1,
            (schema, _) => wrong.push(format!("{path} = {value}: schema {schema}, file {read:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(both > 80 && neither > 100, "{both} {neither}");
}

fn suits_another(path: &str, why: &str) -> bool {
    match path {
        "provider" => why.contains("belongs to") || why.contains("only OAuth 2"),
        "security" => why.contains("encrypt"),
        "oauth2.grant" => why.contains("this key"),
        _ => false,
    }
}

#[tokio::test]
async fn the_values_of_each_provider_make_an_account_with_the_logins_that_it_accepts() {
    let form = form().await;
    let presets = form["presets"].as_array().expect("a list");
    assert!(presets.len() > 40);
    let (mut accounts, mut expected) = (Vec::new(), Vec::new());
    for preset in presets {
        for login in ["none", "password", "oauth2"] {
            let mut account = preset["values"].clone();
            let secret = json!({ "env": "P" });
            match login {
                "password" => account["password"] = secret,
                "oauth2" => account["oauth2"] = json!({ "grant": "token", "accessToken": secret }),
                _ => {}
            }
            if login != "none" {
                account["username"] = json!("u");
            }
            accounts.push(account);
            expected.push(preset["logins"].as_array().expect("a list").contains(&json!(login)));
        }
    }
    for (account, (read, is_accepted)) in
        accounts.iter().zip(read(&accounts).into_iter().zip(expected))
    {
        // The test inbox of this machine accepts anything, and does not encrypt.
        assert_eq!(read.is_ok(), is_accepted, "{account}: {read:?}");
    }
}

#[tokio::test]
async fn every_field_is_in_one_group_and_every_secret_is_marked() {
    let form = form().await;
    let groups = form["groups"].as_array().expect("a list");
    let mut grouped = Vec::new();
    for group in groups {
        for field in group["fields"].as_array().expect("a list") {
            grouped.push(field.as_str().expect("text").to_owned());
            let shown = form["fields"].as_array().expect("a list");
            let shown = shown.iter().find(|one| one["field"] == *field).expect("it is in the form");
            assert_eq!(shown["group"], group["id"], "{field}");
        }
    }
    grouped.sort_unstable();
    let fields: Vec<_> =
        form["schema"]["properties"].as_object().expect("an object").keys().collect();
    assert_eq!(grouped.iter().collect::<Vec<_>>(), fields);
    let secrets = [
        "oauth2.accessToken",
        "oauth2.clientSecret",
        "oauth2.refreshToken",
        "password",
        "proxy.password",
    ];
    assert_eq!(form["secrets"], json!(secrets));
    let references = form["schema"].to_string().matches("\"$ref\":\"#/$defs/secret\"").count();
    assert_eq!(references, secrets.len(), "each place of a secret has writeOnly");
}

/// Returns everything that a page may rely on, one fact a line.
fn facts(form: &Value) -> BTreeSet<String> {
    fn walk(properties: &Value, path: &str, facts: &mut BTreeSet<String>) {
        for (name, schema) in properties.as_object().into_iter().flatten() {
            let path = format!("{path}{name}");
            facts.insert(format!("field {path}"));
            for value in schema["enum"].as_array().into_iter().flatten() {
                facts.insert(format!("value {path} {value}"));
            }
            for bound in ["minimum", "maximum", "default", "type"] {
                if let Some(value) = schema.get(bound) {
                    facts.insert(format!("{bound} {path} {value}"));
                }
            }
            walk(&schema["properties"], &format!("{path}."), facts);
        }
    }
    let mut facts = BTreeSet::from([format!("version {}", form["version"])]);
    walk(&form["schema"]["properties"], "", &mut facts);
    for group in form["groups"].as_array().into_iter().flatten() {
        facts.insert(format!("group {}", group["id"]));
    }
    for secret in form["secrets"].as_array().into_iter().flatten() {
        facts.insert(format!("secret {secret}"));
    }
    facts
}

/// Run it with `ACCOUNT_FORM_RECORD=1` to record a change that the version's rule allows.
#[tokio::test]
async fn the_version_rises_when_a_page_could_break() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("account-form.txt");
    let facts = facts(&form().await);
    if std::env::var_os("ACCOUNT_FORM_RECORD").is_some() {
        let text: String = facts.iter().map(|fact| format!("{fact}\n")).collect();
        fs::write(&path, text).expect("it can be written");
    }
    let text = fs::read_to_string(&path).expect("it is recorded");
    let recorded: BTreeSet<_> = text.lines().map(str::to_owned).collect();
    let gone: Vec<_> = recorded.difference(&facts).collect();
    assert!(gone.is_empty(), "raise AccountForm::VERSION, and record the form: {gone:#?} are gone");
    let new: Vec<_> = facts.difference(&recorded).collect();
    assert!(new.is_empty(), "record the form: {new:#?} are new");
}
