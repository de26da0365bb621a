//! Keyword names that are not identifiers: `First Name`, `first-name`, `größe`, `customer.email` as one key.
//!
//! The engine accepts identifiers of ASCII letters, digits and `_`. Other names are replaced before it reads an
//! expression: a top-level name by an alias, a nested name by a key in brackets, such as `line["unit price"]`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::input::json::{Object, Value};

/// The names of an invocation's keywords that are not identifiers.
#[derive(Default)]
pub(super) struct Names {
    /// Each name. A top-level name has an alias.
    names: BTreeMap<String, Option<String>>,
    longest: usize,
}

/// The longest name in bytes that is found inside an expression. A longer name is found only if it is the whole
/// expression.
const LONGEST: usize = 100;

impl Names {
    /// Collects the names of keywords at every depth.
    pub(super) fn of(members: &Object<'_>) -> Self {
        let mut names = Self::default();
        for (key, value) in members {
            if !is_identifier(key) {
                let alias = format!("{ALIAS}{}", names.names.len());
                names.names.insert(key.to_string(), Some(alias));
            }
            names.add_below(value);
        }
        names.longest = names.names.keys().map(String::len).max().unwrap_or_default().min(LONGEST);
        names
    }

    fn add_below(&mut self, value: &Value<'_>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.add_below(item)),
            Value::Object(members) => {
                for (key, value) in members {
                    if !is_identifier(key) && !self.names.contains_key(key.as_ref()) {
                        self.names.insert(key.to_string(), None);
                    }
                    self.add_below(value);
                }
            }
            _ => {}
        }
    }

    /// Returns the top-level names, each with its alias.
    pub(super) fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().filter_map(|(name, alias)| Some((name.as_str(), alias.as_deref()?)))
    }

    /// Replaces the aliases in an engine's message with the names in the template.
    pub(super) fn restore(&self, message: String) -> String {
        if !message.contains(ALIAS) {
            return message;
        }
        // In reverse order, because the alias `..1` is a prefix of `..10`.
        let aliases: Vec<_> = self.aliases().collect();
        aliases.iter().rev().fold(message, |text, (name, alias)| text.replace(alias, name))
    }

    /// Rewrites an expression for the engine.
    pub(super) fn expression<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.names.is_empty() {
            return Cow::Borrowed(text);
        }
        if let Some(Some(alias)) = self.names.get(text.trim()) {
            return Cow::Owned(format!(" {alias} "));
        }
        let mut written = String::with_capacity(text.len());
        let mut rest = text;
        let mut quote = None;
        while let Some(c) = rest.chars().next() {
            let is_start = quote.is_none() && !written.ends_with(is_name_character);
            match self.name_at(rest, &written).filter(|_| is_start) {
                Some((length, spelled)) => {
                    let before = written.trim_end();
                    if before.ends_with('.') {
                        written.truncate(before.len() - 1);
                    }
                    written.push_str(&spelled);
                    rest = &rest[length..];
                    // The next character is not part of the name, although it may look like it after an alias.
                    continue;
                }
                None => written.push(c),
            }
            rest = &rest[c.len_utf8()..];
            match quote {
                Some(_) if c == '\\' => {
                    if let Some(escaped) = rest.chars().next() {
                        written.push(escaped);
                        rest = &rest[escaped.len_utf8()..];
                    }
                }
                Some(open) if c == open => quote = None,
                None if matches!(c, '"' | '\'') => quote = Some(c),
                _ => {}
            }
        }
        Cow::Owned(written)
    }

    /// Finds the longest name at the start of a text. Returns its length, and its form for the engine after `before`.
    fn name_at(&self, text: &str, before: &str) -> Option<(usize, String)> {
        let first = text.chars().next()?;
        if first.is_ascii_whitespace() || matches!(first, '"' | '\'') {
            return None;
        }
        let is_below = before.trim_end().ends_with('.');
        let mut end = self.longest.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        while end > 0 {
            let name = &text[..end];
            let last = name.chars().next_back()?;
            let next = text[end..].chars().next();
            let is_whole = !is_name_character(last) || !next.is_some_and(is_name_character);
            if is_whole
                && is_spelled_in_expressions(name)
                && let Some(alias) = self.names.get(name)
            {
                return match alias {
                    _ if is_below => Some((end, format!("[{name:?}]"))),
                    Some(alias) => Some((end, alias.clone())),
                    None => None,
                };
            }
            end -= last.len_utf8();
        }
        None
    }

    /// Rewrites a template for the engine: its names, and `{#`, which is text here but begins a comment in the engine.
    pub(super) fn template<'t>(&self, source: &'t str) -> Cow<'t, str> {
        if self.names.is_empty() && !source.contains("{#") {
            return Cow::Borrowed(source);
        }
        let mut written = String::with_capacity(source.len());
        let mut rest = source;
        while let Some(start) = next_marker(rest) {
            written.push_str(&rest[..start]);
            let (marker, inside) = rest[start..].split_at(2);
            if marker == "{#" {
                // Marked safe, because it comes from the template, not from a value.
                written.push_str("{{\"{#\"|safe}}");
                rest = inside;
                continue;
            }
            let close = if marker == "{{" { "}}" } else { "%}" };
            let whole =
                inside.find(close).filter(|&end| self.is_alias(without_dashes(&inside[..end]).1));
            let Some(end) = whole.or_else(|| expression_end(inside, close)) else {
                rest = &rest[start..];
                break;
            };
            let (before, expression, after) = without_dashes(&inside[..end]);
            written.extend([marker, before, &self.expression(expression), after, close]);
            rest = &inside[end + close.len()..];
            if marker == "{%" && expression.trim() == "raw" {
                let end = raw_end(rest);
                written.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
        written.push_str(rest);
        Cow::Owned(written)
    }

    fn is_alias(&self, expression: &str) -> bool {
        self.names.get(expression.trim()).is_some_and(Option::is_some)
    }
}

