//! The library, as one of the hosts.

use std::fs;

use serde_json::{Value, json};
use smtp_connector_host::accounts::{Policy, Security};
use smtp_connector_host::attachments::{MemoryUploads, Metadata};
use smtp_connector_host::{Account, Connector, Error, Invocation, Issue, Refusal, Reply};

use super::suite::{ComponentHost, Suite, text};
use crate::support::host_builder;

pub(super) struct Library {
    connector: Connector,
    uploads: MemoryUploads,
}

impl Library {
    pub(super) fn start(suite: &Suite) -> Self {
        let file = suite.platform_file();
        let platform = fs::read_to_string(&file).expect("the suite wrote it");
        let platform: Value = serde_json::from_str(&platform).expect("it is JSON");
        let told = &platform["account"];
        let hosts = told["attachmentUrlHosts"].as_array().expect("a list");
        let hosts = hosts.iter().map(|host| text(host).parse().expect("a host"));
        let port = told["port"].as_u64().expect("a port");
        let account = Account::builder(text(&told["name"]), text(&told["host"]))
            .port(port.try_into().expect("a port"))
            .security(Security::None)
            .sender(text(&told["defaultSender"]))
            .policy(Policy::default().attachment_url_hosts(hosts.collect()))
            .build()
            .expect("the account's settings are right");
        let mut uploads = MemoryUploads::new();
        for (id, upload) in platform["uploads"].as_object().expect("uploads by id") {
            let path = file.with_file_name(text(&upload["path"]));
            let own = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
            let metadata = Metadata::default()
                .filename(upload["filename"].as_str().map(str::to_owned).or(own))
                .media_type(upload["mediaType"].as_str().map(str::to_owned));
            uploads = uploads.with(id, metadata, fs::read(path).expect("the suite wrote it"));
        }
        let host = host_builder([account]).build().expect("the sandbox runs on this machine");
        let connector = Connector::builtin(&host).expect("the built-in component is one");
        Self { connector, uploads }
    }
}

impl ComponentHost for Library {
    async fn answer(&mut self, request: &Value) -> Value {
        let mut invocation = Invocation::new(text(&request["action"]), text(&request["input"]))
            .account("work")
            .id(text(&request["run"]["id"]))
            .started_at(request["run"]["startedAt"].as_u64().expect("a time"))
            .uploads(self.uploads.clone());
        if let Some(keywords) = request.get("keywords") {
            invocation = invocation.keywords(text(keywords));
        }
        if request["run"]["dryRun"] == true {
            invocation = invocation.dry_run();
        }
        match text(&request["call"]) {
            "describe" => {
                let manifest = self.connector.describe().await.expect("it describes itself");
                json!({ "manifest": parsed(&manifest) })
            }
            "validate" => {
                let found = self.connector.validate(invocation).await.expect("it is checked");
                let list = |issues: &[Issue]| issues.iter().map(Issue::to_json).collect::<Value>();
                json!({ "findings": { "issues": list(&found.issues), "warnings": list(&found.warnings) } })
            }
            _ => match self.connector.invoke(invocation).await {
                Ok(outcome) => json!({ "result": parsed(outcome.as_json()) }),
                Err(error) => told(&error),
            },
        }
    }
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).expect("the component returns JSON")
}

/// An error in the contract's format.
fn told(error: &Error) -> Value {
    if !error.issues().is_empty() {
        return json!({ "invalid": error.issues().iter().map(Issue::to_json).collect::<Value>() });
    }
    let mut failed = json!({
        "code": error.code(),
        "phase": error.phase(),
        "retry": error.retry(),
        "delivered": error.delivered(),
        "refusals": error.refusals().iter().map(refusal).collect::<Value>(),
    });
    if let Some(told) = error.reply() {
        failed["reply"] = reply(told);
    }
    if let Some(id) = error.message_id() {
        failed["messageId"] = json!(id);
    }
    json!({ "failed": failed })
}

fn refusal(refusal: &Refusal) -> Value {
    json!({
        "recipient": refusal.recipient,
        "field": refusal.field,
        "reply": reply(&refusal.reply),
        "retry": refusal.retry,
    })
}

fn reply(reply: &Reply) -> Value {
    let mut told = json!({ "code": reply.code, "text": reply.text });
    if let Some(enhanced) = &reply.enhanced {
        told["enhanced"] = json!(enhanced);
    }
    told
}
