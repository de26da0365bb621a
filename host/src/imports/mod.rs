//! What a component may ask of its host: translates between the contract and the library, decides nothing.

mod account;
mod attachments;
pub(crate) mod bindings;
mod failure;
mod invocation;
mod transport;

use wasmtime::component::{HasData, ResourceTable};

pub(crate) use failure::{Failed, Stopped, issues};

use crate::services::Run;

/// The part of a run that its imports may touch.
pub(crate) struct View<'a> {
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) run: &'a Run,
}

/// Stands for [`View`] where wasmtime asks for a type without a lifetime.
pub(crate) struct Imports;

impl HasData for Imports {
    type Data<'a> = View<'a>;
}

impl View<'_> {
    /// Counts a call; a component that calls without end is stopped.
    fn count_call(&self) -> wasmtime::Result<()> {
        self.run.count_call().map_err(wasmtime::Error::new)
    }
}
