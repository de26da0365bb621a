//! For those who own a wasmtime `Store` and `Linker`: the contract's imports, to be added to theirs.
//!
//! [`Connector`](crate::Connector) is all that most need; with it, limits on memory, time and calls come of
//! themselves. Here they are the embedder's, apart from what a run counts itself: calls, attachments, one
//! message. It is the only module in which types of wasmtime are public.
//!
//! ```no_run
//! # async fn example(engine: wasmtime::Engine, component: wasmtime::component::Component) -> Result<(), Box<dyn std::error::Error>> {
//! use smtp_connector_host::linker::{Context, ContextView, SmtpView, add_to_linker};
//! use smtp_connector_host::{Invocation, Services};
//! use wasmtime::component::{Linker, ResourceTable};
//!
//! struct State {
//!     context: Context,
//!     table: ResourceTable,
//! }
//!
//! impl SmtpView for State {
//!     fn smtp(&mut self) -> ContextView<'_> {
//!         ContextView { context: &mut self.context, table: &mut self.table }
//!     }
//! }
//!
//! let services = Services::builder().build();
//! let mut linker = Linker::<State>::new(&engine);
//! add_to_linker(&mut linker)?;
//!
//! let context = services.context(&Invocation::send_mail("{}").account("work")).await?;
//! let state = State { context, table: ResourceTable::new() };
//! let mut store = wasmtime::Store::new(&engine, state);
//! let instance = linker.instantiate_async(&mut store, &component).await?;
//! # Ok(()) }
//! ```

use std::fmt;
use std::sync::Arc;

use wasmtime::component::{Linker, ResourceTable};

use crate::error::Result;
use crate::imports::bindings::Plugin;
use crate::imports::{Imports, View};
use crate::policy::Progress;
use crate::services::{Invocation, Run, Services, of_result};

/// What one run may see and do. A store has one for its whole life, and serves one invocation.
pub struct Context {
    run: Run,
    progress: Arc<Progress>,
}

/// What the imports need of a store.
#[derive(Debug)]
pub struct ContextView<'a> {
    /// The run.
    pub context: &'a mut Context,
    /// The store's resources. Its capacity bounds the attachments that are open at a time.
    pub table: &'a mut ResourceTable,
}

/// A store's data in which the imports find what they need.
pub trait SmtpView: Send {
    /// Lends it to them.
    fn smtp(&mut self) -> ContextView<'_>;
}

/// Adds the interfaces of `connectors:smtp` that a component may import. Those of WASI, which the built-in
/// component needs too, are the embedder's to add: an empty context is enough for it.
///
/// # Errors
///
/// A linker that has them already.
pub fn add_to_linker<T: SmtpView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    Plugin::add_to_linker::<_, Imports>(linker, |state: &mut T| {
        let ContextView { context, table } = state.smtp();
        View { table, run: &context.run }
    })
}

impl Services {
    /// What a store of your own needs to call `describe` or `validate`: with it, a component opens nothing and sends
    /// nothing.
    ///
    /// # Errors
    ///
    /// An input that is too large; an account that cannot be used.
    pub async fn checking_context(&self, invocation: &Invocation) -> Result<Context> {
        self.check(invocation)?;
        let account = self.account(invocation).await?;
        Ok(Context { run: self.run(invocation, account), progress: Arc::default() })
    }

    /// What a store of your own needs to call `invoke`.
    ///
    /// # Errors
    ///
    /// An input that is too large; an account that cannot be used, or may have no more runs.
    pub async fn context(&self, invocation: &Invocation) -> Result<Context> {
        let progress = Arc::<Progress>::default();
        self.check(invocation)?;
        let account = self.account(invocation).await?;
        let run = self.sending_run(invocation, account, &progress)?;
        Ok(Context { run, progress })
    }
}

impl Context {
    /// Whether the server took the run's message: what the component says of it is only hearsay.
    pub fn was_sent(&self) -> bool {
        self.progress.was_sent()
    }

    /// The result of `invoke`, with what this host saw of sending in the place of what the component says of it.
    ///
    /// # Errors
    ///
    /// A result that is not one, or that tells of a message where there was none.
    pub fn result(&self, told: &str) -> Result<String> {
        of_result(told, &self.progress)
    }

    /// Whether the server may have the run's message. While it may, nothing should send it again.
    pub fn may_have_been_sent(&self) -> bool {
        self.progress.may_have_been_sent()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("progress", &self.progress).finish_non_exhaustive()
    }
}