/// The prefix of every alias. No platform uses it for a keyword.
const ALIAS: &str = "__keyword_";

/// Reports whether an expression that the engine cannot read is intended as a name.
pub(super) fn is_meant_as_name(expression: &str) -> bool {
    let expression = expression.trim();
    let is_plain = |c: char| is_name_character(c) || matches!(c, ' ' | '.' | '-');
    expression.starts_with(is_name_character)
        && expression.ends_with(is_name_character)
        && expression.chars().all(is_plain)
        && expression.chars().any(char::is_alphabetic)
        && !expression.contains(" -")
        && !expression.contains("- ")
        && !expression.split(' ').any(|word| OPERATORS.contains(&word))
}

/// Returns the expressions of a template that are intended as names of keywords.
pub(super) fn meant_as_names(source: &str) -> impl Iterator<Item = &str> {
    source.split("{{").skip(1).filter_map(|piece| {
        let (expression, _) = piece.split_once("}}")?;
        let (_, expression, _) = without_dashes(expression);
        is_meant_as_name(expression).then_some(expression.trim())
    })
}

/// Words between values in an expression.
const OPERATORS: &[&str] = &["and", "else", "if", "in", "is", "not", "or"];

/// Reports whether the engine accepts a name as an identifier.
pub(super) fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Reports whether a name may be replaced inside an expression. A name such as `7` or `-` has another meaning there.
fn is_spelled_in_expressions(name: &str) -> bool {
    name.chars().any(char::is_alphabetic) && !name.contains(['"', '\'', '{', '}'])
}

fn is_name_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn next_marker(text: &str) -> Option<usize> {
    let found = text.match_indices('{').find(|(at, _)| {
        text.as_bytes().get(at + 1).is_some_and(|next| matches!(next, b'{' | b'%' | b'#'))
    });
    found.map(|(at, _)| at)
}

