//! Keywords: what `{{customer.email}}` in a field stands for.
//!
//! The templates are minijinja's, which is Jinja. Fields that are more than data, subject and bodies, may
//! loop and branch; in the others `{{...}}` alone means something, so that a file called `50{%.pdf` is
//! one. With no keywords, braces are ordinary text everywhere.

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

/// Keywords, and the engine that puts them in place.
pub struct Keywords {
    engine: Environment<'static>,
    values: Keyword,
    names: Names,
}

/// Instructions that one field may cost: a table of 10,000 rows takes a tenth of it. More ends as an
/// issue, well before the sandbox's own limits.
const FUEL: u64 = 5_000_000;

impl Keywords {
    /// Reads the keywords of an invocation: a JSON object. None: there are issues, or none were given.
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

    /// Puts keywords in the place of what stands for them, in every field.
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
                // Read before it is filled in: a value stays the value that it is.
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
                    // One issue for one mistake: the text is no address, and so on, because of it.
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

    /// What a text becomes. None: it stays as it is.
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
            // NUL marks the values, and is an issue in a body.
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

    /// Puts values in their places.
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
                                "there is a line break in {value:?}, which a header cannot hold"
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

    /// A text cut at its placeholders.
    fn pieces<'t>(&self, text: &'t str) -> Result<Vec<Piece<'t>>, Problem> {
        let mut pieces = Vec::new();
        self.interpolate(text, |piece| pieces.push(piece))?;
        Ok(pieces)
    }

    /// Fills in a template.
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

    /// The names among those that a template uses which stand for nothing.
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

    /// Cuts a text at its placeholders, and puts what they stand for between.
    fn interpolate<'t>(
        &self,
        text: &'t str,
        mut put: impl FnMut(Piece<'t>),
    ) -> Result<(), Problem> {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((expression, after)) = after.split_once("}}") else {
                let message =
                    format!("{:?} is not closed with }}}}", excerpt(&rest[before.len()..]));
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

    /// The value of one expression, with its type.
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

    /// The keyword of a name, whatever is in it, or at the end of a path: `First Name`, `a.b[0]['c d']`.
    ///
    /// At each step the rest may be one key, `customer.email`, which platforms that flatten their data have.
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

/// The inside of a text that is exactly one placeholder.
fn whole_placeholder(text: &str) -> Option<&str> {
    let inside = text.trim_ascii().strip_prefix("{{")?.strip_suffix("}}")?;
    (!inside.contains("{{") && !inside.contains("}}")).then_some(inside)
}

fn string(text: String) -> Value<'static> {
    Value::String(Cow::Owned(text))
}

#[cfg(test)]
mod tests;
