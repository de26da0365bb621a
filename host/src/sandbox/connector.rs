//! A component that is ready to run.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::Store;

use super::deadline::{in_time, unless_stopped};
use super::digest::ComponentDigest;
use super::engine::{LinkedComponent, LoadError};
use super::host::Host;
use super::observation::observed;
use super::outcome::{Findings, Outcome};
use super::scheduling::CpuBudgets;
use super::store::{State, store};
use super::trap::of_trap;
use crate::attachments::{Captured, Recorder};
use crate::error::{Error, Result};
use crate::imports::bindings::Plugin;
use crate::imports::bindings::exports::connectors::smtp::smtp_connector as wit;
use crate::imports::issues;
use crate::policy::DeliveryState;
use crate::services::{Invocation, Run, of_error, of_failure, of_result};

/// A component that implements the contract. It is cheap to clone, and can run any number of invocations at the same
/// time, each in its own sandbox.
///
/// ```no_run
/// # async fn example() -> smtp_connector_host::Result<()> {
/// use smtp_connector_host::{Connector, Host, Invocation};
///
/// let host = Host::builder().build()?;
/// let connector = Connector::builtin(&host)?;
/// let input = r#"{"from": "a@example.com", "to": "b@example.com", "subject": "Hi", "body": "Hi!"}"#;
/// let outcome = connector.invoke(Invocation::send_mail(input).dry_run()).await?;
/// println!("{}", outcome.as_json());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Connector {
    host: Host,
    linked: LinkedComponent,
    /// The CPU budgets of its runs, by account.
    budgets: Arc<CpuBudgets>,
}

