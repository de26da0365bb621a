//! The texts of one kind of field: those that stand there, and those that keywords bring.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::computed::Computation;
use super::keywords::Keywords;
use super::template::whole_placeholder;
use super::texts::{Keys, texts, texts_within};
use super::{Budget, OverBudget, check_placeholders};

/// What is made of the texts of a kind of field.
pub(super) trait ReadTexts: Default {
    /// What was found in the end.
    type Found;
    /// The members of objects that are looked at.
    const KEYS: Keys;

    /// Reads a text without placeholders.
    fn read_text(&mut self, text: &str) -> Result<(), OverBudget>;

    /// Notes what a placeholder may become that the host does not compute.
    fn note_computed(
        &mut self,
        computation: &Computation<'_>,
        budget: &mut Budget,
    ) -> Result<(), OverBudget>;

    /// Reads a text whose placeholders were filled as far as the host can.
    fn read_filled(&mut self, _filled: &str) -> Result<(), OverBudget> {
        Ok(())
    }

    /// Everything that was found.
    fn finish(self) -> Self::Found;
}

/// Reads the fields of one kind.
pub(super) struct FieldReader<R> {
    reader: R,
    has_keywords: bool,
    /// Texts with placeholders, which wait for the keywords.
    templates: Vec<String>,
    /// The first thing that was too much. Nothing is read after it.
    is_over: Option<OverBudget>,
}

impl<R: ReadTexts> FieldReader<R> {
    /// Nothing is read yet. Without keywords, braces are ordinary text.
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

    /// The texts that wait for the keywords.
    pub(super) fn templates(&self) -> impl Iterator<Item = &str> {
        self.templates.iter().map(String::as_str)
    }

    /// Reads the texts that have waited, with what their placeholders stand for.
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

    /// Everything that was found.
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
