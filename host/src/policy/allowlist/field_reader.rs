//! Reads the texts of one kind of field: the literal ones, and those from keywords.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::computed::Computation;
use super::keywords::Keywords;
use super::template::whole_placeholder;
use super::texts::{Keys, texts, texts_within};
use super::{Budget, OverBudget, check_placeholders};

/// A reader of the texts of one kind of field.
pub(super) trait ReadTexts: Default {
    /// The result of the reader.
    type Found;
    /// The members of objects that are read.
    const KEYS: Keys;

    /// Reads a text without placeholders.
    fn read_text(&mut self, text: &str) -> Result<(), OverBudget>;

    /// Notes the possible values of a placeholder that the host does not compute.
    fn note_computed(
        &mut self,
        computation: &Computation<'_>,
        budget: &mut Budget,
    ) -> Result<(), OverBudget>;

    /// Reads a text in which the host filled the placeholders that it can.
    fn read_filled(&mut self, _filled: &str) -> Result<(), OverBudget> {
        Ok(())
    }

    /// Returns everything that was found.
    fn finish(self) -> Self::Found;
}

/// Reads the fields of one kind.
pub(super) struct FieldReader<R> {
    reader: R,
    has_keywords: bool,
    /// Texts with placeholders. They are read once the keywords are known.
    templates: Vec<String>,
    /// The first limit that was exceeded. Reading stops there.
    is_over: Option<OverBudget>,
}

impl<R: ReadTexts> FieldReader<R> {
    /// Creates a reader. Without keywords, braces are ordinary text.
    pub(super) fn new(has_keywords: bool) -> Self {
        Self { reader: R::default(), has_keywords, templates: Vec::new(), is_over: None }
    }

    /// Reads the value of a field.
    pub(super) fn read_field(&mut self, value: &RawValue) {
        texts(value, R::KEYS, &mut |text| match self.has_keywords && text.contains("{{") {
            true => self.keep_template(text),
            false => self.read_text(text),
        });
    }

    /// Returns the texts with placeholders.
    pub(super) fn templates(&self) -> impl Iterator<Item = &str> {
        self.templates.iter().map(String::as_str)
    }

    /// Reads the texts with placeholders, with the values of their keywords.
    pub(super) fn read_templates(
        &mut self,
        keywords: &Keywords<'_>,
        budget: &mut Budget,
    ) -> Result<(), OverBudget> {
        let mut known = HashSet::new();
        for template in &std::mem::take(&mut self.templates) {
            if let Some(expression) = whole_placeholder(template)
                && let Some(values) = keywords.values(expression)
            {
                if known.insert(expression.to_owned()) {
                    for value in values {
                        texts(value, R::KEYS, &mut |text| self.read_text(text));
                    }
                }
                continue;
            }
            let filled = keywords.fill(template, budget, |expression, budget| {
                let computation = Computation { template, expression, keywords };
                self.reader.note_computed(&computation, budget)
            })?;
            self.reader.read_filled(&filled)?;
            texts_within(&filled, R::KEYS, &mut |text| self.read_text(text));
        }
        Ok(())
    }

    /// Returns everything that was found.
    pub(super) fn finish(self) -> Result<R::Found, OverBudget> {
        match self.is_over {
            None => Ok(self.reader.finish()),
            Some(over) => Err(over),
        }
    }

    fn read_text(&mut self, text: &str) {
        if self.is_over.is_none() {
            self.is_over = self.reader.read_text(text).err();
        }
    }

    fn keep_template(&mut self, text: &str) {
        match check_placeholders(self.templates.len()) {
            Ok(()) => self.templates.push(text.to_owned()),
            Err(over) => self.is_over = Some(over),
        }
    }
}