/// The source of a component.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ComponentSource<'a> {
    /// The component that is built into this library.
    Builtin,
    /// A component in memory.
    Bytes(&'a [u8]),
    /// A component in a file.
    File(&'a Path),
}

/// The component that is built into this library.
static BUILTIN: &[u8] = include_bytes!(env!("SMTP_CONNECTOR_COMPONENT"));

impl Connector {
    /// Loads a component from any source. Compiling takes up to a second: load once, and not while a user waits.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, if the bytes are not a valid component, or if the component does
    /// not export the contract or imports an interface that the host does not provide.
    pub fn load(host: &Host, source: ComponentSource<'_>) -> Result<Self> {
        match source {
            ComponentSource::Builtin => Self::builtin(host),
            ComponentSource::Bytes(bytes) => Self::from_bytes(host, bytes),
            ComponentSource::File(path) => Self::from_file(host, path),
        }
    }

    /// Loads the component that is built into this library.
    ///
    /// # Errors
    ///
    /// Returns an error only if wasmtime cannot compile the component on this machine.
    pub fn builtin(host: &Host) -> Result<Self> {
        Self::from_bytes(host, BUILTIN)
    }

    /// Returns the host that the component runs in.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the bytes of the built-in component, for example to inspect it or to run it elsewhere.
    pub fn builtin_bytes() -> &'static [u8] {
        BUILTIN
    }

    /// Loads a component from memory. Compiling takes up to a second: load once, and not while a user waits.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes are not a valid component, or if the component does not export the contract or
    /// imports an interface that the host does not provide.
    pub fn from_bytes(host: &Host, bytes: &[u8]) -> Result<Self> {
        check_layer(bytes)?;
        let linked = host.engines.prepare(bytes).map_err(|error| match error {
            LoadError::Code(reason) => {
                Error::component(format!("the component cannot be compiled: {}", summary(&reason)))
                    .with_hint(HOW_TO_BUILD)
                    .with_source(reason)
            }
            LoadError::Imports(reason) => Error::component(format!(
                "the component imports an interface that this host does not provide: {}",
                summary(&reason)
            ))
            .with_hint(
                "a component may import only connectors:smtp/*, wasi:io, wasi:clocks and wasi:cli",
            )
            .with_source(reason),
            LoadError::Exports(reason) => Error::component(
                "the component does not export connectors:smtp/smtp-connector@0.1.0",
            )
            .with_hint("build it for the world plugin of the package's WIT")
            .with_source(reason),
        })?;
        Ok(Self { host: host.clone(), linked, budgets: Arc::default() })
    }

    /// Loads a component from a file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, and the errors of [`from_bytes`](Self::from_bytes).
    pub fn from_file(host: &Host, path: impl AsRef<Path>) -> Result<Self> {
        Self::from_bytes(host, &read(path.as_ref())?)
    }

    /// Loads a component from memory, if it matches the pinned digest.
    ///
    /// # Errors
    ///
    /// Returns an error if the digest differs, and the errors of [`from_bytes`](Self::from_bytes).
    pub fn from_bytes_pinned(host: &Host, bytes: &[u8], pinned: ComponentDigest) -> Result<Self> {
        pinned.check(bytes)?;
        Self::from_bytes(host, bytes)
    }

    /// Loads a component from a file, if it matches the pinned digest. The file is read only once, so the checked bytes
    /// are the ones that run.
    ///
    /// # Errors
    ///
    /// Returns an error if the digest differs, and the errors of [`from_file`](Self::from_file).
    pub fn from_file_pinned(
        host: &Host,
        path: impl AsRef<Path>,
        pinned: ComponentDigest,
    ) -> Result<Self> {
        Self::from_bytes_pinned(host, &read(path.as_ref())?, pinned)
    }

    /// Returns the component's manifest: JSON that forms can be built from.
    ///
    /// # Errors
    ///
    /// Returns an error if the component traps or exceeds a limit.
    pub async fn describe(&self) -> Result<String> {
        let invocation = Invocation::new("", "");
        let run = self.host.services.run(&invocation, None);
        let nothing = DeliveryState::default();
        let described = self.in_sandbox(run, async |plugin, store| {
            plugin.connectors_smtp_smtp_connector().call_describe(store).await
        });
        let described = in_time(self.host.services.limits(), &nothing, described);
        observed("describe", &invocation, Arc::default(), described).await
    }

    /// Checks an input, without connecting to any server.
    ///
    /// # Errors
    ///
    /// Returns an error if the account cannot be used, or if the component traps or exceeds a limit. An invalid input
    /// is not an error here: the findings report it.
    pub async fn validate(&self, invocation: Invocation) -> Result<Findings> {
        if let Err(issue) = self.host.services.limits().check(&invocation) {
            return Ok(Findings { issues: vec![issue], warnings: Vec::new() });
        }
        let delivery = DeliveryState::default();
        let found = in_time(self.host.services.limits(), &delivery, async {
            let account =
                delivery.waiting_for(ACCOUNT, self.host.services.account(&invocation)).await?;
            let run = self.host.services.run(&invocation, account);
            let Invocation { action, input, keywords, .. } = &invocation;
            self.in_sandbox(run, async |plugin, store| {
                let contract = plugin.connectors_smtp_smtp_connector();
                let keywords = keywords.as_deref().map(String::as_str);
                contract.call_validate(store, action, input, keywords).await
            })
            .await
        });
        let found = observed("validate", &invocation, Arc::default(), found).await?;
        Ok(Findings { issues: issues(found.issues), warnings: issues(found.warnings) })
    }

    /// Runs an action. Dropping the future stops the run, and a message that is not finished is not sent. To learn
    /// whether it was sent, use [`invoke_until`](Self::invoke_until) instead.
    ///
    /// # Errors
    ///
    /// Returns an error if the input is invalid (with every issue), if the account cannot be used, if the server does
    /// not accept the message, or if the component traps, exceeds a limit or breaks the contract.
    pub async fn invoke(&self, invocation: Invocation) -> Result<Outcome> {
        self.invoke_until(invocation, std::future::pending()).await
    }

    /// Runs an action until it is done or `stop` completes. A run that is stopped closes its connection.
    ///
    /// ```no_run
    /// # async fn example(connector: smtp_connector_host::Connector, mail: smtp_connector_host::Invocation) {
    /// use smtp_connector_host::{Delivered, FailureCode};
    ///
    /// let ten_seconds = tokio::time::sleep(std::time::Duration::from_secs(10));
    /// match connector.invoke_until(mail, ten_seconds).await {
    ///     Err(error) if error.code() == FailureCode::Cancelled => match error.delivered() {
    ///         Delivered::Unknown => eprintln!("check whether {:?} arrived", error.message_id()),
    ///         _ => eprintln!("the message was not delivered"),
    ///     },
    ///     _ => {}
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`invoke`](Self::invoke), and [`FailureCode::Cancelled`](crate::FailureCode::Cancelled) if
    /// the run was stopped. [`delivered`](Error::delivered) tells whether the message may have been delivered.
    pub async fn invoke_until(
        &self,
        invocation: Invocation,
        stop: impl Future<Output = ()>,
    ) -> Result<Outcome> {
        let delivery = Arc::<DeliveryState>::default();
        let answer = in_time(self.host.services.limits(), &delivery, async {
            self.host.services.check(&invocation)?;
            let account =
                delivery.waiting_for(ACCOUNT, self.host.services.account(&invocation)).await?;
            let run = self.host.services.sending_run(&invocation, account, &delivery)?;
            let Invocation { action, input, keywords, .. } = &invocation;
            self.in_sandbox(run, async |plugin, store| {
                let contract = plugin.connectors_smtp_smtp_connector();
                let keywords = keywords.as_deref().map(String::as_str);
                let answer = contract.call_invoke(&mut *store, action, input, keywords);
                Ok((answer.await?, store.data().memory_bytes()))
            })
            .await
        });
        let settled = async {
            let answer = answer.await.map_err(|error| of_error(error, &delivery));
            let (answer, memory_bytes) = answer?;
            settle(answer, &delivery).map(|json| Outcome::new(json, memory_bytes))
        };
        let settled = unless_stopped(settled, stop, &delivery);
        observed("invoke", &invocation, Arc::clone(&delivery), settled).await
    }

    /// Reads the attachments that an input names, in a dry run. A mail with them, set by [`Invocation::captured`], is the
    /// same however late it is sent.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`invoke`](Self::invoke) for a dry run: the input is invalid, or an attachment cannot be
    /// read.
    pub async fn capture(&self, invocation: &Invocation) -> Result<Captured> {
        let recorder = Arc::<Recorder>::default();
        self.invoke(invocation.clone().dry_run().recording(Arc::clone(&recorder))).await?;
        Ok(recorder.take())
    }

    /// Runs a call in its own store. The store is dropped after the call.
    async fn in_sandbox<T>(
        &self,
        run: Run,
        call: impl AsyncFnOnce(&Plugin, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T> {
        let Host { engines, scheduler, .. } = &self.host;
        let budget = self.budgets.of(run.account.as_ref().map(|account| account.name()));
        if let Some(turn) = scheduler.admit(&budget, Instant::now()) {
            tokio::time::sleep_until(turn.into()).await;
        }
        let lease = engines.lease(&self.linked);
        let mut store = store(lease.pre.engine(), scheduler, &budget, run);
        let meter = Arc::clone(&store.data().meter);
        let work = async {
            let plugin = lease.pre.instantiate_async(&mut store).await?;
            call(&plugin, &mut store).await
        };
        let outcome = meter.measure(work).await;
        outcome.map_err(|trap| of_trap(trap, &store.data().wasi.printed()))
    }
}

/// Returns the result of an action, corrected with what the host saw.
fn settle(answer: Result<String, wit::InvokeError>, delivery: &DeliveryState) -> Result<String> {
    match answer {
        Ok(json) => of_result(&json, delivery),
        Err(wit::InvokeError::Invalid(told)) => {
            Err(of_error(Error::invalid(issues(told)), delivery))
        }
        Err(wit::InvokeError::Failed(failure)) => Err(of_failure(failure.into(), delivery)),
    }
}

/// The name of the account in the error of a run that is out of time. A run waits for it first.
pub(super) const ACCOUNT: &str = "the account's settings";

const HOW_TO_BUILD: &str =
    "build it for the target wasm32-wasip2, or turn the module into a component with wasm-tools";

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|reason| {
        Error::component(format!("the component {} cannot be read: {reason}", path.display()))
            .with_hint("use a .wasm file that you have permission to read")
    })
}

fn check_layer(bytes: &[u8]) -> Result<()> {
    let fail = |message: &str| Err(Error::component(message).with_hint(HOW_TO_BUILD));
    if bytes.get(..4) != Some(b"\0asm") {
        return fail("this is not a WebAssembly component");
    }
    // A core module has version 1 here, and a component has its layer (component-model, Binary.md).
    if bytes.get(4..8) == Some(&[1, 0, 0, 0]) {
        return fail("this is a WebAssembly module, not a component");
    }
    Ok(())
}

/// Returns the outermost and the innermost error message of wasmtime, on one line.
fn summary(reason: &wasmtime::Error) -> String {
    let outer = reason.to_string();
    let inner = reason.root_cause().to_string();
    let line = if outer == inner { outer } else { format!("{outer}: {inner}") };
    line.replace('\n', " ")
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}
