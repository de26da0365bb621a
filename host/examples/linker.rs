//! Adds the imports to your wasmtime `Linker`. The component runs in your engine, under your limits.
//!
//! `cargo run --package smtp-connector-host --example linker`

use smtp_connector_host::accounts::Account;
use smtp_connector_host::linker::wasmtime::component::{Component, Linker, ResourceTable, Val};
use smtp_connector_host::linker::wasmtime::{Engine, Store};
use smtp_connector_host::linker::{SmtpCtx, SmtpCtxView, SmtpView, add_to_linker};
use smtp_connector_host::transport::RecordingTransport;
use smtp_connector_host::{Connector, Invocation, Services};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// The data of your store.
struct State {
    smtp: SmtpCtx,
    wasi: WasiCtx,
    table: ResourceTable,
}

impl SmtpView for State {
    fn smtp(&mut self) -> SmtpCtxView<'_> {
        SmtpCtxView { ctx: &mut self.smtp, table: &mut self.table }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let transport = RecordingTransport::new();
    // This does not start an engine or a thread.
    let services = Services::builder().transport(transport.clone()).build();

    let engine = Engine::default();
    let component = Component::new(&engine, Connector::builtin_bytes())?;
    let mut linker = Linker::<State>::new(&engine);
    // Rust's standard library uses WASI to start and to panic. An empty WASI context is enough.
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    add_to_linker(&mut linker)?;

    let input = r#"{"to": "bob@example.net", "subject": "Hi", "body": "Hi!"}"#;
    let account = Account::builder("work", "smtp.example.com").sender("alice@example.com");
    let mail = Invocation::send_mail(input).with_account(account.build()?);
    let smtp = SmtpCtx::builder(&services).build(&mail).await?;
    let state = State { smtp, wasi: WasiCtx::default(), table: ResourceTable::new() };
    let mut store = Store::new(&engine, state);

    let instance = linker.instantiate_async(&mut store, &component).await?;
    let contract = "connectors:smtp/smtp-connector@0.1.0";
    let contract = instance.get_export_index(&mut store, None, contract);
    let invoke = instance.get_export_index(&mut store, contract.as_ref(), "invoke");
    let invoke = instance.get_func(&mut store, invoke.ok_or("it exports the contract")?);
    let arguments = [Val::String("send-mail".into()), Val::String(input.into()), Val::Option(None)];
    let mut results = [Val::Bool(false)];
    invoke.ok_or("it is a function")?.call_async(&mut store, &arguments, &mut results).await?;

    let [Val::Result(Ok(Some(told)))] = results else { return Err("the mail was refused".into()) };
    let Val::String(told) = *told else { return Err("a result is text".into()) };
    // What the host observed about sending replaces the component's claims.
    let result = store.data().smtp.result(&told)?;
    assert!(result.contains("bob@example.net"), "{result}");
    assert_eq!(transport.take().len(), 1);
    Ok(())
}
