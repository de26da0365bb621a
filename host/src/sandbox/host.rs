//! The host: what a platform sets up once, and all its connectors share.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Linker;
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::{cli, clocks, random};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi_io::bindings::wasi::io;

use super::engine;
use super::fair_share::FairShare;
use super::invocation::Invocation;
use super::run::{Run, State};
use super::{Allocation, Limits};
use crate::accounts::{Account, Accounts, AccountsInMemory, Usage};
use crate::attachments::{NoUploads, Uploads};
use crate::bindings::Plugin;
use crate::error::{Error, Result};
use crate::imports::{Imports, View};
use crate::network::{Network, SystemNetwork};
use crate::smtp::SmtpTransport;
use crate::transport::{CheckedTransport, NamedRecipients, Progress, Transport};

/// Everything that connectors need of a platform. Cheap to clone, and shared between threads.
///
/// ```
/// use smtp_connector_host::accounts::{Account, AccountsInMemory};
/// use smtp_connector_host::Host;
///
/// let work = Account::builder("work", "smtp.example.com").build()?;
/// let host = Host::builder().accounts(AccountsInMemory::from_iter([work])).build()?;
/// # Ok::<(), smtp_connector_host::Error>(())
/// ```
#[derive(Clone)]
pub struct Host {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
    pub(super) share: Arc<FairShare>,
    pub(super) accounts: Arc<dyn Accounts>,
    pub(super) uploads: Arc<dyn Uploads>,
    pub(super) network: Arc<dyn Network>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) usage: Arc<Usage>,
    pub(super) limits: Limits,
    /// A permit for each run that may go on.
    pub(super) slots: Semaphore,
}

/// Builds a [`Host`].
pub struct HostBuilder {
    accounts: Arc<dyn Accounts>,
    uploads: Arc<dyn Uploads>,
    network: Arc<dyn Network>,
    transport: Arc<dyn Transport>,
    limits: Limits,
    allocation: Allocation,
    cache: Option<PathBuf>,
}

impl Host {
    /// Starts a host: no accounts, no uploads, and SMTP to public servers.
    pub fn builder() -> HostBuilder {
        HostBuilder {
            accounts: Arc::new(AccountsInMemory::default()),
            uploads: Arc::new(NoUploads),
            network: Arc::new(SystemNetwork),
            transport: Arc::new(SmtpTransport::new()),
            limits: Limits::default(),
            allocation: Allocation::default(),
            cache: None,
        }
    }
}

impl Host {
    /// The account that an invocation names.
    pub(crate) async fn account(&self, invocation: &Invocation) -> Result<Option<Arc<Account>>> {
        match &invocation.account {
            Some(name) => self.inner.accounts.account(name).await.map(Some),
            None => Ok(None),
        }
    }

    /// A run that sends nothing.
    pub(super) fn run(&self, invocation: &Invocation, account: Option<Arc<Account>>) -> Run {
        let id = invocation.id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let uploads = Arc::clone(invocation.uploads.as_ref().unwrap_or(&self.inner.uploads));
        let network = Arc::clone(&self.inner.network);
        Run::new(id, invocation.started_at, account, uploads, network, self.inner.limits)
    }

    /// A run that may send one message.
    pub(crate) fn sending_run(
        &self,
        invocation: &Invocation,
        account: Option<Arc<Account>>,
        progress: &Arc<Progress>,
    ) -> Result<Run> {
        let transport = match &account {
            Some(account) if !invocation.dry_run => Some(CheckedTransport {
                inner: Arc::clone(&self.inner.transport),
                account: Arc::clone(account),
                named: NamedRecipients::of(&invocation.input, invocation.keywords.as_deref()),
                permit: self.inner.usage.enter(account)?,
                progress: Arc::clone(progress),
            }),
            _ => None,
        };
        let mut run = self.run(invocation, account);
        run.dry_run = invocation.dry_run;
        run.transport = transport;
        Ok(run)
    }
}

impl HostBuilder {
    /// Where accounts are found.
    #[must_use]
    pub fn accounts(self, accounts: impl Accounts) -> Self {
        Self { accounts: Arc::new(accounts), ..self }
    }

    /// Where uploads are found, in runs that bring none of their own.
    #[must_use]
    pub fn uploads(self, uploads: impl Uploads) -> Self {
        Self { uploads: Arc::new(uploads), ..self }
    }

    /// How hosts of attachments are looked up and connected to, instead of by the system.
    #[must_use]
    pub fn network(self, network: impl Network) -> Self {
        Self { network: Arc::new(network), ..self }
    }

    /// How messages get to their servers.
    #[must_use]
    pub fn transport(self, transport: impl Transport) -> Self {
        Self { transport: Arc::new(transport), ..self }
    }

    /// What a run may take.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Where the memory of runs comes from.
    #[must_use]
    pub fn allocation(self, allocation: Allocation) -> Self {
        Self { allocation, ..self }
    }

    /// Keeps compiled components in a directory, so that the next start need not compile them. Whoever
    /// can write there decides what code runs.
    #[must_use]
    pub fn cache_directory(self, directory: impl Into<PathBuf>) -> Self {
        Self { cache: Some(directory.into()), ..self }
    }

    /// Builds the host.
    ///
    /// # Errors
    ///
    /// A machine that the sandbox cannot run on.
    pub fn build(self) -> Result<Host> {
        let engine = engine::build(self.cache.as_deref(), self.allocation, &self.limits)?;
        let linker = link(&engine).map_err(|reason| {
            Error::component("the sandbox cannot be set up").with_source(reason)
        })?;
        let inner = Inner {
            engine,
            linker,
            share: Arc::new(FairShare::of_this_machine()),
            usage: Arc::default(),
            accounts: self.accounts,
            uploads: self.uploads,
            network: self.network,
            transport: self.transport,
            limits: self.limits,
            slots: Semaphore::new(self.allocation.runs()),
        };
        Ok(Host { inner: Arc::new(inner) })
    }
}

/// All that a component may import: the contract's own interfaces, and those of WASI that Rust's standard
/// library starts and panics with. No file system, no sockets, no HTTP.
fn link(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    Plugin::add_to_linker::<_, Imports>(l, |state: &mut State| View {
        table: &mut state.table,
        run: &state.run,
    })?;
    io::error::add_to_linker::<_, Io>(l, |state: &mut State| state.ctx().table)?;
    io::poll::add_to_linker::<_, Io>(l, |state: &mut State| state.ctx().table)?;
    io::streams::add_to_linker::<_, Io>(l, |state: &mut State| state.ctx().table)?;
    clocks::wall_clock::add_to_linker::<_, WasiClocks>(l, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(l, State::clocks)?;
    // Hash tables ask for a seed; it is always the same.
    random::insecure_seed::add_to_linker::<_, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    cli::environment::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::exit::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, State::cli)?;
    Ok(linker)
}

/// Stands for the table of a run's resources, where wasmtime-wasi-io asks for a type without a lifetime.
struct Io;

impl wasmtime::component::HasData for Io {
    type Data<'a> = &'a mut wasmtime::component::ResourceTable;
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("limits", &self.inner.limits).finish_non_exhaustive()
    }
}

impl fmt::Debug for HostBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostBuilder")
            .field("limits", &self.limits)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}
