//! Keywords: what `{{customer.email}}` in a field stands for.
//!
//! The templates are minijinja's, which is Jinja. Fields that are more than data, subject and bodies, may
//! loop and branch; in the others `{{...}}` alone means something, so that a file called `50{%.pdf` is
//! one. With no keywords, braces are ordinary text everywhere.

mod address_text;
mod calendar_text;
mod html_text;
mod names;
mod problem;
mod url;
mod values;

use std::borrow::Cow;

use minijinja::value::{Value as Keyword, ValueKind};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, escape_formatter};

use super::fields::{Field, Fields, fold};
use super::findings::{Code, Findings};
use super::header_value;
use super::json::{Object, Value};
use super::mailboxes::{embedded, warn_of_json};
use super::path::Path;
use address_text::AddressText;
use names::{Names, is_meant_as_name, meant_as_names};
use problem::{Problem, excerpt};
use values::{json_value, keyword_map, written};

/// Keywords, and the engine that puts them in place.
pub struct Keywords {
    engine: Environment<'static>,
    values: Keyword,
    names: Names,
}

/// Instructions that one field may cost: a table of 10,000 rows takes a tenth of it. More ends as an
/// issue, well before the sandbox's own limits.
const FUEL: u64 = 5_000_000;

/// How a field's text is read.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    /// `{{...}}` alone.
    Data,
    /// The same, in a list of addresses: a value stays in the element in which its placeholder stands.
    Addresses,
    /// A template, plain.
    Text,
    /// A template whose keywords are escaped for HTML.
    Html,
    /// The attachments, whose members are read by their keys.
    Attachments,
    /// An iCalendar object: `{{...}}` alone, escaped as RFC 5545 has it.
    Calendar,
    /// The field `calendar`.
    CalendarField,
    /// URLs that the host fetches.
    Fetched,
    /// A file's name, in which a value names no directory.
    FileName,
    /// A person's headers: a value stays in the line in which its placeholder stands.
    Headers,
    /// HTML in which `{{...}}` alone means something.
    HtmlData,
    /// The field `listUnsubscribe`.
    ListUnsubscribe,
    /// A URL, of which a value stays a part. What stands before the URL, and is not a part of the text.
    Url(&'static str),
}

/// Keys of an attachment that hold a URL, folded.
const FETCHED: &[&str] =
    &["url", "href", "uri", "link", "downloadurl", "fileurl", "path", "file", "datauri", "dataurl"];

impl Reading {
    /// Whether a text may be JSON, as forms hand over objects.
    fn may_be_json(self) -> bool {
        matches!(
            self,
            Self::Addresses
                | Self::Attachments
                | Self::CalendarField
                | Self::Headers
                | Self::ListUnsubscribe
        )
    }

    /// How a member of an object is read.
    fn of_member(self, key: &str, members: &Object<'_>) -> Self {
        let folded = fold(key);
        let header = header_name(key, members);
        match (self, folded.as_ref()) {
            // `{"name": ..., "email": ...}`: nothing in there is a list.
            (Self::Addresses, _) => Self::Data,
            (Self::Attachments, "text" | "content") => of_file(members),
            (Self::Attachments | Self::CalendarField, "filename" | "name") => Self::FileName,
            (Self::CalendarField, "content") => Self::Calendar,
            (Self::Attachments, key) if FETCHED.contains(&key) => Self::Fetched,
            (Self::Attachments, _) => Self::Data,
            (Self::Headers, _) if header_value::holds_urls(header) => Self::Url(""),
            (Self::Headers, _) if header_value::holds_addresses(header) => Self::Addresses,
            (Self::ListUnsubscribe, "url") => Self::Url(""),
            (Self::ListUnsubscribe, "mailto") => Self::Url("mailto:"),
            (Self::CalendarField | Self::ListUnsubscribe, _) => Self::Data,
            _ => self,
        }
    }
}

/// The name of the header that a member of `headers` is of: its key, or the name beside it.
fn header_name<'k>(key: &'k str, members: &'k Object<'_>) -> &'k str {
    if !key.eq_ignore_ascii_case("value") {
        return key;
    }
    let name = members.iter().find_map(|(other, value)| match value {
        Value::String(name) if matches!(fold(other).as_ref(), "name" | "key") => Some(name),
        _ => None,
    });
    name.map_or(key, |name| name.trim_ascii())
}

