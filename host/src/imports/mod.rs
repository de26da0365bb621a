//! The functions that a component imports. They convert between the contract and the library, and make no decisions.

mod account;
mod attachments;
pub(crate) mod bindings;
mod failure;
mod invocation;
mod transport;

use wasmtime::component::{HasData, ResourceTable};

pub(crate) use failure::{Failed, Stopped, issues};

use crate::services::Run;

/// The part of a run that its imports can access.
pub(crate) struct View<'a> {
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) run: &'a Run,
}

/// A stand-in for [`View`] where wasmtime needs a type without a lifetime.
pub(crate) struct Imports;

impl HasData for Imports {
    type Data<'a> = View<'a>;
}

impl View<'_> {
    /// Counts a call to the host. Beyond the limit, returns an error that stops the component.
    fn count_call(&self) -> wasmtime::Result<()> {
        self.run.count_call().map_err(wasmtime::Error::new)
    }
}
