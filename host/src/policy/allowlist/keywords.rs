//! The values of the keywords in an input's placeholders, found in one pass.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;

use super::template::{Piece, names, paths, pieces, steps};
use super::texts::{bare, items, members};
use super::{Budget, OverBudget, check_placeholders};

/// The values of the placeholders of a set of texts.
#[derive(Default)]
pub(super) struct Keywords<'k> {
    /// By expression.
    values: HashMap<String, Vec<&'k RawValue>>,
    /// The sources of computed expressions, by the name of the keyword.
    sources: HashMap<String, &'k RawValue>,
    /// The same for names of more than one word, such as `First Name`.
    long_names: Vec<(String, &'k RawValue)>,
}

/// The most keywords with names of more than one word that are looked up in computed expressions. Each takes a search,
/// and forms have fewer.
const MAX_CHECKS: usize = 100;

/// The longest expression. Names, and expressions that people write, are shorter.
const LONGEST_EXPRESSION: usize = 1024;
/// The stand-in for a text that the host does not compute. U+FFFF is a noncharacter, so it does not occur in texts.
pub(super) const UNKNOWN: char = '\u{ffff}';

/// A node in the tree of the steps to the values to find.
#[derive(Default)]
struct Node {
    /// The expressions whose value is here.
    expressions: Vec<String>,
    below: HashMap<String, Node>,
}

impl<'k> Keywords<'k> {
    /// Finds the values of the placeholders in these texts.
    pub(super) fn find<'t>(
        keywords: &'k str,
        templates: impl Iterator<Item = &'t str>,
    ) -> Result<Self, OverBudget> {
        let mut root = Node::default();
        let mut computed = HashSet::new();
        let mut expressions = Vec::new();
        let mut known = HashSet::new();
        for piece in templates.flat_map(pieces) {
            let Piece::Expression(expression) = piece else { continue };
            if expression.len() > LONGEST_EXPRESSION || !known.insert(expression) {
                continue;
            }
            check_placeholders(known.len())?;
            // A keyword can have any name: `First Name` is a name, if there is such a keyword.
            for path in paths(expression) {
                root.insert(&path, expression);
            }
            if steps(expression).is_none() {
                computed.extend(names(expression));
                expressions.push(expression);
            }
        }
        let mut found = Self::default();
        let mut checks = MAX_CHECKS;
        members(bare(keywords), |name, value| {
            if computed.contains(name) {
                found.sources.insert(name.to_owned(), value);
            } else if checks > 0 && names(name).next().is_some_and(|word| computed.contains(word)) {
                checks -= 1;
                if expressions.iter().any(|expression| expression.contains(name)) {
                    found.long_names.push((name.to_owned(), value));
                }
            }
            if let Some(node) = root.below.get(name) {
                found.visit(node, value);
            }
        });
        Ok(found)
    }

    /// Returns the values of an expression. Returns `None` if it is computed, or has no value.
    pub(super) fn values(&self, expression: &str) -> Option<&[&'k RawValue]> {
        self.values.get(expression).map(Vec::as_slice)
    }

    /// Returns the values that a computed expression may be made of.
    pub(super) fn sources(&self, expression: &str) -> impl Iterator<Item = &'k RawValue> {
        let is_there = |(name, value): &(String, &'k RawValue)| {
            expression.contains(name.as_str()).then_some(*value)
        };
        let long_names = self.long_names.iter().filter_map(is_there);
        names(expression).filter_map(|name| self.sources.get(name).copied()).chain(long_names)
    }

    /// Fills in the keywords of a template. Each computed expression becomes [`UNKNOWN`], and is passed to `compute`.
    pub(super) fn fill(
        &self,
        template: &str,
        budget: &mut Budget,
        mut compute: impl FnMut(&str, &mut Budget) -> Result<(), OverBudget>,
    ) -> Result<String, OverBudget> {
        let mut filled = String::new();
        for piece in pieces(template) {
            let expression = match piece {
                Piece::Literal(text) => {
                    filled.push_str(text);
                    continue;
                }
                Piece::Expression(expression) => expression,
            };
            match self.values(expression) {
                Some(values) => {
                    for value in values {
                        budget.take(value.get().len())?;
                        push_scalar(value, &mut filled);
                    }
                }
                // The keyword is missing. The component reports that.
                None if steps(expression).is_some() => {}
                None => {
                    filled.push(UNKNOWN);
                    compute(expression, budget)?;
                }
            }
        }
        Ok(filled)
    }

    fn visit(&mut self, node: &Node, value: &'k RawValue) {
        for expression in &node.expressions {
            self.values.entry(expression.clone()).or_default().push(value);
        }
        if node.below.is_empty() {
            return;
        }
        members(value.get(), |name, value| {
            if let Some(node) = node.below.get(name) {
                self.visit(node, value);
            }
        });
        items(value.get(), |number, value| {
            if let Some(node) = node.below.get(&number.to_string()) {
                self.visit(node, value);
            }
        });
    }
}

/// Appends a text, a number or a boolean. Arrays and objects are left out of texts.
fn push_scalar(value: &RawValue, filled: &mut String) {
    match value.get().as_bytes().first() {
        Some(b'"') => {
            let text = serde_json::from_str::<String>(value.get()).unwrap_or_default();
            filled.push_str(&text);
        }
        Some(b'{' | b'[' | b'n') | None => {}
        Some(_) => filled.push_str(number(value.get())),
    }
}

/// Returns a number as the component writes it: `4` for `4.0`.
fn number(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|zero| zero == b'0') => {
            whole
        }
        _ => text,
    }
}

impl Node {
    fn insert(&mut self, steps: &[Cow<'_, str>], expression: &str) {
        match steps {
            [] => self.expressions.push(expression.to_owned()),
            [first, rest @ ..] => {
                let below = self.below.entry(first.clone().into_owned()).or_default();
                below.insert(rest, expression);
            }
        }
    }
}
