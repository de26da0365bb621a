//! Components that open sources that their input does not name.

use smtp_connector_host::attachments::{MemoryUploads, Metadata};
use smtp_connector_host::{Connector, HostBuilder, Invocation};

use super::guest::{ANSWER, Guest};
use super::sending::{MESSAGE, sends};
use crate::support::{HttpServer, Page, TestEnv};
use smtp_connector_host::accounts::Policy;
use smtp_connector_host::policy::InputRule;
use smtp_connector_inbox::Inbox;

/// A component that opens a source, and reports in its result whether that succeeded.
fn opening(function: &str, source: &str) -> Guest {
    let mut guest =
        Guest::invoking("").import("attachments", function, "$open (param i32 i32 i32)");
    let (at, length) = guest.bytes(source);
    let opened = guest.result(r#"{"status": "dry-run", "opened": true}"#);
    let refused = guest.result(r#"{"status": "dry-run", "opened": false}"#);
    let open = format!("(call $open (i32.const {at}) (i32.const {length}) (i32.const {ANSWER}))");
    guest.validating(&open).and_invoking(format!(
        "{open}
         (if (i32.eqz (i32.load8_u (i32.const {ANSWER}))) (then {opened} (return)))
         {refused}"
    ))
}

/// Reports whether a component could open a source while it ran the action.
async fn opens(connector: &Connector, invocation: Invocation) -> bool {
    let outcome = connector.invoke(invocation).await.expect("it says what it got");
    outcome.as_json().contains("true")
}

#[tokio::test]
async fn a_url_is_fetched_only_if_the_input_names_it_and_never_by_validate() {
    let server = HttpServer::start(vec![Page::file("/a?d=salary", "", b"x")]).await;
    let url = format!("http://{}/a?d=salary", server.host());
    let guest = opening("fetch", &url);
    let component = guest.encode();
    let policy =
        Policy::default().attachment_url_hosts(vec![server.host().parse().expect("a host")]);
    let env = |policy: Policy| {
        let settings =
            move |account: smtp_connector_host::accounts::AccountBuilder| account.policy(policy);
        TestEnv::with_component(&component, Inbox::builder(), settings)
    };
    let open = env(policy.clone()).await;
    let named = serde_json::json!({ "attachments": [{ "url": url }] }).to_string();
    let elsewhere = serde_json::json!({ "body": url, "to": url, "subject": "x" }).to_string();
    let run = |input: &str| Invocation::send_mail(input).account("work");

    for input in ["{}", &elsewhere] {
        assert!(!opens(&open.connector, run(input)).await, "{input}");
        assert!(!opens(&open.connector, run(input).dry_run()).await, "{input}");
    }
    open.connector.validate(run(&named)).await.expect("it finds nothing");
    assert_eq!(server.requests(), [""; 0], "nothing was asked for");

    assert!(opens(&open.connector, run(&named)).await);
    let bound = run(r#"{"attachments": "{{file}}"}"#)
        .keywords(serde_json::json!({ "file": { "url": url } }).to_string());
    assert!(opens(&open.connector, bound).await);
    assert_eq!(server.requests().len(), 2);

    let closed = env(policy.attachment_urls(false)).await;
    assert!(!opens(&closed.connector, run(&named)).await, "the account's switch is off");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn an_upload_is_opened_only_if_the_input_names_it() {
    let guest = opening("open-upload", "of-another-run");
    let env = TestEnv::with_component(&guest.encode(), Inbox::builder(), |account| account).await;
    let run = |input: &str| {
        let uploads = MemoryUploads::new().with("of-another-run", Metadata::default(), *b"x");
        Invocation::send_mail(input).account("work").uploads(uploads)
    };
    let named = r#"{"attachments": [{"upload": "of-another-run"}]}"#;
    assert!(!opens(&env.connector, run("{}")).await);
    assert!(!opens(&env.connector, run(r#"{"subject": "of-another-run"}"#)).await);
    assert!(opens(&env.connector, run(named)).await);
}

#[tokio::test]
async fn a_platform_may_allow_sources_that_the_input_does_not_name() {
    let any = |component: Vec<u8>| async move {
        let host = |host: HostBuilder| host.input_rule(InputRule::danger_any());
        TestEnv::with_host(&component, Inbox::builder(), |account| account, host).await
    };
    let env =
        any(sends("alice@example.com", &["bob@example.net"], MESSAGE.as_bytes()).encode()).await;
    env.invoke(Invocation::send_mail("{}").account("work")).await.expect("it is sent");
    assert_eq!(env.received().await.recipients, ["bob@example.net"]);
    let env = any(opening("open-upload", "u-1").encode()).await;
    let uploads = MemoryUploads::new().with("u-1", Metadata::default(), *b"x");
    assert!(
        opens(&env.connector, Invocation::send_mail("{}").account("work").uploads(uploads)).await
    );
}
