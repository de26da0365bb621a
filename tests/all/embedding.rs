//! What an embedder of the library relies on.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use serde_json::json;
use smtp_connector_host::accounts::{AccountsInMemory, BoxFuture};
use smtp_connector_host::attachments::{Content, MemoryUploads, Metadata, SourceError, Uploads};
use smtp_connector_host::linker::{SmtpCtx, SmtpCtxView, SmtpView, add_to_linker};
use smtp_connector_host::transport::{Attempt, RecordingTransport};
use smtp_connector_host::{
    Account, ComponentDigest, ComponentSource, Connector, Delivered, Error, Failure, FailureCode,
    ForwardPath, Host, HostBuilder, Invocation, Outcome, Phase,
};
use smtp_connector_inbox::Inbox;
use wasmtime::component::{Component, Linker, ResourceTable, Val};
use wasmtime::{Engine, Store};

use crate::hostile::guest::wrapped;
use crate::support::{
    Act, FaultServer, HOST_CACHE, Log, Scenario, Stage, TestEnv, connector_in, host_builder,
};

/// A component by another author.
const SECOND: &str = include_str!("../second-component/notice.wat");

fn account() -> Account {
    let account = Account::builder("work", "mail.example").sender("alice@example.com");
    account.build().expect("the settings are right")
}

fn recording(transport: &RecordingTransport) -> Host {
    let accounts = AccountsInMemory::from_iter([account()]);
    let host = Host::builder().accounts(accounts).transport(transport.clone());
    host.cache_directory(HOST_CACHE).build().expect("the sandbox runs")
}

#[tokio::test]
async fn an_account_may_come_with_the_run() {
    let transport = RecordingTransport::new();
    let host = Host::builder().transport(transport.clone()).cache_directory(HOST_CACHE);
    let connector = Connector::builtin(&host.build().expect("the sandbox runs"));
    let connector = connector.expect("the built-in component is one");
    let mail = || Invocation::send_mail(json!({ "to": "bob@example.net" }).to_string());
    let error = connector.invoke(mail().account("work")).await.expect_err("the host has none");
    assert_eq!(error.to_string(), "there is no account \"work\"");
    connector.invoke(mail().with_account(account())).await.expect("it is sent");
    let sent = transport.take();
    assert_eq!(
        (sent[0].account.as_str(), sent[0].envelope.sender.as_str()),
        ("work", "alice@example.com")
    );
}

/// A queue that sends to one recipient, and may not be able to make its mark.
struct Queue {
    can_mark: bool,
}

impl Attempt for Queue {
    fn recipients(&self, envelope: Vec<ForwardPath>) -> Vec<ForwardPath> {
        let mut chosen = envelope;
        chosen.truncate(1);
        // A queue cannot add a recipient that the input does not name.
        chosen.push("mallory@example.net".parse().expect("an address"));
        chosen
    }

    fn mark(&self) -> BoxFuture<'static, Result<(), Failure>> {
        let mark = match self.can_mark {
            true => Ok(()),
            false => Err(Failure::new(FailureCode::Internal, Phase::Body, "no disk").later()),
        };
        Box::pin(std::future::ready(mark))
    }
}

#[tokio::test]
async fn a_queue_chooses_recipients_and_must_make_its_mark_before_the_end() {
    let server = FaultServer::start(Scenario::default()).await;
    let connector = connector_in(host_builder([server.account().build().expect("an account")]));
    let input = json!({ "to": ["bob@example.net", "carol@example.net"] }).to_string();
    let mail = |can_mark| {
        Invocation::send_mail(input.clone()).account("work").attempt(Arc::new(Queue { can_mark }))
    };
    let error = connector.invoke(mail(false)).await.expect_err("there is no mark");
    assert_eq!((error.to_string().as_str(), error.delivered()), ("no disk", Delivered::No));
    assert_eq!(server.ended().await.complete, 0, "the message has no end");
    let outcome = connector.invoke(mail(true)).await.expect("it is sent");
    assert_eq!(outcome.accepted(), ["bob@example.net"]);
    assert_eq!(server.seen().complete, 1);
}

#[test]
fn hosts_and_connectors_can_be_shared_between_threads() {
    fn assert_shared<T: Clone + Send + Sync + 'static>() {}
    fn assert_sent<T: Send>(_: &T) {}
    assert_shared::<Host>();
    assert_shared::<Connector>();
    assert_shared::<Invocation>();
    assert_shared::<RecordingTransport>();
    fn assert_moved<T: Send + 'static>() {}
    assert_moved::<Error>();
    assert_moved::<Outcome>();
    assert_moved::<HostBuilder>();
    let host = recording(&RecordingTransport::new());
    let connector = Connector::builtin(&host).expect("a component");
    assert_sent(&connector.invoke(Invocation::send_mail("{}")));
}

