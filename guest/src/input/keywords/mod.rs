//! Keywords: the values of placeholders such as `{{customer.email}}` in the fields.
//!
//! The template engine is minijinja, which implements Jinja. In the subject and the bodies, templates may loop and
//! branch. In the other fields only `{{...}}` is special, so that a file can be named `50{%.pdf`. Without keywords,
//! braces are ordinary text in every field.

mod address_text;
mod calendar_text;
mod filled;
mod html_text;
mod names;
mod problem;
mod reading;
mod url;
mod values;

use std::borrow::Cow;

use minijinja::value::{Value as Keyword, ValueKind};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, escape_formatter};

use crate::input::fields::Fields;
use crate::input::findings::{Code, Findings, Path};
use crate::input::json::{Value, embedded, warn_of_json};
use address_text::AddressText;
use filled::{Filled, Piece, fill_fetched, fill_url};
use names::{Names, is_meant_as_name, meant_as_names};
use problem::Problem;
pub(super) use problem::excerpt;
use reading::Reading;
use values::{element, json_value, keyword_map, member, written};

/// The keywords, and the engine that fills them in.
pub struct Keywords {
    engine: Environment<'static>,
    values: Keyword,
    names: Names,
}

/// The most instructions for one field. A table of 10,000 rows takes a tenth of them. A template that needs more is an
/// issue, long before it reaches the sandbox's limits.
const FUEL: u64 = 5_000_000;

impl Keywords {
    /// Reads the keywords of an invocation, a JSON object. Returns `None` if no keywords are given or there are issues.
    pub fn read(text: Option<&str>, findings: &mut Findings) -> Option<Self> {
        let mut inner = Findings::default();
        let members = Value::read_object(text?, &mut inner);
        for issue in inner.issues {
            let place = match issue.path.as_str() {
                "$" => "keywords".to_owned(),
                path if path.starts_with('[') => format!("keywords{path}"),
                path => format!("keywords.{path}"),
            };
            findings.issues.push(super::Issue { path: place, ..issue });
        }
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_fuel(Some(FUEL));
        engine.set_debug(true);
        engine.set_auto_escape_callback(|name| match name {
            "html" => AutoEscape::Html,
            _ => AutoEscape::None,
        });
        engine.set_formatter(|out, state, value| match value.kind() {
            _ if matches!(state.auto_escape(), AutoEscape::Html) && !value.is_safe() => {
                Ok(out.write_str(&html_text::mark(&written(value)))?)
            }
            ValueKind::None | ValueKind::Bool => Ok(out.write_str(&written(value))?),
            _ => escape_formatter(out, state, value),
        });
        let mut members = members?;
        let names = Names::of(&members);
        let aliases: Vec<_> = names
            .aliases()
            .filter_map(|(name, alias)| {
                let (_, value) = members.iter().find(|(key, _)| key == name)?;
                Some((Cow::Owned(alias.to_owned()), value.clone()))
            })
            .collect();
        members.extend(aliases);
        Some(Self { engine, values: keyword_map(members), names })
    }

    /// Replaces the placeholders in every field.
    pub fn resolve(&self, fields: &mut Fields<'_>, is_html: bool, findings: &mut Findings) {
        for (field, name, value) in fields.values_mut() {
            let reading = Reading::of_field(field, is_html);
            self.resolve_value(value, reading, &Path::ROOT.key(name), findings);
        }
    }

