//! Splits a text with placeholders into literals and expressions, and finds the keywords in expressions.

use std::borrow::Cow;

/// A part of a text with placeholders.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Literal text.
    Literal(&'t str),
    /// The text between `{{` and `}}`.
    Expression(&'t str),
}

/// The steps to a keyword's value: names of members and indices of items.
pub(super) type Steps<'t> = Vec<Cow<'t, str>>;

/// The most steps. Components do not accept values that are nested this deeply.
const MAX_STEPS: usize = 16;

/// Splits a text into pieces, lazily, because there may be millions.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let placeholder = rest.find("{{").and_then(|start| {
            let end = rest[start..].find("}}")?;
            Some((start, start + end))
        });
        let (piece, after) = match placeholder {
            _ if rest.is_empty() => return None,
            Some((0, end)) => (Piece::Expression(rest[2..end].trim()), end + 2),
            Some((start, _)) => (Piece::Literal(&rest[..start]), start),
            None => (Piece::Literal(rest), rest.len()),
        };
        rest = &rest[after..];
        Some(piece)
    })
}

/// Returns the expression of a text that consists of one placeholder.
pub(super) fn whole_placeholder(text: &str) -> Option<&str> {
    let mut pieces = pieces(text.trim());
    match (pieces.next(), pieces.next()) {
        (Some(Piece::Expression(expression)), None) => Some(expression),
        _ => None,
    }
}

/// Returns the steps of an expression such as `a.b[0].c`. Returns `None` if it is more than a name.
pub(super) fn steps(expression: &str) -> Option<Steps<'_>> {
    let mut steps = Vec::new();
    for part in expression.split('.') {
        let (name, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return None;
        }
        steps.push(Cow::Borrowed(name));
        if !indices.is_empty() && !indices.ends_with(']') {
            return None;
        }
        for index in indices.split_terminator(']') {
            let index = index.strip_prefix('[')?;
            steps.push(match index.parse::<usize>() {
                Ok(number) => Cow::Owned(number.to_string()),
                Err(_) => Cow::Borrowed(index.trim_matches(['"', '\''])),
            });
        }
    }
    (steps.len() <= MAX_STEPS).then_some(steps)
}

/// Returns every path that an expression can mean. A keyword's name can contain any character, so after each step the
/// rest may be one name, as in `data.user.mail`.
pub(super) fn paths(expression: &str) -> Vec<Steps<'_>> {
    let mut paths = Vec::new();
    let mut steps: Steps<'_> = Vec::new();
    let mut rest = expression;
    while steps.len() < MAX_STEPS {
        let whole: Steps<'_> = steps.iter().cloned().chain([Cow::Borrowed(rest)]).collect();
        paths.push(whole);
        let Some(end) = rest.find(['.', '[']).filter(|end| *end > 0 || rest.starts_with('['))
        else {
            return paths;
        };
        if end > 0 {
            steps.push(Cow::Borrowed(&rest[..end]));
            rest = &rest[end..];
        }
        while let Some((index, after)) =
            rest.strip_prefix('[').and_then(|inside| inside.split_once(']'))
        {
            steps.push(match index.parse::<usize>() {
                Ok(number) => Cow::Owned(number.to_string()),
                Err(_) => Cow::Borrowed(index.trim_matches(['"', '\''])),
            });
            rest = after;
        }
        if rest.is_empty() {
            paths.push(steps);
            return paths;
        }
        let Some(after) = rest.strip_prefix('.') else { return paths };
        rest = after;
    }
    paths
}

/// Returns every name in an expression that may be a keyword. Texts in quotes are skipped.
pub(super) fn names(expression: &str) -> impl Iterator<Item = &str> {
    outside_quotes(expression)
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|name| !name.is_empty())
}

/// Returns the texts in quotes of an expression.
pub(super) fn quoted(expression: &str) -> impl Iterator<Item = &str> {
    expression.split(['"', '\'']).skip(1).step_by(2)
}

fn outside_quotes(expression: &str) -> impl Iterator<Item = &str> {
    expression.split(['"', '\'']).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart_at_its_placeholders() {
        use Piece::{Expression, Literal};
        let pieces = |text| pieces(text).collect::<Vec<_>>();
        assert_eq!(pieces("a{{ b }}c"), [Literal("a"), Expression("b"), Literal("c")]);
        assert_eq!(pieces("{{b}}{{c}}"), [Expression("b"), Expression("c")]);
        assert_eq!(pieces("a {{ b"), [Literal("a {{ b")]);
        assert_eq!(pieces("{{}}"), [Expression("")]);
        assert_eq!(pieces(""), []);
        assert_eq!(whole_placeholder(" {{ a.b }} "), Some("a.b"));
        assert_eq!(whole_placeholder("{{a}}b"), None);
    }

    #[test]
    fn from_each_step_on_the_rest_may_be_one_name() {
        let found = |text| paths(text).iter().map(|steps| steps.join("/")).collect::<Vec<_>>();
        assert_eq!(found("First Name"), ["First Name"]);
        assert_eq!(found("a.b-c.d"), ["a.b-c.d", "a/b-c.d", "a/b-c/d"]);
        assert_eq!(found("a[0]['c d'].e"), ["a[0]['c d'].e", "a/0/c d/e"]);
        assert_eq!(found("a[0]"), ["a[0]", "a/0"]);
        assert_eq!(found("a["), ["a["]);
        assert!(paths(&"a.".repeat(100_000)).len() <= MAX_STEPS + 1);
    }

    #[test]
    fn an_expression_is_a_path_or_more_than_a_name() {
        let found = |text| steps(text).map(|steps| steps.join("/"));
        assert_eq!(found("a.b[0]['c d'].e").as_deref(), Some("a/b/0/c d/e"));
        for more in ["a | lower", "a ~ b", "a[0", "a.", "", "'a'"] {
            assert_eq!(found(more), None, "{more}");
        }
        assert_eq!(names("a.b ~ 'c d' | f").collect::<Vec<_>>(), ["a", "b", "f"]);
        assert_eq!(quoted("a ~ 'c d' ~ \"e\"").collect::<Vec<_>>(), ["c d", "e"]);
    }
}
