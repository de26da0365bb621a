//! Invalid components, and components that import too much or use too many resources.

use std::time::{Duration, Instant};

use serde_json::json;
use smtp_connector_host::accounts::BoxFuture;
use smtp_connector_host::attachments::{Content, Metadata, SourceError, Uploads};
use smtp_connector_host::{
    Allocation, Connector, Delivered, Error, FailureCode, Host, Invocation, Limits, Retry,
};

use crate::support::{Act, FaultServer, Scenario, Stage, TestEnv, host_builder};

fn host() -> Host {
    host_builder([]).build().expect("the sandbox runs on this machine")
}

fn refused(bytes: &[u8]) -> Error {
    Connector::from_bytes(&host(), bytes).expect_err("it must not load")
}

fn component(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).expect("the test's own component is right")
}

#[test]
fn invalid_component_bytes_do_not_load() {
    for (bytes, words) in [
        (&b""[..], "not a WebAssembly component"),
        (b"#!/bin/sh\n", "not a WebAssembly component"),
        (b"\0asm", "cannot be compiled"),
        (b"\0asm\x01\0\0\0", "a WebAssembly module"),
        (&Connector::builtin_bytes()[..100_000], "cannot be compiled"),
    ] {
        let error = refused(bytes);
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
}

#[test]
fn a_component_without_the_contract_does_not_load() {
    let error = refused(&component("(component)"));
    assert!(
        error.to_string().contains("does not export connectors:smtp/smtp-connector"),
        "{error}"
    );
}

#[test]
fn a_component_that_imports_files_or_sockets_does_not_load() {
    for interface in
        ["wasi:filesystem/preopens@0.2.0", "wasi:sockets/tcp@0.2.0", "wasi:http/types@0.2.0"]
    {
        let wat = format!(r#"(component (import "{interface}" (instance (export "f" (func)))))"#);
        let error = refused(&component(&wat));
        assert!(error.to_string().contains("does not provide"), "{error}");
    }
}

/// Runs the built-in component under other limits.
async fn limited(limits: Limits, body: &str) -> Error {
    let host = host_builder([]).limits(limits).build().expect("the sandbox runs");
    let connector = Connector::builtin(&host).expect("a component");
    let input = json!({ "from": "a@example.com", "to": "b@example.net", "body": body }).to_string();
    connector.invoke(Invocation::send_mail(input).dry_run()).await.expect_err("it takes too much")
}

#[tokio::test]
async fn a_run_that_exceeds_a_limit_ends_with_an_ordinary_error() {
    let mut little_memory = Limits::default();
    little_memory.memory_bytes = 4 << 20;
    let mut little_time = Limits::default();
    little_time.wall_clock = Duration::ZERO;
    let mut few_calls = Limits::default();
    few_calls.host_calls = 1;
    let mut few_bytes = Limits::default();
    few_bytes.host_call_bytes = 1 << 20;
    let body = "x".repeat(3 << 20);
    for (limits, words) in [
        (little_memory, "memory"),
        (little_time, "of time"),
        (few_calls, "calls to the host"),
        (few_bytes, "out of the sandbox"),
    ] {
        let error = limited(limits, &body).await;
        assert_eq!(error.code(), FailureCode::Limit, "{words}: {error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn an_input_or_keywords_over_the_limit_are_an_issue_before_the_component_runs() {
    let mut limits = Limits::default();
    limits.input_bytes = 100;
    limits.keywords_bytes = 20;
    // The time limit is zero: if the component ran, it would be stopped.
    limits.cpu = Duration::ZERO;
    let host = host_builder([]).limits(limits).build().expect("the sandbox runs");
    let connector = Connector::builtin(&host).expect("a component");
    let long = json!({ "body": "x".repeat(100) }).to_string();
    for (mail, path) in [
        (Invocation::send_mail(long), "$"),
        (
            Invocation::send_mail("{}").keywords(json!({ "a": "x".repeat(20) }).to_string()),
            "keywords",
        ),
    ] {
        let error = connector.invoke(mail.clone()).await.expect_err("it is too long");
        assert_eq!(error.code(), FailureCode::Validation, "{error:?}");
        let found = connector.validate(mail).await.expect("it is checked");
        for issues in [error.issues(), &found.issues] {
            assert_eq!(issues.len(), 1, "{issues:?}");
            assert_eq!((issues[0].path.as_str(), issues[0].code.as_str()), (path, "too-long"));
        }
    }
}

#[tokio::test]
async fn an_endless_template_ends_with_an_ordinary_error() {
    let env = TestEnv::new().await;
    for body in [
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ 'x' * 1000 }}{% endfor %}{% endfor %}",
        "{{ 'x' * 4000000000 }}",
        "{{ ('x' * 65536) * 65536 }}",
        "{% set ns = namespace(x='xx') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
        "{{ range(999999999)|list }}",
        "{{ [[1] * 100000] * 100000 }}",
    ] {
        let input = json!({ "to": "b@example.net", "body": body });
        let started = Instant::now();
        let invocation = Invocation::send_mail(input.to_string()).keywords("{}").account("work");
        let error = env.invoke(invocation).await.expect_err("it cannot be filled in");
        let ordinary = matches!(error.code(), FailureCode::Validation | FailureCode::Limit);
        assert!(ordinary, "{body}: {error:?}");
        assert!(started.elapsed() < Duration::from_secs(15), "{body}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_run_that_computes_too_long_is_stopped() {
    let mut no_time = Limits::default();
    no_time.cpu = Duration::ZERO;
    let host = host_builder([]).limits(no_time).build().expect("the sandbox runs");
    let connector = Connector::builtin(&host).expect("a component");
    let body = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
    let input = json!({ "from": "a@example.com", "to": "b@example.net", "body": body }).to_string();
    let invocation = Invocation::send_mail(input).keywords("{}").dry_run();
    let error = connector.invoke(invocation).await.expect_err("it takes more than a tick");
    assert_eq!(error.code(), FailureCode::Limit);
    assert!(error.to_string().contains("CPU time"), "{error}");
}

#[tokio::test]
async fn a_timeout_after_the_final_dot_reports_an_unknown_delivery() {
    let server = FaultServer::start(Scenario::when(Stage::Dot, Act::Hang)).await;
    let account = server.account().build().expect("the settings are right");
    let mut little_time = Limits::default();
    little_time.wall_clock = Duration::from_secs(2);
    let host = host_builder([account]).limits(little_time).build().expect("the sandbox runs");
    let connector = Connector::builtin(&host).expect("a component");
    let mail = Invocation::send_mail(json!({ "to": "b@example.net" }).to_string());
    let error = connector.invoke(mail.account("work")).await.expect_err("the server hangs");
    assert_eq!((error.code(), error.retry()), (FailureCode::Limit, Retry::Never));
    assert_eq!(error.delivered(), Delivered::Unknown);
    let told = error.to_string();
    assert!(told.contains("while it waited for the mail server") && told.contains("2 s"), "{told}");
    assert_eq!(server.seen().complete, 1);
}

#[tokio::test]
async fn waiting_on_a_slow_connection_does_not_count_as_computing() {
    /// A file that arrives in pieces of a few bytes, with a pause before each.
    struct Slow;
    impl Uploads for Slow {
        fn open<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Content, SourceError>> {
            Box::pin(async {
                let (mut sender, receiver) = tokio::io::duplex(16);
                tokio::spawn(async move {
                    for _ in 0..100 {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        tokio::io::AsyncWriteExt::write_all(&mut sender, b"some bytes").await.ok();
                    }
                });
                Ok(Content::new(Metadata::default(), receiver))
            })
        }
    }
    let mut little = Limits::default();
    // A hundred waits are a hundred ticks of the engine's clock: a second, if they counted as CPU time.
    little.cpu = Duration::from_millis(500);
    let host = host_builder([]).limits(little).build().expect("the sandbox runs");
    let connector = Connector::builtin(&host).expect("a component");
    let input =
        json!({ "from": "a@example.com", "to": "b@example.net", "attachments": { "upload": "f" } });
    let mail = Invocation::send_mail(input.to_string()).uploads(Slow).dry_run();
    connector.invoke(mail).await.expect("it computes next to nothing");
}

#[tokio::test]
async fn a_run_leaves_no_data_for_the_next() {
    let env = TestEnv::new().await;
    let mark = "a-mark-that-no-message-has-by-chance";
    for _ in 0..20 {
        let secret = json!({ "to": "b@example.net", "subject": mark, "body": mark });
        env.send(&secret).await.expect("it is sent");
        env.received().await;
        env.send(&json!({ "to": "c@example.net" })).await.expect("it is sent");
        let received = env.received().await;
        assert!(!String::from_utf8_lossy(&received.content).contains(mark));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn runs_inside_and_beyond_the_memory_pool_see_no_data_of_each_other() {
    let host = host_builder([]).allocation(Allocation::Pooled { runs: 2 }).build();
    let connector = Connector::builtin(&host.expect("the sandbox runs")).expect("a component");
    let runs: Vec<_> = (0..50)
        .map(|number| {
            let connector = connector.clone();
            tokio::spawn(async move {
                let body = format!("mark-{number}-").repeat(10_000);
                let input = json!({ "from": "a@example.com", "to": "b@example.net", "body": body });
                let mail = Invocation::send_mail(input.to_string()).dry_run();
                connector.invoke(mail).await.expect("it is assembled").as_json().to_owned()
            })
        })
        .collect();
    for (number, run) in runs.into_iter().enumerate() {
        let json = run.await.expect("no run panics");
        assert!(json.contains(&format!("mark-{number}-")), "{number}");
        for other in (0..50).filter(|other| *other != number) {
            assert!(!json.contains(&format!("-mark-{other}-")), "{number}: {other}");
        }
    }
}
