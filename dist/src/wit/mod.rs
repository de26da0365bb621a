//! The contract as data.

mod bindings;
mod page;

use std::error::Error;
use std::path::Path;

use wit_component::{OutputToString, WitPrinter};
use wit_parser::{Interface, Package, PackageId, Resolve, World};

use crate::repository;

/// A version of the contract.
pub struct Contract {
    pub(crate) resolve: Resolve,
    pub(crate) id: PackageId,
}

impl Contract {
    /// The version in the tree.
    ///
    /// # Errors
    ///
    /// A WIT that is none, with the place of the mistake.
    pub fn current() -> Result<Self, Box<dyn Error>> {
        Self::read(&repository().join("wit/smtp-connector.wit"))
    }

    /// The version in a file.
    ///
    /// # Errors
    ///
    /// A WIT that is none, with the place of the mistake.
    pub fn read(file: &Path) -> Result<Self, Box<dyn Error>> {
        let mut resolve = Resolve::default();
        let id = resolve.push_path(file)?.0;
        Ok(Self { resolve, id })
    }

    /// The package as registries take it.
    ///
    /// # Errors
    ///
    /// None that a contract which was read could cause.
    pub fn package(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        Ok(wit_component::encode(&self.resolve, self.id)?)
    }

    /// The text without its comments: what two versions have to agree on.
    ///
    /// # Errors
    ///
    /// None that a contract which was read could cause.
    pub fn without_comments(&self) -> Result<String, Box<dyn Error>> {
        let mut printer = WitPrinter::new(OutputToString::default());
        printer.emit_docs(false);
        printer.print(&self.resolve, self.id, &[])?;
        Ok(printer.output.to_string())
    }

    /// The version's number.
    pub fn version(&self) -> String {
        let version = self.main().name.version.as_ref();
        version.map_or_else(String::new, ToString::to_string)
    }

    /// The page for people, in Markdown.
    pub fn page(&self) -> String {
        page::write(self)
    }

    /// The bindings of the component, in Rust.
    ///
    /// # Errors
    ///
    /// None that a contract which was read could cause.
    pub fn bindings(self) -> Result<String, Box<dyn Error>> {
        bindings::write(self)
    }

    pub(crate) fn main(&self) -> &Package {
        &self.resolve.packages[self.id]
    }

    pub(crate) fn worlds(&self) -> impl Iterator<Item = &World> {
        self.main().worlds.values().map(|id| &self.resolve.worlds[*id])
    }

    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.main().interfaces.values().map(|id| &self.resolve.interfaces[*id])
    }
}
