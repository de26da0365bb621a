//! The contract, parsed from WIT.

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
    /// Reads the current version from the repository.
    ///
    /// # Errors
    ///
    /// Returns an error with the position of the mistake if the file is not valid WIT.
    pub fn current() -> Result<Self, Box<dyn Error>> {
        Self::read(&repository().join("wit/smtp-connector.wit"))
    }

    /// Reads a version from a file.
    ///
    /// # Errors
    ///
    /// Returns an error with the position of the mistake if the file is not valid WIT.
    pub fn read(file: &Path) -> Result<Self, Box<dyn Error>> {
        let mut resolve = Resolve::default();
        let id = resolve.push_path(file)?.0;
        Ok(Self { resolve, id })
    }

    /// Returns the package in the binary format of registries.
    ///
    /// # Errors
    ///
    /// Does not fail for a contract that was read successfully.
    pub fn package(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        Ok(wit_component::encode(&self.resolve, self.id)?)
    }

    /// Returns the text without comments, which must not change within a version.
    ///
    /// # Errors
    ///
    /// Does not fail for a contract that was read successfully.
    pub fn without_comments(&self) -> Result<String, Box<dyn Error>> {
        let mut printer = WitPrinter::new(OutputToString::default());
        printer.emit_docs(false);
        printer.print(&self.resolve, self.id, &[])?;
        Ok(printer.output.to_string())
    }

    /// Returns the version number.
    pub fn version(&self) -> String {
        let version = self.main().name.version.as_ref();
        version.map_or_else(String::new, ToString::to_string)
    }

    /// Returns the documentation page in Markdown.
    pub fn page(&self) -> String {
        page::write(self)
    }

    /// Returns the Rust bindings for the component.
    ///
    /// # Errors
    ///
    /// Does not fail for a contract that was read successfully.
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