    fn resolve_value(
        &self,
        value: &mut Value<'_>,
        reading: Reading,
        path: &Path<'_>,
        findings: &mut Findings,
    ) {
        match value {
            Value::String(text) => {
                // Parsed before it is filled in, so that a value cannot add JSON.
                if reading.may_be_json()
                    && text.contains("{{")
                    && let Some(mut inner) = embedded(text).map(Value::into_owned)
                {
                    warn_of_json(path, findings);
                    self.resolve_value(&mut inner, reading, path, findings);
                    *value = inner;
                    return;
                }
                let before = findings.issues.len();
                if let Some(resolved) = self.resolve_text(text, reading, path, findings) {
                    *value = resolved;
                } else if findings.issues.len() > before {
                    // The value becomes null, so that one mistake causes one issue.
                    *value = Value::Null;
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.resolve_value(item, reading, &path.index(index), findings);
                }
            }
            Value::Object(members) => {
                let readings: Vec<_> =
                    members.iter().map(|(key, _)| reading.of_member(key, members)).collect();
                for ((key, item), inside) in members.iter_mut().zip(readings) {
                    self.resolve_value(item, inside, &path.key(key), findings);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Fills in a text. Returns `None` if it is unchanged or there is an issue.
    fn resolve_text(
        &self,
        text: &str,
        reading: Reading,
        path: &Path<'_>,
        findings: &mut Findings,
    ) -> Option<Value<'static>> {
        let is_template = matches!(reading, Reading::Text | Reading::Html);
        let has_placeholder = text.contains("{{") || is_template && text.contains("{%");
        if !has_placeholder {
            return None;
        }
        let outcome = match (whole_placeholder(text), reading) {
            (Some(expression), _) => self.evaluate(expression).map(|found| json_value(&found)),
            (None, Reading::Addresses) => {
                let mut filled = AddressText::default();
                let outcome = self.interpolate(text, |piece| filled.push(piece));
                outcome.and_then(|()| filled.finish()).map(string)
            }
            (None, Reading::Text) => self.render("text", text).map(string),
            // NUL marks the values. A body with a NUL is an issue anyway.
            (None, Reading::Html) if text.contains('\0') => return None,
            (None, _) => self.fill(text, reading).map(|filled| {
                for message in filled.changed {
                    findings.warn(path, Code::Sanitised, message);
                }
                string(filled.text)
            }),
        };
        let explain = |problem: Problem| {
            findings.issue(path, problem.code, self.names.restore(problem.message));
        };
        outcome.map_err(explain).ok()
    }

    /// Replaces the placeholders in a text with their values.
    fn fill(&self, text: &str, reading: Reading) -> Result<Filled, Problem> {
        let rendered;
        let pieces = match reading {
            Reading::Html => {
                rendered = self.render("html", text)?;
                html_text::pieces(&rendered)
            }
            _ => self.pieces(text)?,
        };
        match reading {
            Reading::Calendar => calendar_text::fill(&pieces),
            Reading::Html | Reading::HtmlData => Ok(html_text::fill(&pieces)),
            Reading::Url(before) => Ok(fill_url(before, &pieces)),
            Reading::Attachments | Reading::Fetched => fill_fetched(&pieces),
            _ => {
                let mut filled = Filled::default();
                for piece in pieces {
                    match piece {
                        Piece::Literal(literal) => filled.text.push_str(literal),
                        Piece::Value(value) if reading == Reading::FileName => {
                            filled.text.push_str(&value.replace(['/', '\\'], "_"));
                        }
                        Piece::Value(value)
                            if reading == Reading::Headers && value.contains(['\r', '\n']) =>
                        {
                            let value = excerpt(&value);
                            let message = format!(
                                "a header cannot contain the line break in the value {value:?}"
                            );
                            return Err(Problem { code: Code::InvalidCharacter, message });
                        }
                        Piece::Value(value) => filled.text.push_str(&value),
                    }
                }
                Ok(filled)
            }
        }
    }

    /// Splits a text at its placeholders.
    fn pieces<'t>(&self, text: &'t str) -> Result<Vec<Piece<'t>>, Problem> {
        let mut pieces = Vec::new();
        self.interpolate(text, |piece| pieces.push(piece))?;
        Ok(pieces)
    }

    /// Renders a template.
    fn render(&self, name: &'static str, source: &str) -> Result<String, Problem> {
        let written = self.names.template(source);
        let template = self.engine.template_from_named_str(name, &written).map_err(|error| {
            let names: Vec<_> = meant_as_names(source)
                .filter(|name| name.contains(' ') && self.find(name).is_none())
                .collect();
            match error.kind() {
                ErrorKind::SyntaxError if !names.is_empty() => Problem::missing(&names),
                _ => Problem::new(&error, &written, &[]),
            }
        })?;
        template.render(self.values.clone()).map_err(|error| {
            Problem::new(&error, &written, &self.missing(template.undeclared_variables(true)))
        })
    }

    /// Returns those of a template's names that have no value.
    fn missing(&self, used: impl IntoIterator<Item = String>) -> Vec<String> {
        let given = |name: &str| {
            let mut steps = name.split('.');
            let found = steps.try_fold(self.values.clone(), |value, step| value.get_attr(step));
            found.is_ok_and(|value| !value.is_undefined())
        };
        let mut missing: Vec<_> = used.into_iter().filter(|name| !given(name)).collect();
        missing.sort_unstable();
        missing
    }

    /// Splits a text at its placeholders, and calls `put` with each literal and each value in order.
    fn interpolate<'t>(
        &self,
        text: &'t str,
        mut put: impl FnMut(Piece<'t>),
    ) -> Result<(), Problem> {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((expression, after)) = after.split_once("}}") else {
                let message = format!(
                    "the placeholder {:?} has no closing }}}}",
                    excerpt(&rest[before.len()..])
                );
                return Err(Problem { code: Code::TemplateError, message });
            };
            put(Piece::Literal(before));
            let found = self.evaluate(expression)?;
            put(Piece::Value(written(&found)));
            rest = after;
        }
        put(Piece::Literal(rest));
        Ok(())
    }

