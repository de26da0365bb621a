//! The pages of `worker --metrics`, asked over loopback while a real worker runs.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use smtp_connector_inbox::Inbox;

use super::PATIENCE;
use crate::support::{Act, CommandLine, FaultServer, Scenario, Stage, until};

/// A worker process with its pages.
pub(super) struct Monitored {
    process: Child,
    address: String,
}

impl Monitored {
    /// Starts a worker that chooses a free port.
    fn start(line: &CommandLine) -> Self {
        Self::start_with(line, &[], &[])
    }

    /// Starts a worker with further options and variables.
    pub(super) fn start_with(
        line: &CommandLine,
        words: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let words = [&["worker", "--metrics", "127.0.0.1:0"], words].concat();
        let mut command = line.command(&words);
        command.envs(variables.iter().copied());
        let mut process = command.stdout(Stdio::null()).spawn().expect("the worker starts");
        let mut lines = BufReader::new(process.stderr.take().expect("it was piped")).lines();
        let told = lines.by_ref().map_while(Result::ok).find(|line| line.starts_with("metrics"));
        let told = told.expect("it says where the metrics are");
        // A worker whose standard error is closed would lose its notes.
        thread::spawn(move || lines.for_each(drop));
        let address = told.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        Self { process, address: address.expect("an address").to_owned() }
    }

    /// Returns the status and the body of a page.
    fn get(&self, path: &str) -> (u16, String) {
        request(&self.address, "GET", path)
    }