#[tokio::test]
async fn a_pinned_component_loads_and_another_does_not() {
    let host = recording(&RecordingTransport::new());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("second.wasm");
    let second = wrapped(SECOND);
    std::fs::write(&file, &second).expect("a file can be written");
    let pinned = ComponentDigest::of(&second);
    Connector::from_file_pinned(&host, &file, pinned).expect("it is that one");
    Connector::from_bytes_pinned(&host, &second, pinned).expect("it is that one");
    std::fs::write(&file, Connector::builtin_bytes()).expect("a file can be written");
    for refused in [
        Connector::from_file_pinned(&host, &file, pinned),
        Connector::from_bytes_pinned(&host, Connector::builtin_bytes(), pinned),
    ] {
        let error = refused.expect_err("it is another").to_string();
        assert!(error.contains(&pinned.to_string()), "{error}");
        let found = ComponentDigest::of(Connector::builtin_bytes());
        assert!(error.contains(&found.to_string()), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_cache_that_others_may_write_to_is_warned_about_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder.path(), open).expect("it is ours");
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.subscriber());
    let host = Host::builder().cache_directory(folder.path()).build().expect("the sandbox runs");
    for _ in 0..2 {
        Connector::from_bytes(&host, &wrapped(SECOND)).expect("it is compiled");
    }
    let log = log.text();
    let warned: Vec<_> = log.lines().filter(|line| line.contains("others may write to")).collect();
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("WARN") && warned[0].contains("chmod go-w "), "{warned:?}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
}

#[tokio::test]
async fn a_component_loads_from_memory_or_a_file_or_the_library() {
    let host = recording(&RecordingTransport::new());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("second.wasm");
    let second = wrapped(SECOND);
    std::fs::write(&file, &second).expect("a file can be written");
    for (source, name) in [
        (ComponentSource::Builtin, "smtp-connector"),
        (ComponentSource::Bytes(&second), "notice"),
        (ComponentSource::File(&file), "notice"),
    ] {
        let connector = Connector::load(&host, source).expect("it is a component");
        let manifest = connector.describe().await.expect("it has a manifest");
        assert!(manifest.contains(&format!("\"name\":\"{name}\"")), "{manifest}");
    }
    assert!(Connector::load(&host, ComponentSource::File(folder.path())).is_err());
}

#[tokio::test]
async fn a_component_by_another_author_sends_like_the_built_in_one() {
    let second = wrapped(SECOND);
    let env =
        TestEnv::with_component(&second, Inbox::builder(), |one| one.sender("alice@example.com"));
    let env = env.await;
    let result = env.send(&json!({ "to": "bob@example.net" })).await.expect("it is sent");
    assert_eq!(result["status"], "sent");
    // The component adds nothing to its result, but the host does.
    assert_eq!(result["accepted"], json!(["bob@example.net"]));
    let received = env.received().await;
    assert_eq!(received.recipients, ["bob@example.net"]);
    assert!(String::from_utf8_lossy(&received.content).contains("This is a notice."));

    let dry = Invocation::send_mail(json!({ "to": "bob@example.net" }).to_string());
    let result = env.invoke(dry.account("work").dry_run()).await.expect("it is assembled");
    assert_eq!(
        result,
        json!({ "status": "dry-run", "accepted": [], "rejected": [], "rejectedErrors": [] })
    );
    let error =
        env.send(&json!({ "cc": "bob@example.net" })).await.expect_err("no recipient is named");
    assert_eq!(error.issues()[0].code, "missing-value");
    let error = env.send(&json!({ "to": "bob" })).await.expect_err("it is not an address");
    assert_eq!(error.code(), FailureCode::Internal);
}

/// An embedder's own store.
struct State {
    ctx: SmtpCtx,
    table: ResourceTable,
}

impl SmtpView for State {
    fn smtp(&mut self) -> SmtpCtxView<'_> {
        SmtpCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }
}

