//! Paths of values in an input.

use std::fmt;

/// The path of a value in an input, written `to[2].email`. The path of the whole input is `$`.
///
/// A path is a chain of borrowed steps. Its text is only written when it is needed.
#[derive(Clone, Copy, Debug)]
pub struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

/// One step from a value to a value inside it.
#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    Root,
    Key(&'p str),
    Index(usize),
}

/// The most characters of a key that are shown.
const LONGEST_KEY: usize = 80;

impl Path<'static> {
    /// The path of the whole input.
    pub const ROOT: Path<'static> = Path { parent: None, step: Step::Root };
}

impl<'p> Path<'p> {
    /// Returns the path of `key` in the object at this path.
    pub fn key(&'p self, key: &'p str) -> Path<'p> {
        Path { parent: Some(self), step: Step::Key(key) }
    }

    /// Returns the path of the element `index` in the array at this path.
    pub fn index(&'p self, index: usize) -> Path<'p> {
        Path { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inside = match self.parent {
            Some(parent) if !matches!(parent.step, Step::Root) => {
                parent.fmt(f)?;
                true
            }
            _ => false,
        };
        match self.step {
            Step::Root => f.write_str("$"),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) if is_plain(key) => write!(f, "{}{key}", if inside { "." } else { "" }),
            Step::Key(key) => {
                let shown: String = key.chars().take(LONGEST_KEY).collect();
                write!(f, "[{shown:?}]")
            }
        }
    }
}

/// Reports whether a key needs no quotes in a path.
fn is_plain(key: &str) -> bool {
    (1..=LONGEST_KEY).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_the_expression_that_would_reach_the_value() {
        let to = Path::ROOT.key("to");
        let third = to.index(2);
        assert_eq!(Path::ROOT.to_string(), "$");
        assert_eq!(third.key("email").to_string(), "to[2].email");
        assert_eq!(Path::ROOT.key("headers").key("X-Foo").to_string(), "headers.X-Foo");
    }

    #[test]
    fn quotes_keys_that_are_not_identifiers() {
        let headers = Path::ROOT.key("headers");
        assert_eq!(headers.key("X-A: 1\r\nBcc").to_string(), r#"headers["X-A: 1\r\nBcc"]"#);
        assert_eq!(headers.key("").to_string(), r#"headers[""]"#);
        assert!(headers.key(&"a".repeat(5_000)).to_string().len() < 100);
    }
}
