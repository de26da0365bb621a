//! Keywords: what `{{customer.email}}` in a field stands for.
//!
//! The templates are minijinja's, which is Jinja. Fields that are more than data, subject and bodies, may
//! loop and branch; in the others `{{...}}` alone means something, so that a file called `50{%.pdf` is
//! one. With no keywords, braces are ordinary text everywhere.

use std::borrow::Cow;
use std::fmt::Write as _;

use minijinja::value::{Value as Keyword, ValueKind};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, escape_formatter};

use super::fields::{Field, Fields};
use super::findings::{Code, Findings};
use super::json::{Object, Value};
use super::path::Path;

/// Keywords, and the engine that puts them in place.
pub struct Keywords {
    engine: Environment<'static>,
    values: Keyword,
}

/// Instructions that one field may cost: a table of 10,000 rows takes a tenth of it. More ends as an
/// issue, well before the sandbox's own limits.
const FUEL: u64 = 5_000_000;

/// How a field's text is read.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    /// `{{...}}` alone.
    Data,
    /// A template, plain.
    Text,
    /// A template whose keywords are escaped for HTML.
    Html,
}

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
        // `null` says nothing, and would otherwise read "none".
        engine.set_formatter(|out, state, value| match value.is_none() {
            true => Ok(()),
            false => escape_formatter(out, state, value),
        });
        Some(Self { engine, values: keyword_map(members?) })
    }

    /// Puts keywords in the place of what stands for them, in every field.
    pub fn resolve(&self, fields: &mut Fields<'_>, is_html: bool, findings: &mut Findings) {
        for (field, name, value) in fields.values_mut() {
            let reading = match field {
                Field::Body if is_html => Reading::Html,
                Field::Html => Reading::Html,
                Field::Subject | Field::Body | Field::Text => Reading::Text,
                _ => Reading::Data,
            };
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
                for (key, item) in members {
                    self.resolve_value(item, reading, &path.key(key), findings);
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
        if !text.contains("{{") && (reading == Reading::Data || !text.contains("{%")) {
            return None;
        }
        let outcome = match (whole_placeholder(text), reading) {
            (Some(expression), _) => self.evaluate(expression).map(|found| json_value(&found)),
            (None, Reading::Data) => self.interpolate(text).map(string),
            (None, Reading::Text) => self.render("text", text).map(string),
            (None, Reading::Html) => self.render("html", text).map(string),
        };
        outcome.map_err(|problem| findings.issue(path, problem.code, problem.message)).ok()
    }

    /// Fills in a template.
    fn render(&self, name: &'static str, source: &str) -> Result<String, Problem> {
        let template = self
            .engine
            .template_from_named_str(name, source)
            .map_err(|error| Problem::new(&error, source, &[]))?;
        template.render(self.values.clone()).map_err(|error| {
            Problem::new(&error, source, &self.missing(template.undeclared_variables(true)))
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

    /// Puts each `{{...}}` of a text in its place, and leaves the rest as it is.
    fn interpolate(&self, text: &str) -> Result<String, Problem> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((expression, after)) = after.split_once("}}") else {
                let message =
                    format!("{:?} is not closed with }}}}", excerpt(&rest[before.len()..]));
                return Err(Problem { code: Code::TemplateError, message });
            };
            filled.push_str(before);
            let found = self.evaluate(expression)?;
            if !found.is_none() {
                // Writing to a String cannot fail.
                let _ = write!(filled, "{found}");
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// The value of one expression, with its type.
    fn evaluate(&self, expression: &str) -> Result<Keyword, Problem> {
        let compiled = self
            .engine
            .compile_expression_owned(expression.to_owned())
            .map_err(|error| Problem::new(&error, expression, &[]))?;
        match compiled.eval(self.values.clone()) {
            Ok(found) if found.is_undefined() => Err(Problem::missing(&[expression])),
            Ok(found) => Ok(found),
            Err(error) => {
                let missing = self.missing(compiled.undeclared_variables(true));
                Err(Problem::new(&error, expression, &missing))
            }
        }
    }
}

/// The inside of a text that is exactly one placeholder.
fn whole_placeholder(text: &str) -> Option<&str> {
    let inside = text.trim_ascii().strip_prefix("{{")?.strip_suffix("}}")?;
    (!inside.contains("{{") && !inside.contains("}}")).then_some(inside)
}

/// Why a placeholder could not be resolved.
struct Problem {
    code: Code,
    message: String,
}

impl Problem {
    /// `missing` are the names in `source` that stand for nothing, as far as they can be told.
    fn new(error: &minijinja::Error, source: &str, missing: &[String]) -> Self {
        match error.kind() {
            ErrorKind::UndefinedError if !missing.is_empty() => Self::missing(missing),
            ErrorKind::UndefinedError => {
                let name = error.range().and_then(|range| whole_name(source, &range));
                Self::missing(&[name.unwrap_or(source)])
            }
            ErrorKind::OutOfFuel => Self {
                code: Code::TemplateError,
                message: format!("the template takes more than {FUEL} steps; it may never end"),
            },
            kind => {
                let detail = error.detail().map_or(String::new(), |detail| format!(": {detail}"));
                let line = error.line().map_or(String::new(), |line| format!(" in line {line}"));
                Self {
                    code: Code::TemplateError,
                    message: format!("the template cannot be filled in{line}: {kind}{detail}"),
                }
            }
        }
    }

    fn missing(names: &[impl AsRef<str>]) -> Self {
        let names: Vec<_> = names.iter().map(|name| excerpt(name.as_ref().trim())).collect();
        let message = format!("there is no keyword {}; give it, or take it out", names.join(", "));
        Self { code: Code::MissingKeyword, message }
    }
}

/// The name at a place of a template, `order.ids[7]`, of which the engine points at the last step alone.
fn whole_name<'s>(source: &'s str, range: &std::ops::Range<usize>) -> Option<&'s str> {
    let part_of_name = |c: char| c.is_alphanumeric() || "_.[]'\"".contains(c);
    let before = source.get(..range.start)?;
    let start = before.trim_end_matches(part_of_name).len();
    source.get(start..range.end)
}

fn excerpt(text: &str) -> String {
    /// So much of a template is shown.
    const SHOWN: usize = 80;
    text.chars().take(SHOWN).collect()
}

fn string(text: String) -> Value<'static> {
    Value::String(Cow::Owned(text))
}

fn keyword_map(members: Object<'_>) -> Keyword {
    Keyword::from_pairs(members.into_iter().map(|(key, value)| (key.into_owned(), keyword(value))))
}

fn keyword(value: Value<'_>) -> Keyword {
    match value {
        Value::Null => Keyword::from(()),
        Value::Bool(value) => Keyword::from(value),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(unsigned), ..) => Keyword::from(unsigned),
            (None, Some(signed), _) => Keyword::from(signed),
            (None, None, float) => Keyword::from(float.unwrap_or_default()),
        },
        Value::String(text) => Keyword::from(text.into_owned()),
        Value::Array(items) => Keyword::from(items.into_iter().map(keyword).collect::<Vec<_>>()),
        Value::Object(members) => keyword_map(members),
    }
}