/// How the text of a file is read: by its type, its name, or its first line.
fn of_file(members: &Object<'_>) -> Reading {
    let text_of = |keys: &[&str]| {
        members.iter().find_map(|(key, value)| match value {
            Value::String(text) if keys.contains(&fold(key).as_ref()) => {
                Some(text.trim_ascii().to_ascii_lowercase())
            }
            _ => None,
        })
    };
    let media_type = text_of(&["contenttype", "type", "mimetype", "mediatype"]).unwrap_or_default();
    let name = text_of(&["filename", "name"]).unwrap_or_default();
    let content = text_of(&["text", "content"]).unwrap_or_default();
    if media_type.starts_with("text/calendar")
        || content.trim_start_matches('\u{feff}').starts_with("begin:vcalendar")
    {
        Reading::Calendar
    } else if media_type.starts_with("text/html")
        || media_type.is_empty() && name.ends_with(".html")
        || media_type.is_empty() && name.ends_with(".htm")
    {
        Reading::HtmlData
    } else {
        Reading::Data
    }
}

/// A text whose values are in place.
#[derive(Default)]
struct Filled {
    text: String,
    /// What had to be changed, in sentences.
    changed: Vec<String>,
}

/// A piece of a text with placeholders.
enum Piece<'t> {
    /// As it stands there.
    Literal(&'t str),
    /// What a placeholder stands for.
    Value(String),
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
            let reading = match field {
                Field::Body if is_html => Reading::Html,
                Field::Html => Reading::Html,
                Field::Subject | Field::Body | Field::Text => Reading::Text,
                Field::From
                | Field::To
                | Field::Cc
                | Field::Bcc
                | Field::ReplyTo
                | Field::ReturnPath
                | Field::ReadReceiptTo => Reading::Addresses,
                Field::Attachments => Reading::Attachments,
                Field::Calendar => Reading::CalendarField,
                Field::Headers => Reading::Headers,
                Field::ListUnsubscribe => Reading::ListUnsubscribe,
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

/// URLs in a header stand between `<` and `>`.
fn fill_url(before: &str, pieces: &[Piece<'_>]) -> Filled {
    let mut filled = Filled::default();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => filled.text.push_str(literal),
            Piece::Value(value) => {
                let (_, url) = filled.text.rsplit_once('<').unwrap_or(("", &filled.text));
                let put = if url.contains('>') {
                    // In a comment, behind the URL.
                    Some(Cow::Owned(value.replace(['(', ')', '<', '>', '\\'], " ")))
                } else {
                    let next = next_character(pieces, index).filter(|&c| c != '>');
                    // What would be a script is one that the field refuses.
                    url::fill(&[before, url].concat(), value, next)
                };
                filled.text.push_str(&put.unwrap_or(Cow::Borrowed(value)));
            }
        }
    }
    filled
}

/// URLs of attachments.
fn fill_fetched(pieces: &[Piece<'_>]) -> Result<Filled, Problem> {
    let mut filled = Filled::default();
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => filled.text.push_str(literal),
            Piece::Value(value) => {
                let put = url::fill_fetched(&filled.text, value).ok_or_else(|| {
                    let value = excerpt(value);
                    let message = format!("{value:?} stands in a URL, and would begin another");
                    Problem { code: Code::InvalidUrl, message }
                })?;
                filled.text.push_str(&put);
            }
        }
    }
    Ok(filled)
}

