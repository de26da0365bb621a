//! `docs/wit.md`: the doc comments of the contract, in its order.

use std::fmt::Write as _;

use wit_component::{OutputToString, WitPrinter};
use wit_parser::{Docs, Function, FunctionKind, Interface, Type, TypeDef, TypeDefKind, World};

use super::Contract;

pub(super) fn write(contract: &Contract) -> String {
    let page = Page { contract, text: String::new() };
    page.write()
}

struct Page<'c> {
    contract: &'c Contract,
    text: String,
}

/// A row of a table: the name, the type if it has one, and the documentation.
type Row<'r> = (&'r str, Option<String>, &'r Docs);

impl Page<'_> {
    fn write(mut self) -> String {
        let contract = self.contract;
        let package = contract.main();
        self.block(&format!("# The contract {}", package.name));
        self.block(
            "<!-- Made from wit/smtp-connector.wit by: cargo run --package smtp-connector-dist -- --wit -->",
        );
        self.docs(&package.docs);
        for world in contract.worlds() {
            self.world(world);
        }
        for interface in contract.interfaces() {
            self.interface(interface);
        }
        self.text.truncate(self.text.trim_end().len());
        self.text + "\n"
    }

    fn world(&mut self, world: &World) {
        self.block(&format!("## World `{}`", world.name));
        self.docs(&world.docs);
        for (direction, items) in [("imports", &world.imports), ("exports", &world.exports)] {
            let names = items.keys().map(|key| self.contract.resolve.name_world_key(key));
            let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            let _ = writeln!(self.text, "- {direction} {}", names.join(", "));
        }
        self.text.push('\n');
    }

    fn interface(&mut self, interface: &Interface) {
        self.block(&format!("## Interface `{}`", interface.name.as_deref().unwrap_or_default()));
        self.docs(&interface.docs);
        let types = interface.types.values().map(|id| &self.contract.resolve.types[*id]);
        for definition in types {
            self.definition(definition, interface);
        }
        for function in interface.functions.values() {
            if matches!(function.kind, FunctionKind::Freestanding) {
                self.function(function);
            }
        }
    }

    fn definition(&mut self, definition: &TypeDef, interface: &Interface) {
        let name = definition.name.as_deref().unwrap_or_default();
        // An alias of a type in another interface, which is documented there.
        if matches!(definition.kind, TypeDefKind::Type(Type::Id(_))) {
            return;
        }
        self.block(&format!("### {} `{name}`", definition.kind.as_str()));
        self.docs(&definition.docs);
        let rows = self.rows(&definition.kind);
        if !rows.is_empty() {
            self.table(rows);
        }
        for function in interface.functions.values() {
            if self.owner(function) == Some(name) {
                self.function(function);
            }
        }
    }

    /// Returns the fields or cases of a type.
    fn rows<'k>(&self, kind: &'k TypeDefKind) -> Vec<Row<'k>> {
        let named = |ty: &Type| self.type_name(ty);
        match kind {
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter();
                fields.map(|field| (&*field.name, Some(named(&field.ty)), &field.docs)).collect()
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter();
                cases.map(|case| (&*case.name, case.ty.as_ref().map(named), &case.docs)).collect()
            }
            TypeDefKind::Enum(names) => {
                names.cases.iter().map(|case| (&*case.name, None, &case.docs)).collect()
            }
            TypeDefKind::Flags(flags) => {
                flags.flags.iter().map(|flag| (&*flag.name, None, &flag.docs)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns the resource that a function belongs to.
    fn owner(&self, function: &Function) -> Option<&str> {
        let resource = function.kind.resource()?;
        self.contract.resolve.types[resource].name.as_deref()
    }

    fn function(&mut self, function: &Function) {
        let parameters: Vec<_> = function
            .params
            .iter()
            .filter(|parameter| parameter.name != "self")
            .map(|parameter| format!("{}: {}", parameter.name, self.type_name(&parameter.ty)))
            .collect();
        let returned = function.result.map(|ty| format!(" -> {}", self.type_name(&ty)));
        let kind =
            if matches!(function.kind, FunctionKind::Static(_)) { "static func" } else { "func" };
        let owner = self.owner(function).map_or_else(String::new, |owner| format!("{owner}."));
        let signature =
            format!("{kind}({}){}", parameters.join(", "), returned.unwrap_or_default());
        self.block(&format!("#### `{owner}{}: {signature}`", function.item_name()));
        self.docs(&function.docs);
    }

    fn table(&mut self, rows: Vec<Row<'_>>) {
        let has_types = rows.iter().any(|(_, ty, _)| ty.is_some());
        self.text.push_str(if has_types {
            "| | type | |\n|---|---|---|\n"
        } else {
            "| | |\n|---|---|\n"
        });
        for (name, ty, docs) in rows {
            let meaning = docs.contents.as_deref().unwrap_or_default().replace('\n', " ");
            let ty = ty.map_or_else(String::new, |ty| format!("`{ty}`"));
            let ty = if has_types { format!(" {ty} |") } else { String::new() };
            let _ = writeln!(self.text, "| `{name}` |{ty} {meaning} |");
        }
        self.text.push('\n');
    }

    fn docs(&mut self, docs: &Docs) {
        if let Some(text) = &docs.contents {
            self.block(text.trim());
        }
    }

    fn block(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push_str("\n\n");
    }

    fn type_name(&self, ty: &Type) -> String {
        let mut printer = WitPrinter::new(OutputToString::default());
        // This fails only for a type that is not resolved.
        let _ = printer.print_type_name(&self.contract.resolve, ty);
        printer.output.to_string()
    }
}
