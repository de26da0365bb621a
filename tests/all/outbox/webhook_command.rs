//! `worker --webhook`, and what the docs say about it.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use smtp_connector_inbox::Inbox;

use super::PATIENCE;
use super::monitoring::{Monitored, queue};
use crate::support::{
    Authority, CommandLine, HttpServer, Manner, Page, ProxyServer, Speaks, write_private,
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW_SECRET: &str = "whsec_bmV3LXNlY3JldC1uZXctc2VjcmV0LW5ldy1zZWNyZXQ=";
const PATH: &str = "/hooks/T0k3n";

fn page(status: &str) -> Vec<Page> {
    vec![Page::raw(PATH, format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"))]
}

#[track_caller]
fn assert_clean(text: &str) {
    for secret in ["T0k3n", &SECRET[6..], &NEW_SECRET[6..]] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

/// Runs the function of the docs on a request.
fn is_genuine(request: &str, secret: &str) -> bool {
    let page = include_str!("../../../docs/outbox.md");
    let (_, function) = page.split_once("```python\n").expect("the page has a snippet");
    let (function, _) = function.split_once("```").expect("it ends");
    let (head, body) = request.split_once("\r\n\r\n").expect("it is whole");
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers: serde_json::Map<_, _> =
        headers.map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let asked = json!({ "headers": headers, "body": body, "secret": secret });
    let script = format!(
        "{function}\nimport json, sys\nasked = json.load(sys.stdin)\n\
         print(is_genuine(asked['headers'], asked['body'].encode(), asked['secret']))\n"
    );
    let mut python = Command::new("python3")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let mut input = python.stdin.take().expect("it was piped");
    input.write_all(asked.to_string().as_bytes()).expect("it reads");
    drop(input);
    let answer = python.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&answer.stdout).trim() == "True"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_posts_over_https_and_the_docs_function_accepts_it() {
    let authority = Authority::new();
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a free port");
    let config = authority.server("localhost");
    let server = HttpServer::start_over_tls(config, page("200 OK")).await;
    let port = server.host().rsplit(':').next().expect("a port").to_owned();
    let line = CommandLine::with_account(&inbox);
    write_private(&line.home().join("secrets"), format!("{NEW_SECRET} {SECRET}\n"));
    let url = format!("https://localhost:{port}{PATH}");
    let work = ["worker", "--until-empty", "--webhook", &url, "--webhook-private"];
    let ca = authority.file().display().to_string();
    let variables = [("SECRET", SECRET), ("SSL_CERT_FILE", &*ca)];
    queue(&line, "work");
    let by_variable = [&work[..], &["--webhook-secret-env", "SECRET"]].concat();
    let first = line.run_with(&by_variable, "", &variables).expect(0);
    queue(&line, "work");
    let proxy = ProxyServer::start(Speaks::Socks, Manner::Honest).await;
    let through = proxy.url("socks5");
    let by_file = ["--webhook-secret-file", "secrets", "--proxy", &through];
    let by_file = [&work[..], &by_file].concat();
    let second = line.run_with(&by_file, "", &variables).expect(0);
    assert_clean(&format!("{first:?} {second:?}"));
    let asked = proxy.asked();
    assert!(asked.iter().any(|to| to.ends_with(&format!(":{port}"))), "{asked:?}");
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    let body = requests[0].split("\r\n\r\n").nth(1).expect("a body");
    let event: Value = serde_json::from_str(body).expect("it is JSON");
    assert_eq!((&event["kind"], &event["account"]), (&json!("sent"), &json!("work")));
    assert_eq!(event["result"]["status"], "sent");
    for (request, secret, is_accepted) in [
        (&requests[0], SECRET, true),
        (&requests[0], NEW_SECRET, false),
        (&requests[1], SECRET, true),
        (&requests[1], NEW_SECRET, true),
        (&requests[0].replace("sent", "lost"), SECRET, false),
    ] {
        assert_eq!(is_genuine(request, secret), is_accepted, "{secret} {request}");
    }
    // A certificate of an authority that this machine does not trust.
    queue(&line, "work");
    let ran = line.run_with(&by_variable, "", &[("SECRET", SECRET)]).expect(0);
    assert!(ran.err.contains("TLS with it failed: its certificate is not trusted"), "{ran:?}");
    assert!(ran.err.contains("check the URL, and this machine's clock"), "{ran:?}");
    assert_eq!(server.requests().len(), 2, "the event is not sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_fails_is_in_the_metrics_and_in_the_list() {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a free port");
    let server = HttpServer::start(page("503 Service Unavailable")).await;
    let line = CommandLine::with_account(&inbox);
    let options = ["--webhook-secret-env", "SECRET", "--webhook-private"];
    let url = server.url(PATH);
    let variables = [("SECRET", SECRET), ("SMTP_CONNECTOR_WEBHOOK", &*url)];
    let worker = Monitored::start_with(&line, &options, &variables);
    queue(&line, "work");
    queue(&line, "work");
    let label = format!("{{webhook=\"http://{}\"}}", server.host());
    let reach = |behind: f64, fails: bool| {
        let began = Instant::now();
        loop {
            let metrics = worker.metrics();
            let of = |name: &str| {
                let name = format!("smtp_connector_outbox_webhook_{name}{label}");
                metrics.get(&name).copied().unwrap_or(f64::NAN)
            };
            if of("events_behind") == behind && (of("failures") > 0.0) == fails {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{metrics:#?}");
            thread::sleep(Duration::from_millis(20));
        }
    };
    reach(2.0, true);
    let list = line.run(&["outbox", "list"]).expect(0);
    let told = format!("the webhook http://{} is 2 events behind, next try ", server.host());
    assert!(list.out.contains(&told), "{list:?}");
    assert!(list.out.contains(": it answered with status 503; look into the receiver's log"));
    let document = line.run(&["outbox", "list", "--json"]).expect(0);
    let webhook = &document.json()["webhooks"][0];
    assert_eq!((&webhook["eventsBehind"], &webhook["isGivenUp"]), (&json!(2), &json!(false)));
    assert_clean(&format!("{list:?} {document:?} {:?}", worker.metrics()));
    server.change(page("200 OK"));
    reach(0.0, false);
}

#[test]
fn webhooks_that_cannot_work_are_explained() {
    let line = CommandLine::new();
    write_private(&line.home().join("malformed"), "hunter2\n");
    let url = "https://app.example.com/hooks/T0k3n";
    for (words, why) in [
        (
            vec!["--webhook", url],
            "--webhook needs a secret to sign the events: add --webhook-secret-env",
        ),
        (
            vec!["--webhook-secret-env", "SECRET"],
            "a webhook's secret needs its URL: add --webhook URL",
        ),
        (
            vec!["--webhook", url, "--webhook", url, "--webhook-secret-env", "SECRET"],
            "the number of webhooks is 2, and the number of their secrets is 1",
        ),
        (
            vec!["--webhook", url, "--webhook-secret-env", "UNSET"],
            "--webhook-secret-env UNSET: the variable is not set or empty\n  hint: make a secret with: echo whsec_",
        ),
        (
            vec!["--webhook", url, "--webhook-secret-file", "malformed"],
            "the secret of the webhook is not 24 to 64 bytes in base64\n  hint: make one with: echo whsec_",
        ),
        (vec!["--webhook", url, "--webhook-secret-file", "missing"], "it does not exist"),
        (
            vec!["--webhook", "http://app.example.com/T0k3n", "--webhook-secret-env", "SECRET"],
            "--webhook must begin with https://, because events hold addresses and replies\n  hint: if the receiver is",
        ),
        (
            vec!["--webhook", "app.example.com/T0k3n", "--webhook-secret-env", "SECRET"],
            "the URL of the webhook is not valid\n  hint: give a URL such as https://",
        ),
    ] {
        let ran = line.run_with(&[&["worker"], &*words].concat(), "", &[("SECRET", SECRET)]);
        assert!(matches!(ran.code, 64 | 65 | 78), "{words:?}: {ran:?}");
        assert!(ran.err.contains(why), "{words:?}: {ran:?}");
        assert_clean(&ran.err);
        assert!(!ran.err.contains("hunter2"), "{ran:?}");
    }
}

#[test]
fn a_webhook_in_a_private_network_must_be_allowed() {
    let line = CommandLine::with_server(25);
    let ran = line.run(&[
        "send",
        "--queue",
        "--hold",
        "--to",
        "bob@example.net",
        "--text",
        "Hi",
        "--json",
    ]);
    let id = ran.expect(0).json()["id"].as_str().expect("an id").to_owned();
    let url = "https://127.0.0.1:9/hooks/T0k3n";
    let work = ["worker", "--until-empty", "--webhook", url, "--webhook-secret-env", "SECRET"];
    // From now on, the outbox knows the webhook.
    line.run_with(&work, "", &[("SECRET", SECRET)]).expect(0);
    line.run(&["outbox", "cancel", &id]).expect(0);
    let ran = line.run_with(&work, "", &[("SECRET", SECRET)]).expect(0);
    let why = "the webhook https://127.0.0.1:9 did not accept event 1: its host cannot be found, or is not on the \
               public internet; check the URL, or allow private hosts (--webhook-private) if the receiver is in your network";
    assert!(ran.err.contains(why), "{ran:?}");
    assert_clean(&format!("{ran:?}"));
}
