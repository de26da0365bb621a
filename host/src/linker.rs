//! For those who own a wasmtime `Store` and `Linker`: the contract's imports, to be added to theirs.
//!
//! [`Connector`](crate::Connector) is all that most need; with it, limits on memory, time and calls come of
//! themselves. Here they are the embedder's, apart from what a run counts itself: calls, attachments, one
//! message. It is the only module in which types of wasmtime are public.
//!
//! ```no_run
//! # async fn example(engine: wasmtime::Engine, component: wasmtime::component::Component) -> Result<(), Box<dyn std::error::Error>> {
//! use smtp_connector_host::linker::wasmtime::component::{Linker, ResourceTable};
//! use smtp_connector_host::linker::{SmtpCtx, SmtpCtxView, SmtpView, add_to_linker};
//! use smtp_connector_host::{Invocation, Services};
//!
//! struct State {
//!     ctx: SmtpCtx,
//!     table: ResourceTable,
//! }
//!
//! impl SmtpView for State {
//!     fn smtp(&mut self) -> SmtpCtxView<'_> {
//!         SmtpCtxView { ctx: &mut self.ctx, table: &mut self.table }
//!     }
//! }
//!
//! let services = Services::builder().build();
//! let mut linker = Linker::<State>::new(&engine);
//! add_to_linker(&mut linker)?;
//!
//! let ctx = SmtpCtx::builder(&services).build(&Invocation::send_mail("{}").account("work")).await?;
//! let state = State { ctx, table: ResourceTable::new() };
//! let mut store = wasmtime::Store::new(&engine, state);
//! let instance = linker.instantiate_async(&mut store, &component).await?;
//! # Ok(()) }
//! ```

use std::fmt;
use std::sync::Arc;

pub use wasmtime;
use wasmtime::component::{Linker, ResourceTable};

use crate::error::Result;
use crate::imports::bindings::Plugin;
use crate::imports::{Imports, View};
use crate::policy::DeliveryState;
use crate::services::{Invocation, Run, Services, of_result};

/// What one run may see and do. A store has one for its whole life, and serves one invocation.
pub struct SmtpCtx {
    run: Run,
    delivery: Arc<DeliveryState>,
}

/// Builds an [`SmtpCtx`].
#[derive(Debug)]
#[must_use]
pub struct SmtpCtxBuilder<'s> {
    services: &'s Services,
    may_send: bool,
}

/// What the imports need of a store.
#[derive(Debug)]
pub struct SmtpCtxView<'a> {
    /// The run.
    pub ctx: &'a mut SmtpCtx,
    /// The store's resources. Its capacity bounds the attachments that are open at a time.
    pub table: &'a mut ResourceTable,
}

/// A store's data in which the imports find what they need.
pub trait SmtpView: Send {
    /// Lends it to them.
    fn smtp(&mut self) -> SmtpCtxView<'_>;
}

/// Adds the interfaces of `connectors:smtp` that a component may import. Those of WASI, which the built-in
/// component needs too, are the embedder's to add: an empty context is enough for it.
///
/// # Errors
///
/// A linker that has them already.
pub fn add_to_linker<T: SmtpView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    Plugin::add_to_linker::<_, Imports>(linker, |state: &mut T| {
        let SmtpCtxView { ctx, table } = state.smtp();
        View { table, run: &ctx.run }
    })
}

impl SmtpCtx {
    /// Starts the context of one run.
    pub fn builder(services: &Services) -> SmtpCtxBuilder<'_> {
        SmtpCtxBuilder { services, may_send: true }
    }

    /// Whether the server took the run's message: whatever the component says.
    pub fn was_sent(&self) -> bool {
        self.delivery.was_sent()
    }

    /// The result of `invoke`, with what this host saw of sending in the place of what the component says of it.
    ///
    /// # Errors
    ///
    /// A result that is not one, or that tells of a message where there was none.
    pub fn result(&self, told: &str) -> Result<String> {
        of_result(told, &self.delivery)
    }

    /// Whether the server may have the run's message. While it may, nothing should send it again.
    pub fn may_have_been_sent(&self) -> bool {
        self.delivery.may_have_been_sent()
    }
}

impl SmtpCtxBuilder<'_> {
    /// For `describe` and `validate`: the component opens nothing and sends nothing.
    pub fn checking_only(self) -> Self {
        Self { may_send: false, ..self }
    }

    /// Finds the account, and builds the context.
    ///
    /// # Errors
    ///
    /// An input that is too large; an account that cannot be used, or may have no more runs.
    pub async fn build(self, invocation: &Invocation) -> Result<SmtpCtx> {
        let delivery = Arc::<DeliveryState>::default();
        self.services.check(invocation)?;
        let account = self.services.account(invocation).await?;
        let run = match self.may_send {
            true => self.services.sending_run(invocation, account, &delivery)?,
            false => self.services.run(invocation, account),
        };
        Ok(SmtpCtx { run, delivery })
    }
}

impl fmt::Debug for SmtpCtx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpCtx").field("delivery", &self.delivery).finish_non_exhaustive()
    }
}