/// Splits off the `-` or `+` at each end of a tag's content, which control white space around the tag.
fn without_dashes(inside: &str) -> (&str, &str, &str) {
    let start = usize::from(inside.starts_with(['-', '+']));
    let end = inside.len() - usize::from(inside.len() > start && inside.ends_with(['-', '+']));
    (&inside[..start], &inside[start..end], &inside[end..])
}

/// Finds the end of an expression: the first `close` outside its quotes and braces.
fn expression_end(inside: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    let mut is_escaped = false;
    let mut braces = 0_usize;
    inside.char_indices().find_map(|(at, c)| {
        match (quote, c) {
            _ if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, _) if braces == 0 && inside[at..].starts_with(close) => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (None, '{') => braces += 1,
            (None, '}') => braces = braces.saturating_sub(1),
            _ => {}
        }
        None
    })
}

/// Finds the start of the tag that ends a `raw` block.
fn raw_end(text: &str) -> usize {
    let ends = text.match_indices("{%").find(|(at, _)| {
        text[at + 2..].trim_start_matches(['-', '+']).trim_start().starts_with("endraw")
    });
    ends.map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::assert_linear;
    use crate::input::Findings;

    fn names(json: &str) -> Names {
        Names::of(&Value::read_object(json, &mut Findings::default()).expect("it is JSON"))
    }

    #[test]
    fn names_are_replaced_where_they_are_whole() {
        let names = names(
            r#"{"First Name": 1, "a-b": 2, "ü": [{"unit price": 3, "1": 4}], "7": 5, "plain": 6}"#,
        );
        let aliases: BTreeMap<_, _> = names.aliases().collect();
        let alias = |name: &str| aliases[name].to_owned();
        for (expression, written) in [
            ("First Name | upper", format!("{} | upper", alias("First Name"))),
            ("a-b ~ 'a-b'", format!("{} ~ 'a-b'", alias("a-b"))),
            ("a - b", "a - b".to_owned()),
            ("xa-b", "xa-b".to_owned()),
            ("ü[0].unit price + 7", format!("{}[0][\"unit price\"] + 7", alias("ü"))),
            ("line . unit price", "line [\"unit price\"]".to_owned()),
            ("plain.prices[1]", "plain.prices[1]".to_owned()),
        ] {
            assert_eq!(names.expression(expression), written, "{expression}");
        }
        assert_eq!(names.expression("7").trim(), alias("7"));
    }

    #[test]
    fn templates_keep_everything_else() {
        let names = names(r#"{"First Name": 1}"#);
        let (_, alias) = names.aliases().next().expect("there is one");
        for (source, written) in [
            (
                "{#a{#} {% if First Name -%}x{% endif %}",
                format!(
                    "{{{{\"{{#\"|safe}}}}a{{{{\"{{#\"|safe}}}}}} {{% if {alias} -%}}x{{% endif %}}"
                ),
            ),
            ("{{- First Name }}", format!("{{{{- {alias} }}}}")),
            (
                "{% raw %}{{First Name}}{#{% endraw %}",
                "{% raw %}{{First Name}}{#{% endraw %}".to_owned(),
            ),
            ("{{ {'a': {'b': 1}} }} {{ open", "{{ {'a': {'b': 1}} }} {{ open".to_owned()),
            ("First Name { # }", "First Name { # }".to_owned()),
        ] {
            assert_eq!(names.template(source), written, "{source}");
        }
    }

    #[test]
    fn long_templates_and_many_names_take_time_in_proportion() {
        let members: Vec<_> = (0..50_000).map(|n| format!("\"a {n}\": 1")).collect();
        let names = names(&format!("{{{}}}", members.join(",")));
        for piece in [
            "{{",
            "{%",
            "{#",
            "a ",
            "{{ a 1 }}",
            "{{ a a a a a a a a a a a a a ",
            "\"",
            "{% raw %}",
        ] {
            assert_linear(piece, |template| {
                names.template(template);
            });
        }
    }
}