    /// Asks for `/ready` until it has this status, and returns its sentence.
    fn becomes(&self, status: u16) -> String {
        let began = Instant::now();
        loop {
            let (found, body) = self.get("/ready");
            if found == status {
                return body;
            }
            assert!(began.elapsed() < PATIENCE, "it stays {found}: {body}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns the metrics, by name and labels.
    pub(super) fn metrics(&self) -> BTreeMap<String, f64> {
        let (status, body) = self.get("/metrics");
        assert_eq!(status, 200, "{body}");
        samples(&body)
    }

    fn stop(&mut self) {
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).expect("an id");
        kill_process(id, Signal::TERM).expect("it runs");
    }
}

impl Drop for Monitored {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn request(address: &str, method: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let status = answer.get(9..12).and_then(|code| code.parse().ok()).expect("a status line");
    (status, answer.split_once("\r\n\r\n").expect("a header block").1.to_owned())
}

/// Parses the text format of Prometheus, version 0.0.4, line by line. Each metric is announced before its samples.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut announced = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<_> = comment.splitn(3, ' ').collect();
            assert!(matches!(words[0], "HELP" | "TYPE") && words.len() == 3, "{line}");
            announced = words[1].to_owned();
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
        assert!(name.starts_with(&announced) && !announced.is_empty(), "{line} is not announced");
        let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        assert!(samples.insert(name.to_owned(), value).is_none(), "twice: {name}");
    }
    samples
}

pub(super) fn queue(line: &CommandLine, account: &str) {
    line.run(&["send", "--queue", "--account", account, "--to", "bob@example.net", "--text", "Hi"])
        .expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_count_runs_attempts_and_paused_accounts() {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a port on loopback is free");
    let line = CommandLine::with_account(&inbox);
    // Nothing listens there, so the account is paused after its first attempt.
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = closed.local_addr().expect("it is bound").port().to_string();
    drop(closed);
    line.run(&[
        "accounts",
        "add",
        "away",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--security",
        "none",
        "--from",
        "a@example.com",
    ])
    .expect(0);
    queue(&line, "away");
    queue(&line, "work");
    line.run(&[
        "send",
        "--queue",
        "--hold",
        "--account",
        "work",
        "--to",
        "bob@example.net",
        "--text",
        "Hi",
    ])
    .expect(0);
    let worker = Monitored::start(&line);
    let began = Instant::now();
    let metrics = loop {
        let metrics = worker.metrics();
        let is_done = metrics["smtp_connector_outbox_runs{state=\"sent\"}"] == 1.0
            && metrics["smtp_connector_outbox_paused_accounts"] == 1.0;
        if is_done {
            break metrics;
        }
        assert!(began.elapsed() < PATIENCE, "{metrics:#?}");
        thread::sleep(Duration::from_millis(20));
    };
    let of = |name: &str| metrics[&format!("smtp_connector_{name}")];
    for (state, number) in [("ready", 1.0), ("held", 1.0), ("failed", 0.0), ("unknown", 0.0)] {
        assert_eq!(of(&format!("outbox_runs{{state=\"{state}\"}}")), number, "{state}");
    }
    assert_eq!(of("outbox_attempts_total{event=\"sent\"}"), 1.0);
    assert_eq!(of("outbox_attempts_total{event=\"deferred\"}"), 1.0);
    assert_eq!(of("outbox_attempts_total{event=\"failed\"}"), 0.0);
    // The host's metrics are on the same page, its times in buckets.
    assert_eq!(of("runs_total{call=\"invoke\",outcome=\"ok\"}"), 1.0);
    assert_eq!(of("run_seconds_bucket{call=\"invoke\",le=\"+Inf\"}"), 2.0);
    assert_eq!(of("message_bytes_bucket{le=\"10000\"}"), 1.0);
    // The mail of the paused account is due, and waits.
    let waited = of("outbox_oldest_due_seconds");
    assert!(waited > 0.0 && waited < PATIENCE.as_secs_f64(), "{waited}");
    thread::sleep(Duration::from_millis(50));
    assert!(worker.metrics()["smtp_connector_outbox_oldest_due_seconds"] > waited);
}

#[test]
fn a_worker_is_ready_while_its_outbox_answers() {
    let line = CommandLine::with_server(25);
    let worker = Monitored::start(&line);
    assert_eq!(worker.becomes(200), "ready\n");
    let file = line.home().join("outbox.db");
    let other = rusqlite::Connection::open(&file).expect("it opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("it is free");
    let why = worker.becomes(503);
    assert!(why.contains("the outbox did not answer within 900 ms"), "{why}");
    other.execute_batch("ROLLBACK").expect("it ends");
    worker.becomes(200);
    let moved = line.home().join("moved.db");
    std::fs::rename(&file, &moved).expect("it is moved");
    let why = worker.becomes(503);
    assert!(why.contains("outbox.db is not there any more; stop the programs"), "{why}");
    std::fs::rename(&moved, &file).expect("it is moved back");
    worker.becomes(200);
    assert_eq!(worker.get("/").0, 404);
    assert_eq!(request(&worker.address, "POST", "/ready"), (405, "use GET\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_worker_at_once() {
    let server = FaultServer::start(Scenario::when(Stage::Dot, Act::Hang)).await;
    let line = CommandLine::with_server(server.port());
    let mut worker = Monitored::start(&line);
    worker.becomes(200);
    queue(&line, "work");
    until(|| worker.metrics()["smtp_connector_outbox_runs{state=\"sending\"}"] > 0.0).await;
    worker.stop();
    worker.becomes(503);
    worker.stop();
    assert_eq!(worker.process.wait().expect("it ends").code(), Some(143));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_is_not_ready_while_it_finishes() {
    let pause = Act::Pause(Duration::from_secs(2));
    let server = FaultServer::start(Scenario::when(Stage::Dot, pause)).await;
    let line = CommandLine::with_server(server.port());
    let mut worker = Monitored::start(&line);
    worker.becomes(200);
    queue(&line, "work");
    until(|| worker.metrics()["smtp_connector_outbox_runs{state=\"sending\"}"] > 0.0).await;
    worker.stop();
    assert_eq!(worker.becomes(503), "not ready: the worker is starting or stopping\n");
    assert!(worker.process.wait().expect("it ends").success());
    assert_eq!(server.seen().complete, 1);
}

#[test]
fn an_address_that_is_taken_or_wrong_is_explained() {
    let line = CommandLine::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound").to_string();
    let ran = line.run(&["worker", "--metrics", &address]).expect(64);
    let why = "another program uses the port; choose another port with --metrics";
    assert_eq!(ran.err, format!("error: could not listen on --metrics {address}: {why}\n"));
    let ran = line.run(&["worker", "--metrics", "9465"]).expect(64);
    let why = "write HOST:PORT, such as 127.0.0.1:9465";
    assert_eq!(ran.err, format!("error: could not listen on --metrics 9465: {why}\n"));
}