/// The character behind a piece.
fn next_character(pieces: &[Piece<'_>], index: usize) -> Option<char> {
    pieces[index + 1..].iter().find_map(|piece| match piece {
        Piece::Literal(text) => text.chars().next(),
        Piece::Value(text) => text.chars().next(),
    })
}

/// The member of an object.
fn member(value: &Keyword, name: &str) -> Option<Keyword> {
    let found = (value.kind() == ValueKind::Map).then(|| value.get_attr(name).ok())??;
    (!found.is_undefined()).then_some(found)
}

/// What stands at `0` in an array, or at `"a b"` in an object.
fn element(value: &Keyword, index: &str) -> Option<Keyword> {
    let unquoted = |quote: char| index.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(name) = unquoted('"').or_else(|| unquoted('\'')) {
        return member(value, name);
    }
    let found = value.get_item_by_index(index.parse().ok()?).ok()?;
    (!found.is_undefined()).then_some(found)
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
        assert_eq!(
            resolve("to", " {{ order.ids[1] }} ", false),
            Ok(Value::Number(Box::new(8.into())))
        );
        assert_eq!(resolve("dryRun", "{{yes}}", false), Ok(Value::Bool(true)));
        assert_eq!(resolve("cc", "{{nobody}}", false), Ok(Value::Null));
        assert_eq!(
            resolve("subject", "{{big}}", false),
            Ok(Value::Number(Box::new(u64::MAX.into())))
        );
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
    fn a_value_does_not_get_out_of_the_address_that_it_is_a_part_of() {
        let keywords = r#"{"name": "Doe, Jo \"J\"", "email": "jo@x.test", "list": "a@x.test, B <b@x.test>",
                           "evil": "x@x.test>, <evil@evil.test"}"#;
        let resolve = |template: &str| {
            let input = serde_json::json!({ "to": template }).to_string();
            let mut findings = Findings::default();
            let keywords = Keywords::read(Some(keywords), &mut findings).unwrap();
            let members = Value::read_object(&input, &mut findings).unwrap();
            let mut fields = Fields::sort(members, &mut findings);
            keywords.resolve(&mut fields, false, &mut findings);
            match fields.take(Field::To).1 {
                Value::String(text) => Ok(text.into_owned()),
                _ => Err(findings.issues[0].code),
            }
        };
        for (template, text) in [
            ("{{name}} <{{email}}>", r#""Doe, Jo \"J\"" <jo@x.test>"#),
            ("\"{{name}}\" <{{email}}>", r#""Doe, Jo \"J\"" <jo@x.test>"#),
            ("Jo {{email}} <{{email}}>", r#"Jo "jo@x.test" <jo@x.test>"#),
            // A placeholder that is a whole element may be a list of its own.
            ("{{list}}; {{email}}", "a@x.test, B <b@x.test>; jo@x.test"),
            ("sales@x.test\n{{ list }}", "sales@x.test\na@x.test, B <b@x.test>"),
            ("{{email}} ", "jo@x.test"),
        ] {
            assert_eq!(resolve(template).as_deref(), Ok(text), "{template}");
        }
        for template in ["Jo <{{evil}}>", "<{{list}}>", "Jo < {{name}} >"] {
            assert_eq!(resolve(template), Err(Code::InvalidAddress), "{template}");
        }
    }

    /// Keys and texts of a value, one a line.
    fn lines_of(value: &Value<'_>, lines: &mut Vec<String>) {
        match value {
            Value::String(text) => lines.push(text.to_string()),
            Value::Array(items) => items.iter().for_each(|item| lines_of(item, lines)),
            Value::Object(members) => {
                for (key, item) in members {
                    lines.push(format!("{key}:"));
                    lines_of(item, lines);
                }
            }
            other => lines.push(format!("{other:?}")),
        }
    }

    /// A field's value after resolution, and how many warnings there are.
    fn resolved(
        field: &str,
        value: &serde_json::Value,
        keywords: &serde_json::Value,
    ) -> (String, usize) {
        let input = serde_json::json!({ field: value }).to_string();
        let mut findings = Findings::default();
        let keywords = Keywords::read(Some(&keywords.to_string()), &mut findings).unwrap();
        let members = Value::read_object(&input, &mut findings).unwrap();
        let mut fields = Fields::sort(members, &mut findings);
        keywords.resolve(&mut fields, false, &mut findings);
        assert!(findings.is_valid(), "{input}: {findings:?}");
        let mut found = Vec::new();
        lines_of(&fields.take(Field::from_name(field).unwrap()).1, &mut found);
        (found.join("\n"), findings.warnings.len())
    }

    #[test]
    fn a_value_is_escaped_for_the_place_that_it_stands_in() {
        use serde_json::json;
        let ics = "BEGIN:VCALENDAR\nSUMMARY:{{x}}\nEND:VCALENDAR";
        for (field, value, wanted) in [
            ("calendar", json!({ "content": ics }), "SUMMARY:a/b\\, \\n\"c\" & <d>\n"),
            ("calendar", json!({ "content": "{{x}}" }), "content:\na/b, \n\"c\" & <d>"),
            ("calendar", json!({ "filename": "{{x}}.ics" }), "a_b, "),
            ("attachments", json!({ "text": ics }), "SUMMARY:a/b\\, \\n\"c\" & <d>\n"),
            (
                "attachments",
                json!({ "name": "a.HTM", "text": "<p>{{x}}" }),
                "&quot;c&quot; &amp; &lt;d&gt;",
            ),
            (
                "attachments",
                json!([{ "type": "text/html", "content": "<p>{{x}}{%" }]),
                "&lt;d&gt;{%",
            ),
            ("attachments", json!({ "name": "a.txt", "text": "<p>{{x}}" }), "& <d>"),
            ("attachments", json!({ "name": "a {{x}}.pdf" }), "a a_b, "),
            ("attachments", json!({ "name": "{{x}}" }), "a/b, "),
            (
                "attachments",
                json!({ "url": "https://x.test/{{x}}" }),
                "https://x.test/a/b,%20\n%22c%22%20&%20%3Cd%3E",
            ),
            (
                "attachments",
                json!("https://x.test/{{x}}"),
                "https://x.test/a/b,%20\n%22c%22%20&%20%3Cd%3E",
            ),
            (
                "headers",
                json!({ "List-Unsubscribe": "<https://x.test/?q={{x}}>" }),
                "<https://x.test/?q=a%2Fb%2C%20%0A%22c%22%20%26%20%3Cd%3E>",
            ),
            (
                "headers",
                json!([{ "name": "List-Help", "value": "<https://x.test/?q={{x}}>" }]),
                "?q=a%2Fb%2C%20%0A%22c",
            ),
            (
                "headers",
                json!({ "List-Help": "<https://x.test/> ({{x}})" }),
                "> (a/b, \n\"c\" &  d )",
            ),
            (
                "headers",
                json!({ "Errors-To": "{{x}} <a@x.test>" }),
                "\"a/b, \n\\\"c\\\" & <d>\" <a@x.test>",
            ),
            (
                "listUnsubscribe",
                json!({ "url": "https://x.test/{{x}}" }),
                "https://x.test/a/b,%20%22c%22%20&%20%3Cd%3E",
            ),
            (
                "listUnsubscribe",
                json!({ "mailto": "u@x.test?subject={{x}}" }),
                "u@x.test?subject=a%2Fb%2C%20%0A%22c",
            ),
        ] {
            let text = value.to_string();
            let (found, _) = resolved(field, &value, &json!({ "x": "a/b, \n\"c\" & <d>" }));
            assert!(found.contains(wanted), "{text}: {found}");
        }
    }

    #[test]
    fn a_value_adds_no_key_to_json_that_is_given_as_text() {
        use serde_json::json;
        let evil = json!({ "x": "a\", \"path\": \"/etc/passwd" });
        for (field, value) in [
            ("attachments", r#"[{"filename": "{{x}}.txt", "text": "b"}]"#),
            ("to", r#"[{"name": "{{x}}", "email": "a@x.test"}]"#),
            ("calendar", r#"{"method": "REQUEST", "content": "BEGIN {{x}}"}"#),
            ("listUnsubscribe", r#"{"url": "https://x.test/?{{x}}"}"#),
        ] {
            let (found, warnings) = resolved(field, &json!(value), &evil);
            assert!(!found.contains("path:\n") && found.contains(":\n"), "{found}");
            assert_eq!(warnings, 1, "{field}");
        }
        // A subject is not an object, whatever it looks like.
        assert_eq!(resolved("subject", &json!("[{{x}}]"), &json!({ "x": 1 })).0, "[1]");
    }

    #[test]
    fn the_places_of_html_are_found_in_what_a_template_renders_to() {
        use serde_json::json;
        let keywords = json!({ "links": [{ "url": "javascript:x", "t": "<1>" }, { "url": "https://x.test/?a&b", "t": "2" }] });
        let template = "{% for link in links %}<a href='{{link.url}}'>{{link.t}}</a>{% endfor %}";
        let (found, warnings) = resolved("html", &json!(template), &keywords);
        assert!(
            found.contains("<a href='#'>&lt;1&gt;</a><a href='https://x.test/?a&amp;b'>2</a>"),
            "{found}"
        );
        assert_eq!(warnings, 1);
        let template =
            "{% set a %}<a title=\"{{links[0].t}}\">{% endset %}{{a}}{{a | safe}}{{a | upper}}";
        let (found, _) = resolved("html", &json!(template), &keywords);
        assert!(found.contains("<a title=\"&lt;1&gt;\"><a title=\"&lt;1&gt;\">"), "{found}");
        assert!(!found.contains('\0'));
        let template = "<style>@media (max-width: 1px){#main{width: {{w}}}}</style>";
        let (found, warnings) = resolved("html", &json!(template), &json!({ "w": "5px" }));
        assert_eq!(found, "<style>@media (max-width: 1px){#main{width: 5px}}</style>");
        assert_eq!(warnings, 0);
    }

    #[test]
    fn a_value_does_not_get_out_of_the_header_that_it_is_a_part_of() {
        let resolve = |keywords: &str| {
            let mut findings = Findings::default();
            let keywords = Keywords::read(Some(keywords), &mut findings).unwrap();
            let input = r#"{"headers": "X-Name: {{name}}\nX-B: 1"}"#;
            let members = Value::read_object(input, &mut findings).unwrap();
            let mut fields = Fields::sort(members, &mut findings);
            keywords.resolve(&mut fields, false, &mut findings);
            (fields.take(Field::Headers).1.into_owned(), findings)
        };
        assert_eq!(resolve(r#"{"name": "Bob"}"#).0, string("X-Name: Bob\nX-B: 1".to_owned()));
        let (_, findings) = resolve(r#"{"name": "Bob\nX-Spam: no"}"#);
        assert_eq!(findings.issues[0].code, Code::InvalidCharacter);
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
        for template in ["{{", "{{ a | b c }}", "{% for x in %}", "{{ 1 | nothing }}", "{{ {{ }}"] {
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
    fn a_keyword_may_be_called_anything() {
        let keywords = r#"{
            "First Name": "Bob", "first-name": "Rob", "größe": "XL", "客户": {"姓名": "王", "E-Mail": "w@x.test"},
            "customer.email": "flat@x.test", "data": {"user.mail": "u@x.test", "Last Name": "Lee"}, "1": "one",
            "Price (EUR)": 7, "lines": [{"unit price": 1}, {"unit price": 2}], "a": 5, "b": 3, "name": "Bob"
        }"#;
        let resolve = |field: &str, template: &str| {
            let input = serde_json::json!({ field: template }).to_string();
            let mut findings = Findings::default();
            let keywords = Keywords::read(Some(keywords), &mut findings).unwrap();
            let members = Value::read_object(&input, &mut findings).unwrap();
            let mut fields = Fields::sort(members, &mut findings);
            keywords.resolve(&mut fields, false, &mut findings);
            let field = Field::from_name(field).unwrap();
            match fields.take(field).1 {
                Value::String(text) if findings.is_valid() => text.into_owned(),
                other => format!("{other:?} {:?}", findings.issues),
            }
        };
        for (template, text) in [
            ("Hi {{First Name}}", "Hi Bob"),
            ("{{ First Name }},", "Bob,"),
            ("{{first-name}} {{größe}} {{客户.姓名}}", "Rob XL 王"),
            ("{{客户.E-Mail}}.", "w@x.test."),
            ("{{customer.email}} {{data.user.mail}}", "flat@x.test u@x.test"),
            ("{{1}} {{Price (EUR)}} {{ data.Last Name }}", "one 7 Lee"),
        ] {
            assert_eq!(resolve("subject", template), text, "{template}");
            // The same where templates are not run.
            assert_eq!(resolve("fromName", template), text, "{template}");
        }
        for (template, text) in [
            ("{{ First Name | upper }} {{ data.Last Name | lower }}", "BOB lee"),
            ("{% for line in lines %}{{ line.unit price }};{% endfor %}", "1;2;"),
            ("{% if größe == \"XL\" %}big{% endif %}", "big"),
            ("{{ a - b }} {{ name | upper }}", "2 BOB"),
            ("{#main{width:{{a}}%} #}", "{#main{width:5%} #}"),
        ] {
            assert_eq!(resolve("text", template), text, "{template}");
        }
        assert_eq!(resolve("to", "{{客户.E-Mail}}"), "w@x.test");
        assert_eq!(resolve("to", "{{First Name}} <{{data.user.mail}}>"), "Bob <u@x.test>");
    }

    #[test]
    fn a_missing_keyword_with_a_name_of_several_words_is_named() {
        for (field, template, name) in [
            ("subject", "Hi {{Last Name}}", "keyword Last Name;"),
            ("fromName", "Hi {{Last Name}}", "keyword Last Name;"),
            ("to", "{{Last Name}}", "keyword Last Name;"),
            ("to", "{{customer.E-Mail Address}}", "keyword customer.E-Mail Address;"),
        ] {
            let (message, code) = resolve(field, template, false).unwrap_err();
            assert_eq!(code, Code::MissingKeyword, "{template}: {message}");
            assert!(message.contains(name), "{template}: {message}");
        }
    }

    #[test]
    fn numbers_keep_their_digits_and_true_is_written_true() {
        let keywords = r#"{"iccid": 89014103211118510720, "n": 900719925474099312, "four": 4.0, "half": 0.5, "yes": true}"#;
        let resolve = |field: &str| {
            let template = "{{iccid}} {{n}} {{four}} {{half}} {{yes}}";
            let input = serde_json::json!({ field: template }).to_string();
            let mut findings = Findings::default();
            let keywords = Keywords::read(Some(keywords), &mut findings).unwrap();
            let members = Value::read_object(&input, &mut findings).unwrap();
            let mut fields = Fields::sort(members, &mut findings);
            keywords.resolve(&mut fields, false, &mut findings);
            fields.take(Field::from_name(field).unwrap()).1.into_owned()
        };
        for field in ["subject", "html", "fromName"] {
            let text = "89014103211118510720 900719925474099312 4 0.5 true";
            assert_eq!(resolve(field), string(text.to_owned()), "{field}");
        }
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
