//! The cases, the servers that they use, and the expected output.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use smtp_connector_inbox::{Inbox, Received};
use tempfile::TempDir;

use super::door::Door;
use crate::support::{Act, FaultServer, HttpServer, Page, Scenario, Stage};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/portable");
/// Recipients that the server refuses, with its replies.
const REFUSED: &[(&str, &str)] = &[
    ("nobody@example.net", "550 5.1.1 no such user"),
    ("full@example.net", "452 4.2.2 the mailbox is full"),
    ("relay@example.net", "554 5.7.1 relay access denied"),
];

/// Runs the component.
pub(super) trait ComponentHost {
    /// Returns the answer to a request, in the format of the example programs.
    async fn answer(&mut self, request: &Value) -> Value;
}

/// Returns the path of a file in the examples.
pub(super) fn example(path: &str) -> String {
    format!("{}/../examples/{path}", env!("CARGO_MANIFEST_DIR"))
}

pub(super) struct Suite {
    cases: Vec<Value>,
    run: Value,
    fetching: bool,
    inbox: Inbox,
    /// The address of the account's server, as the host sees it.
    door: Door,
    files: HttpServer,
    /// The folder with `platform.json` and the uploads.
    folder: TempDir,
}

impl Suite {
    /// Reads the cases, and starts a mail server and a web server.
    pub(super) async fn start() -> Self {
        let file = fs::read_to_string(format!("{FOLDER}/cases.json")).expect("the cases are there");
        let told: Value = serde_json::from_str(&file).expect("the cases are JSON");
        let inbox = REFUSED
            .iter()
            .fold(Inbox::builder(), |inbox, (recipient, reply)| inbox.refuse(*recipient, *reply));
        let inbox = inbox.start("127.0.0.1:0").await.expect("a port on loopback is free");
        let door = Door::to(inbox.address().port()).await;
        let terms = &told["files"]["/terms.pdf"];
        let kind = format!("Content-Type: {}\r\n", text(&terms["mediaType"]));
        let page = Page::file("/terms.pdf", &kind, text(&terms["text"]).as_bytes());
        let files = HttpServer::start(vec![page]).await;
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut account = told["account"].clone();
        account["host"] = json!("127.0.0.1");
        account["port"] = json!(door.port());
        account["security"] = json!("none");
        account["attachmentUrlHosts"] = json!([files.host()]);
        let uploads = write_uploads(folder.path(), &told["uploads"]);
        let platform = json!({ "account": account, "uploads": uploads }).to_string();
        fs::write(folder.path().join("platform.json"), platform).expect("the folder is ours");
        let cases = told["cases"].as_array().expect("a list of cases").clone();
        Self { cases, run: told["run"].clone(), fetching: true, inbox, door, files, folder }
    }

    /// Removes the cases in which a file is fetched.
    pub(super) fn without_fetching(self) -> Self {
        Self { fetching: false, ..self }
    }

    /// Returns the path of the platform file: the host's account and uploads.
    pub(super) fn platform_file(&self) -> PathBuf {
        self.folder.path().join("platform.json")
    }

    /// Runs every case, and compares the output with the recorded one.
    pub(super) async fn check(&self, host: &mut impl ComponentHost) {
        let file = fs::read_to_string(format!("{FOLDER}/expected.json"));
        let expected: BTreeMap<String, Value> =
            serde_json::from_str(&file.expect("it was recorded"))
                .expect("what is expected is JSON");
        for case in self.cases.iter().filter(|case| self.fetching || case["fetches"] != true) {
            let name = text(&case["name"]);
            let (outcome, message) = self.run(host, case).await;
            assert_eq!(outcome, expected[name], "{name}");
            let recorded = fs::read(message_file(name)).ok();
            let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert!(
                message == recorded,
                "{name}: the message is not the one that was recorded:\n{}",
                shown(&message.unwrap_or_default())
            );
        }
    }

