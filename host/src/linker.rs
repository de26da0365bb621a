//! The contract's imports, for programs that manage their own wasmtime `Store` and `Linker`.
//!
//! Most programs only need [`Connector`](crate::Connector), which limits memory, time and calls. Here you set these
//! limits yourself, except those that a run counts: calls, attachments and one message. This is the only module with
//! public types of wasmtime.
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

/// The context of one run: what it may see and do. A store has one context, and serves one invocation.
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

/// The parts of a store that the imports use.
#[derive(Debug)]
pub struct SmtpCtxView<'a> {
    /// The context of the run.
    pub ctx: &'a mut SmtpCtx,
    /// The store's resources. The table's capacity limits the attachments that are open at the same time.
    pub table: &'a mut ResourceTable,
}

/// The data of a store with an [`SmtpCtx`].
pub trait SmtpView: Send {
    /// Returns the parts that the imports use.
    fn smtp(&mut self) -> SmtpCtxView<'_>;
}

/// Adds the interfaces of `connectors:smtp` that a component may import.
///
/// The built-in component needs the interfaces of WASI too, which you add yourself. An empty WASI context is enough.
///
/// # Errors
///
/// Returns an error if the linker already has these interfaces.
pub fn add_to_linker<T: SmtpView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    Plugin::add_to_linker::<_, Imports>(linker, |state: &mut T| {
        let SmtpCtxView { ctx, table } = state.smtp();
        View { table, run: &ctx.run }
    })
}

impl SmtpCtx {
    /// Returns a builder for the context of one run.
    pub fn builder(services: &Services) -> SmtpCtxBuilder<'_> {
        SmtpCtxBuilder { services, may_send: true }
    }

    /// Reports whether the server accepted the run's message, whatever the component says.
    pub fn was_sent(&self) -> bool {
        self.delivery.was_sent()
    }

    /// Returns the result of `invoke`. What this host observed about sending replaces the component's claims.
    ///
    /// # Errors
    ///
    /// Returns an error if the result is not valid, or if it reports a message that was not sent.
    pub fn result(&self, told: &str) -> Result<String> {
        of_result(told, &self.delivery)
    }

    /// Reports whether the server may have the run's message. If so, do not send it again.
    pub fn may_have_been_sent(&self) -> bool {
        self.delivery.may_have_been_sent()
    }
}

impl SmtpCtxBuilder<'_> {
    /// Prevents the component from opening attachments and sending, for `describe` and `validate`.
    pub fn checking_only(self) -> Self {
        Self { may_send: false, ..self }
    }

    /// Finds the account, and builds the context.
    ///
    /// # Errors
    ///
    /// Returns an error if the input is too large, if the account cannot be used, or if it has too many runs.
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