/// Calls `invoke` of a component in an embedder's own store and linker.
async fn invoke_in_a_store(ctx: SmtpCtx, input: &str) -> (Store<State>, wasmtime::Result<Val>) {
    let engine = Engine::default();
    let component = Component::new(&engine, wrapped(SECOND)).expect("it is a component");
    let mut linker = Linker::<State>::new(&engine);
    add_to_linker(&mut linker).expect("nothing is in it yet");
    assert!(add_to_linker(&mut linker).is_err());
    let mut store = Store::new(&engine, State { ctx, table: ResourceTable::new() });
    let instance =
        linker.instantiate_async(&mut store, &component).await.expect("it has its imports");
    let contract = instance
        .get_export_index(&mut store, None, "connectors:smtp/smtp-connector@0.1.0")
        .expect("it exports the contract");
    let invoke = instance.get_export_index(&mut store, Some(&contract), "invoke");
    let invoke = instance.get_func(&mut store, invoke.expect("it has it")).expect("a function");
    let arguments = [Val::String("send-mail".into()), Val::String(input.into()), Val::Option(None)];
    let mut results = [Val::Bool(false)];
    let called = invoke.call_async(&mut store, &arguments, &mut results).await;
    let [answer] = results;
    (store, called.map(|()| answer))
}