    /// Sends to a server that drops the connection after the message's end: the host reports an unknown delivery.
    pub(super) async fn check_lost_answer(&self, host: &mut impl ComponentHost) {
        let server = FaultServer::start(Scenario::when(Stage::Dot, Act::Drop)).await;
        self.door.lead_to(server.port()).await;
        let case = json!({ "input": { "to": "bob@example.net", "text": "x" } });
        let (outcome, _) = self.run(host, &case).await;
        let failed = &outcome["answer"]["failed"];
        assert_eq!(failed["phase"], "final-reply", "{outcome}");
        assert_eq!(failed["delivered"], "unknown", "{outcome}");
        assert_eq!(failed["retry"], "never", "{outcome}");
    }

    /// Runs every case, and records its output as the expected one.
    pub(super) async fn record(&self, host: &mut impl ComponentHost) {
        let _ = fs::remove_dir_all(format!("{FOLDER}/messages"));
        fs::create_dir_all(format!("{FOLDER}/messages")).expect("the tree can be written to");
        let mut expected = BTreeMap::new();
        for case in &self.cases {
            let name = text(&case["name"]);
            let (outcome, message) = self.run(host, case).await;
            expected.insert(name, outcome);
            if let Some(message) = message {
                fs::write(message_file(name), message).expect("the tree can be written to");
            }
        }
        let json = serde_json::to_string_pretty(&expected).expect("it is JSON") + "\n";
        fs::write(format!("{FOLDER}/expected.json"), json).expect("the tree can be written to");
    }

    /// Runs a case and returns its answer and the message that arrived.
    async fn run(&self, host: &mut impl ComponentHost, case: &Value) -> (Value, Option<Vec<u8>>) {
        let mut run = self.run.clone();
        run["dryRun"] = json!(case["dryRun"] == true);
        let input = match &case["input"] {
            Value::String(text) => text.clone(),
            input => input.to_string(),
        };
        let mut request = json!({
            "call": case.get("call").unwrap_or(&json!("invoke")),
            "action": case.get("action").unwrap_or(&json!("send-mail")),
            "input": input.replace("FILES/", &self.files.url("/")),
            "run": run,
        });
        if let Some(keywords) = case.get("keywords") {
            request["keywords"] = json!(keywords.to_string());
        }
        let outcome = comparable(host.answer(&request).await);
        let arrived = self.inbox.take();
        let outcome = json!({ "answer": outcome, "envelope": arrived.as_ref().map(envelope) });
        (outcome, arrived.map(|message| message.content))
    }
}

/// Returns an answer without the texts that differ between hosts.
fn comparable(mut answer: Value) -> Value {
    if let Some(failed) = answer.get_mut("failed").and_then(Value::as_object_mut) {
        failed.remove("message");
        failed.remove("hint");
    }
    // The manifest is very long, and its own tests compare it with its schemas.
    if let Some(manifest) = answer.get_mut("manifest") {
        *manifest = json!({ "name": manifest["name"], "actions": manifest["actions"][0]["name"] });
    }
    answer
}

fn envelope(message: &Received) -> Value {
    json!({ "sender": message.sender, "recipients": message.recipients })
}

fn message_file(case: &str) -> PathBuf {
    Path::new(FOLDER).join("messages").join(case).with_extension("eml")
}

/// Writes the uploads' files, and returns them as a platform file names them.
fn write_uploads(folder: &Path, told: &Value) -> Value {
    let mut uploads = json!({});
    for (id, upload) in told.as_object().expect("uploads by id") {
        let times = upload["times"].as_u64().expect("a number");
        let content = text(&upload["text"]).repeat(usize::try_from(times).expect("a small number"));
        fs::write(folder.join(id), content).expect("the folder is ours");
        uploads[id] = json!({ "path": id });
        for key in ["filename", "mediaType"] {
            if let Some(value) = upload.get(key) {
                uploads[id][key] = value.clone();
            }
        }
    }
    uploads
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is text"))
}