/// A keyword's value as JSON has it.
fn json_value(value: &Keyword) -> Value<'static> {
    let items = |value: &Keyword| value.try_iter().into_iter().flatten().collect::<Vec<_>>();
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => match serde_json::from_str(&value.to_string()) {
            Ok(number) => Value::Number(number),
            Err(_) => string(value.to_string()),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            Value::Array(items(value).iter().map(json_value).collect())
        }
        ValueKind::Map => Value::Object(
            items(value)
                .into_iter()
                .map(|key| {
                    let inner = value.get_item(&key).unwrap_or_default();
                    (Cow::Owned(key.to_string()), json_value(&inner))
                })
                .collect(),
        ),
        _ => string(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYWORDS: &str = r#"{
        "customer": {"email": "c@x.test", "name": "Cem <b>"},
        "order": {"ids": [7, 8], "lines": [{"name": "Pen & Co", "price": 1.5}, {"name": "Ink", "price": 2}]},
        "nobody": null, "big": 18446744073709551615, "yes": true
    }"#;

    /// A field's value after resolution, as JSON that a test can compare.
    fn resolve(field: &str, text: &str, is_html: bool) -> Result<Value<'static>, (String, Code)> {
        let input = serde_json::json!({ field: text }).to_string();
        let mut findings = Findings::default();
        let keywords = Keywords::read(Some(KEYWORDS), &mut findings).unwrap();
        let members = Value::read_object(&input, &mut findings).unwrap();
        let mut fields = Fields::sort(members, &mut findings);
        keywords.resolve(&mut fields, is_html, &mut findings);
        match findings.issues.into_iter().next() {
            Some(issue) => Err((issue.message, issue.code)),
            None => {
                let field = Field::from_name(field).unwrap();
                Ok(fields.take(field).1.into_owned())
            }
        }
    }

    fn text(text: &str) -> Result<Value<'static>, (String, Code)> {
        Ok(string(text.to_owned()))
    }

    #[test]
    fn a_field_that_is_one_placeholder_takes_the_value_with_its_type() {
        assert_eq!(resolve("to", "{{customer.email}}", false), text("c@x.test"));
        assert_eq!(resolve("to", " {{ order.ids[1] }} ", false), Ok(Value::Number(8.into())));
        assert_eq!(resolve("dryRun", "{{yes}}", false), Ok(Value::Bool(true)));
        assert_eq!(resolve("cc", "{{nobody}}", false), Ok(Value::Null));
        assert_eq!(resolve("subject", "{{big}}", false), Ok(Value::Number(u64::MAX.into())));
        let Ok(Value::Array(lines)) = resolve("to", "{{order.lines}}", false) else { panic!() };
        assert_eq!(lines.len(), 2);
        assert!(matches!(&lines[0], Value::Object(members) if members.len() == 2));
        // It is the field's value, not text in a text: nothing is escaped.
        assert_eq!(resolve("html", "{{customer.name}}", true), text("Cem <b>"));
    }

    #[test]
    fn placeholders_in_text_are_filled_in_and_escaped_in_html_alone() {
        assert_eq!(resolve("subject", "Order {{order.ids[1]}}", false), text("Order 8"));
        assert_eq!(resolve("body", "Dear {{customer.name}}!", false), text("Dear Cem <b>!"));
        assert_eq!(resolve("body", "<p>{{customer.name}}", true), text("<p>Cem &lt;b&gt;"));
        assert_eq!(resolve("html", "<p>{{customer.name | safe}}", false), text("<p>Cem <b>"));
        assert_eq!(resolve("text", "{{customer.name}}.", true), text("Cem <b>."));
        assert_eq!(resolve("subject", "a{{nobody}}b", false), text("ab"));
        assert_eq!(resolve("fromName", "{{customer.name}} {%", false), text("Cem <b> {%"));
    }

    #[test]
    fn subject_and_bodies_loop_and_branch() {
        let rows = "<table>{% for line in order.lines %}<tr><td>{{line.name}}{% endfor %}</table>";
        assert_eq!(
            resolve("html", rows, false),
            text("<table><tr><td>Pen &amp; Co<tr><td>Ink</table>")
        );
        let branch = "{% if order.ids | length > 1 %}Orders{% else %}Order{% endif %}";
        assert_eq!(resolve("subject", branch, false), text("Orders"));
    }

    #[test]
    fn a_missing_keyword_is_named() {
        for (field, template, name) in [
            ("to", "{{custmer}}", "custmer"),
            ("to", "Bob <{{customer.mail}}>", "customer.mail"),
            ("subject", "Order {{order.ids[7]}}!", "order.ids[7]"),
            ("body", "a\nb {{missing | upper}} {{gone}}", "gone, missing"),
            ("to", "{{missing | upper}}", "missing"),
            ("html", "{% for line in order.rows %}x{% endfor %}", "order.rows"),
        ] {
            let (message, code) = resolve(field, template, false).unwrap_err();
            assert_eq!(code, Code::MissingKeyword, "{template}: {message}");
            assert!(message.contains(name), "{template}: {message}");
        }
    }

    #[test]
    fn a_template_that_cannot_be_filled_in_is_an_issue() {
        for template in ["{{", "{{ a b }}", "{% for x in %}", "{{ 1 | nothing }}", "{{ {{ }}"] {
            let (message, code) = resolve("body", template, false).unwrap_err();
            assert_eq!(code, Code::TemplateError, "{template}: {message}");
        }
        assert_eq!(resolve("to", "a {{", false).unwrap_err().1, Code::TemplateError);
    }

    #[test]
    fn a_template_without_end_runs_out_of_steps() {
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}\
                       {% endfor %}{% endfor %}{% endfor %}";
        let (message, code) = resolve("body", endless, false).unwrap_err();
        assert_eq!(code, Code::TemplateError);
        assert!(message.contains("steps"), "{message}");
    }

    #[test]
    fn broken_keywords_are_an_issue_of_their_own() {
        for (json, path) in
            [("[]", "keywords"), ("{", "keywords"), (r#"{"a": 1, "a": 2}"#, "keywords.a")]
        {
            let mut findings = Findings::default();
            Keywords::read(Some(json), &mut findings);
            assert_eq!(findings.issues[0].path, path, "{json}");
        }
        assert!(Keywords::read(None, &mut Findings::default()).is_none());
    }
}
