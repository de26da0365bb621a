//! A text whose values are in place, and values in the place of URLs.

use std::borrow::Cow;

use super::problem::{Problem, excerpt};
use super::url;
use crate::input::findings::Code;

/// A text whose values are in place.
#[derive(Default)]
pub(super) struct Filled {
    pub(super) text: String,
    /// What had to be changed, in sentences.
    pub(super) changed: Vec<String>,
}

/// A piece of a text with placeholders.
pub(super) enum Piece<'t> {
    /// As it stands there.
    Literal(&'t str),
    /// What a placeholder stands for.
    Value(String),
}

/// URLs in a header stand between `<` and `>`.
pub(super) fn fill_url(before: &str, pieces: &[Piece<'_>]) -> Filled {
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
pub(super) fn fill_fetched(pieces: &[Piece<'_>]) -> Result<Filled, Problem> {
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
pub(super) fn next_character(pieces: &[Piece<'_>], index: usize) -> Option<char> {
    pieces[index + 1..].iter().find_map(|piece| match piece {
        Piece::Literal(text) => text.chars().next(),
        Piece::Value(text) => text.chars().next(),
    })
}