#[tokio::test]
async fn the_imports_work_in_an_embedders_linker() {
    let transport = RecordingTransport::new();
    let host = recording(&transport);
    let input = json!({ "to": "bob@example.net" }).to_string();
    let mail = Invocation::send_mail(&input).account("work");
    let context =
        SmtpCtx::builder(host.services()).build(&mail).await.expect("the account can be used");
    let (store, answer) = invoke_in_a_store(context, &input).await;
    let Val::Result(Ok(Some(json))) = answer.expect("it does not trap") else {
        panic!("no result")
    };
    let Val::String(told) = &*json else { panic!("{json:?}") };
    assert_eq!(told, r#"{"status":"sent"}"#);
    let result = store.data().ctx.result(told).expect("it was sent");
    let result: serde_json::Value = serde_json::from_str(&result).expect("it is JSON");
    assert_eq!(result["accepted"], json!(["bob@example.net"]), "the host knows more");
    assert!(store.data().ctx.was_sent() && store.data().ctx.may_have_been_sent());
    assert_eq!(transport.take()[0].envelope.recipients, ["bob@example.net"]);
}

#[tokio::test]
async fn a_context_for_checking_sends_nothing() {
    let transport = RecordingTransport::new();
    let host = recording(&transport);
    let input = json!({ "to": "bob@example.net" }).to_string();
    let mail = Invocation::send_mail(&input).account("work");
    let context = SmtpCtx::builder(host.services())
        .checking_only()
        .build(&mail)
        .await
        .expect("the account can be used");
    let (_, answer) = invoke_in_a_store(context, &input).await;
    let trap = answer.expect_err("it is stopped");
    assert!(format!("{trap:#}").contains("while it checked an input"), "{trap:#}");
    assert!(transport.take().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_concurrent_runs_do_not_disturb_each_other() {
    const RUNS: usize = 2000;
    let transport = RecordingTransport::new();
    let connector = Connector::builtin(&recording(&transport)).expect("a component");
    let runs: Vec<_> = (0..RUNS)
        .map(|run| {
            let input =
                json!({ "to": format!("to{run}@example.net"), "text": format!("text {run}.") });
            let mail = Invocation::send_mail(input.to_string()).account("work");
            let connector = connector.clone();
            tokio::spawn(async move { connector.invoke(mail).await })
        })
        .collect();
    for run in runs {
        run.await.expect("it does not panic").expect("it is sent");
    }
    let sent = transport.take();
    assert_eq!(sent.len(), RUNS);
    for one in sent {
        let to = &one.envelope.recipients[0];
        let number = to.local_part().trim_start_matches("to");
        let message = String::from_utf8_lossy(&one.message);
        assert!(message.contains(&format!("text {number}.")), "{to}: {message}");
    }
}

/// Uploads that are dropped together with the run.
struct Watched(#[expect(dead_code, reason = "held, not read")] Arc<()>);

impl Uploads for Watched {
    fn open<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Content, SourceError>> {
        Box::pin(async { Ok(Content::new(Metadata::default(), &b"a file"[..])) })
    }
}

async fn gone(run: &Weak<()>) {
    let patience = async {
        while run.upgrade().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), patience).await.expect("the store is gone");
}

#[tokio::test]
async fn a_dropped_run_leaves_no_half_sent_message_and_no_store() {
    for stage in
        [Stage::Greeting, Stage::Ehlo, Stage::Mail, Stage::Rcpt(1), Stage::Data, Stage::Body]
    {
        let server = FaultServer::start(Scenario::when(stage, Act::Hang)).await;
        let account = server.account().build().expect("the settings are right");
        let connector = connector_in(host_builder([account]));
        let (held, watched) = watched();
        let input = json!({ "to": "bob@example.net", "attachments": { "upload": "f" } });
        let mail = Invocation::send_mail(input.to_string()).account("work").uploads(held);
        let run = connector.invoke(mail);
        tokio::time::timeout(Duration::from_millis(300), run).await.expect_err("the server hangs");
        gone(&watched).await;
        let seen = server.seen();
        assert_eq!(seen.complete, 0, "{stage:?}: {seen:?}");
    }
}

fn watched() -> (Watched, Weak<()>) {
    let alive = Arc::new(());
    let weak = Arc::downgrade(&alive);
    (Watched(alive), weak)
}

#[tokio::test]
async fn a_run_dropped_while_its_file_is_read_sends_nothing() {
    /// A file that returns some bytes, and then waits forever.
    struct Silent;
    impl Uploads for Silent {
        fn open<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Content, SourceError>> {
            Box::pin(async {
                let (mut sender, receiver) = tokio::io::duplex(1024);
                tokio::spawn(async move {
                    tokio::io::AsyncWriteExt::write_all(&mut sender, b"half of it").await.ok();
                    std::future::pending::<()>().await;
                });
                Ok(Content::new(Metadata::default(), receiver))
            })
        }
    }
    let env = TestEnv::new().await;
    let input = json!({ "to": "bob@example.net", "attachments": { "upload": "f" } });
    let mail = Invocation::send_mail(input.to_string()).account("work").uploads(Silent);
    let run = tokio::time::timeout(Duration::from_millis(300), env.connector.invoke(mail));
    run.await.expect_err("the file has no end");
    // The inbox's next message is the next one sent, and the only one.
    let uploads = MemoryUploads::new().with("f", Metadata::default(), *b"all of it");
    let mail = Invocation::send_mail(input.to_string()).account("work").uploads(uploads);
    env.invoke(mail).await.expect("it is sent");
    env.received().await;
    assert!(env.inbox.take().is_none());
}

/// Records the metrics that are counted, and their labels.
#[derive(Clone, Default)]
struct Metered(Arc<Mutex<Vec<String>>>);

impl metrics::Recorder for Metered {
    fn describe_counter(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }
    fn describe_gauge(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }
    fn describe_histogram(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }

    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        self.0.lock().expect("no panic").push(key.to_string());
        metrics::Counter::noop()
    }

    fn register_gauge(&self, _: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::noop()
    }

    fn register_histogram(
        &self,
        key: &metrics::Key,
        _: &metrics::Metadata<'_>,
    ) -> metrics::Histogram {
        self.0.lock().expect("no panic").push(key.to_string());
        metrics::Histogram::noop()
    }
}

#[test]
fn a_run_has_a_span_and_a_count_and_neither_contains_an_address() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let connector =
        Connector::builtin(&recording(&RecordingTransport::new())).expect("a component");
    let metered = Metered::default();
    let log = crate::support::Log::default();
    let subscriber = log.subscriber();
    tracing::subscriber::with_default(subscriber, || {
        metrics::with_local_recorder(&metered, || {
            runtime.block_on(async {
                let mail = |to: &str| {
                    Invocation::send_mail(json!({ "to": to, "subject": "Quarterly" }).to_string())
                };
                connector
                    .invoke(mail("bob@example.net").account("work"))
                    .await
                    .expect("it is sent");
                connector
                    .invoke(mail("nobody").account("work"))
                    .await
                    .expect_err("it is not an address");
            });
        });
    });
    let text = log.text();
    for part in [
        "run{",
        "call=\"invoke\"",
        "account=\"work\"",
        "outcome=\"ok\"",
        "bytes=",
        "outcome=\"validation\"",
        "phase=\"input\"",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("example.net") && !text.contains("Quarterly"), "{text}");
    let counted = metered.0.lock().expect("no panic").join("\n");
    for part in [
        "smtp_connector_runs_total",
        "outcome = ok",
        "outcome = validation",
        "smtp_connector_run_seconds",
        "smtp_connector_message_bytes",
    ] {
        assert!(counted.contains(part), "{part} in {counted}");
    }
    assert!(!counted.contains("example.net"), "{counted}");
}
