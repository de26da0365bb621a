//! Texts with their values filled in, and values inside URLs.

use std::borrow::Cow;

use super::problem::{Problem, excerpt};
use super::url;
use crate::input::findings::Code;

/// A text with its values filled in.
#[derive(Default)]
pub(super) struct Filled {
    pub(super) text: String,
    /// The messages about values that were changed.
    pub(super) changed: Vec<String>,
}

/// A piece of a text with placeholders.
pub(super) enum Piece<'t> {
    /// Text outside placeholders.
    Literal(&'t str),
    /// The value of a placeholder.
    Value(String),
}

/// Fills in the URLs of a header, which are between `<` and `>`.
pub(super) fn fill_url(before: &str, pieces: &[Piece<'_>]) -> Filled {
    let mut filled = Filled::default();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => filled.text.push_str(literal),
            Piece::Value(value) => {
                let (_, url) = filled.text.rsplit_once('<').unwrap_or(("", &filled.text));
                let put = if url.contains('>') {
                    // In a comment after the URL.
                    Some(Cow::Owned(value.replace(['(', ')', '<', '>', '\\'], " ")))
                } else {
                    let next = next_character(pieces, index).filter(|&c| c != '>');
                    // A value that makes the URL a script is kept, because the field then refuses the URL.
                    url::fill(&[before, url].concat(), value, next)
                };
                filled.text.push_str(&put.unwrap_or(Cow::Borrowed(value)));
            }
        }
    }
    filled
}

/// Fills in the URLs of attachments.
pub(super) fn fill_fetched(pieces: &[Piece<'_>]) -> Result<Filled, Problem> {
    let mut filled = Filled::default();
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => filled.text.push_str(literal),
            Piece::Value(value) => {
                let put = url::fill_fetched(&filled.text, value).ok_or_else(|| {
                    let value = excerpt(value);
                    let message =
                        format!("the value {value:?} is inside a URL and would begin another URL");
                    Problem { code: Code::InvalidUrl, message }
                })?;
                filled.text.push_str(&put);
            }
        }
    }
    Ok(filled)
}

/// Returns the character after a piece.
pub(super) fn next_character(pieces: &[Piece<'_>], index: usize) -> Option<char> {
    pieces[index + 1..].iter().find_map(|piece| match piece {
        Piece::Literal(text) => text.chars().next(),
        Piece::Value(text) => text.chars().next(),
    })
}