    /// Evaluates one expression. The value keeps its type.
    fn evaluate(&self, expression: &str) -> Result<Keyword, Problem> {
        if let Some(found) = self.find(expression) {
            return Ok(found);
        }
        let written = self.names.expression(expression).into_owned();
        let compiled = self.engine.compile_expression_owned(written.clone()).map_err(|error| {
            match is_meant_as_name(expression) {
                true => Problem::missing(&[expression]),
                false => Problem::new(&error, &written, &[]),
            }
        })?;
        match compiled.eval(self.values.clone()) {
            Ok(found) if found.is_undefined() => Err(Problem::missing(&[expression])),
            Ok(found) => Ok(found),
            Err(error) => {
                let missing = self.missing(compiled.undeclared_variables(true));
                Err(Problem::new(&error, &written, &missing))
            }
        }
    }

    /// Finds a keyword by a name with any characters, or by a path: `First Name`, `a.b[0]['c d']`.
    ///
    /// At each step the rest may be one key, such as `customer.email` from platforms that flatten their data.
    fn find(&self, name: &str) -> Option<Keyword> {
        let mut value = self.values.clone();
        let mut rest = name.trim();
        loop {
            let whole = member(&value, rest);
            if whole.is_some() {
                return whole;
            }
            let end = rest.find(['.', '[']).filter(|end| *end > 0 || rest.starts_with('['))?;
            if end > 0 {
                value = member(&value, &rest[..end])?;
                rest = &rest[end..];
            }
            while let Some(inside) = rest.strip_prefix('[') {
                let (index, after) = inside.split_once(']')?;
                value = element(&value, index)?;
                rest = after;
            }
            if rest.is_empty() {
                return Some(value);
            }
            rest = rest.strip_prefix('.')?;
        }
    }
}

/// Returns the expression of a text that is exactly one placeholder.
fn whole_placeholder(text: &str) -> Option<&str> {
    let inside = text.trim_ascii().strip_prefix("{{")?.strip_suffix("}}")?;
    (!inside.contains("{{") && !inside.contains("}}")).then_some(inside)
}

fn string(text: String) -> Value<'static> {
    Value::String(Cow::Owned(text))
}

#[cfg(test)]
mod tests;
