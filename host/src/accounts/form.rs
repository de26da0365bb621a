//! The form of an account, for a platform's own pages: its schema, groups, secrets, and the values of each provider.

use serde_json::{Map, Value, json};

use super::providers::Preset;
use crate::error::{Error, Result};

/// The form of an account, from which a platform draws its own page.
///
/// | member | holds |
/// |---|---|
/// | `version` | [`VERSION`](Self::VERSION) |
/// | `schema` | the settings, as JSON Schema 2020-12; secrets have `writeOnly` |
/// | `fields` | the fields in order, each with its widget and its group |
/// | `groups` | the groups in order, each with its title, its fields, and whether it is folded at first |
/// | `secrets` | the path of each secret, such as `oauth2.clientSecret` |
/// | `presets` | the providers, each with the `values` that it gives to fields, and the logins that it accepts |
///
/// ```
/// # async fn example() -> smtp_connector_host::Result<()> {
/// use smtp_connector_host::accounts::AccountForm;
/// use smtp_connector_host::{Connector, Host};
///
/// let host = Host::builder().build()?;
/// let manifest = Connector::builtin(&host)?.describe().await?;
/// let form = AccountForm::of_manifest(&manifest)?;
/// println!("{:#}", form.to_json());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AccountForm(Value);

/// A group: its id, its title, whether it is folded at first, and its fields.
type Group = (&'static str, &'static str, bool, &'static [&'static str]);

const GROUPS: &[Group] = &[
    ("server", "Server", false, &["name", "provider", "host", "port", "security"]),
    ("login", "Login", false, &["username", "password", "auth", "oauth2"]),
    ("sender", "Sender", false, &["from", "replyTo"]),
    ("connection", "Connection", true, &["proxy", "tls", "ehloName", "pipelining", "timeouts"]),
    ("limits", "Limits", true, &["limits"]),
    ("policy", "Policy", true, &["policy"]),
];

/// The group of a field that this library does not know, which comes from another version of the component.
const OTHER: &str = "connection";

impl AccountForm {
    /// The version of the form.
    ///
    /// It rises when a page that was made for the form before could now write settings that are refused, or read settings
    /// wrongly: a field, a group or an accepted value is removed or renamed, or a field takes less than before. New fields,
    /// groups, values and providers do not raise it.
    pub const VERSION: u32 = 1;

    /// Returns the form, with the schema and the fields of a component's manifest.
    ///
    /// # Errors
    ///
    /// Returns an error if the manifest is not JSON, or has no account.
    pub fn of_manifest(manifest: &str) -> Result<Self> {
        let without = || Error::component("the component's manifest does not describe an account");
        let manifest: Value =
            serde_json::from_str(manifest).map_err(|reason| without().with_source(reason))?;
        let schema = manifest["account"]["schema"].as_object().ok_or_else(without)?;
        let properties = schema.get("properties").and_then(Value::as_object);
        let properties = properties.ok_or_else(without)?;
        let fields = manifest["forms"]["account"].as_array().ok_or_else(without)?;
        let mut secrets = Vec::new();
        find_secrets(properties, "", &mut secrets);
        let mut whole = Value::Object(schema.clone());
        if let Some(provider) = whole["properties"].get_mut("provider") {
            // The component does not know the host's providers.
            provider["enum"] = Preset::all().iter().map(|preset| preset.id).collect();
        }
        Ok(Self(json!({
            "version": Self::VERSION,
            "schema": whole,
            "groups": groups(properties),
            "fields": fields.iter().map(grouped).collect::<Vec<_>>(),
            "secrets": secrets,
            "presets": Preset::all().iter().map(preset).collect::<Vec<_>>(),
        })))
    }

    /// Returns the form as JSON.
    pub fn to_json(&self) -> &Value {
        &self.0
    }
}

/// Returns the groups with the fields that the schema has.
fn groups(properties: &Map<String, Value>) -> Vec<Value> {
    let groups = GROUPS.iter().map(|(id, title, is_folded, _)| {
        let fields = properties.keys().filter(|field| group_of(field) == *id);
        // The order of the page is the group's, and JSON objects are sorted.
        let mut fields: Vec<_> = fields.collect();
        let known = |field: &str| {
            let all = GROUPS.iter().flat_map(|(.., fields)| *fields);
            all.clone().position(|one| *one == field).unwrap_or(usize::MAX)
        };
        fields.sort_by_key(|field| known(field));
        json!({ "id": id, "title": title, "folded": is_folded, "fields": fields })
    });
    groups.collect()
}

fn group_of(field: &str) -> &'static str {
    GROUPS.iter().find(|(.., fields)| fields.contains(&field)).map_or(OTHER, |(id, ..)| id)
}

/// Returns a field of the manifest's form in its group here.
fn grouped(field: &Value) -> Value {
    let mut field = field.clone();
    let name = field["field"].as_str().unwrap_or_default().to_owned();
    field["group"] = group_of(&name).into();
    if name == "provider" {
        let option = |preset: &Preset| json!({ "value": preset.id, "title": preset.title });
        field["options"] = Preset::all().iter().map(option).collect();
    }
    field
}

/// Collects the paths of the secrets in a schema's properties.
fn find_secrets(properties: &Map<String, Value>, path: &str, secrets: &mut Vec<String>) {
    for (name, property) in properties {
        let path = format!("{path}{name}");
        let alternatives = property["anyOf"].as_array().into_iter().flatten();
        for inner in alternatives.chain([property]).filter_map(|one| one["properties"].as_object())
        {
            find_secrets(inner, &format!("{path}."), secrets);
        }
        if property["writeOnly"] == true {
            secrets.push(path);
        }
    }
}

fn preset(preset: &Preset) -> Value {
    let mut json = json!({
        "id": preset.id,
        "title": preset.title,
        "hint": preset.hint,
        "values": {
            "provider": preset.id,
            "host": preset.host,
            "port": preset.port,
            "security": preset.security.to_string(),
        },
        "domains": preset.domains().collect::<Vec<_>>(),
        "logins": preset.logins(),
    });
    if let Some(consent) = preset.consent() {
        json["consent"] = json!({
            "title": consent.title,
            "steps": consent.steps,
            "hasClientSecret": consent.has_client_secret,
        });
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_without_an_account_is_an_error() {
        for manifest in ["", "{}", r#"{"account":{"schema":{}}}"#] {
            assert!(AccountForm::of_manifest(manifest).is_err(), "{manifest}");
        }
    }

    #[test]
    fn a_field_that_is_not_known_is_in_a_group_too() {
        let manifest = r#"{
            "account": {"schema": {"properties": {"host": {}, "new": {"writeOnly": true}}}},
            "forms": {"account": [{"field": "new", "widget": "text", "group": "main"}]}
        }"#;
        let form = AccountForm::of_manifest(manifest).expect("it has an account");
        assert_eq!(form.to_json()["groups"][3]["fields"], json!(["new"]));
        assert_eq!(form.to_json()["fields"][0]["group"], "connection");
        assert_eq!(form.to_json()["secrets"], json!(["new"]));
    }
}
