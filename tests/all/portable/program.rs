//! A host that runs as a separate program: it reads one request per line of input and writes one answer per line.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use smtp_connector_host::Connector;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::suite::{ComponentHost, Suite, example};

/// The first answer comes after the component is compiled, here by an unoptimised engine.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) struct Program {
    /// Killed when this value is dropped.
    _child: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts a program with the component's file and the platform's file as its last arguments.
    pub(super) fn start(
        suite: &Suite,
        program: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let platform = suite.platform_file();
        let component = platform.with_file_name("smtp-connector.wasm");
        std::fs::write(&component, Connector::builtin_bytes()).expect("the folder is ours");
        let mut child = Command::new(program)
            .args(arguments)
            .args([&component, &platform])
            .envs(environment.iter().copied())
            // Where Python finds the example's modules.
            .current_dir(Path::new(&example("python")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
        let requests = child.stdin.take().expect("it was piped");
        let answers = BufReader::new(child.stdout.take().expect("it was piped")).lines();
        Self { _child: child, requests, answers }
    }
}

impl ComponentHost for Program {
    async fn answer(&mut self, request: &Value) -> Value {
        let line = format!("{request}\n");
        self.requests.write_all(line.as_bytes()).await.expect("the program runs");
        let answer = tokio::time::timeout(PATIENCE, self.answers.next_line()).await;
        let answer = answer.unwrap_or_else(|_| panic!("an answer in time to {request}"));
        let answer = answer.expect("the program's output is text");
        let answer = answer.unwrap_or_else(|| panic!("the program ended at {request}"));
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}
