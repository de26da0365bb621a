//! Placeholders in a list of addresses. A value inside an address stays inside it, so that form input cannot add a
//! recipient.

use super::Piece;
use super::problem::{Problem, excerpt};
use crate::input::findings::Code;
use crate::input::values::quoted_string::quoted;

/// A list of addresses whose placeholders are being filled in.
#[derive(Default)]
pub(super) struct AddressText {
    /// The complete elements, with the separators between them.
    done: String,
    /// The element that is being read.
    element: Vec<Part>,
    place: Place,
    escaped: bool,
    problem: Option<Problem>,
}

/// A piece of an element.
enum Part {
    Literal(String),
    /// A value, and the place of its placeholder.
    Value(String, Place),
}

/// A place in an element.
#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    /// In a name, or in an address without a name.
    #[default]
    Outside,
    /// In a quoted string.
    Quotes,
    /// Between `<` and `>`.
    Brackets,
}

impl AddressText {
    pub(super) fn push(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Literal(literal) => literal.chars().for_each(|c| self.push_literal(c)),
            Piece::Value(value) => self.element.push(Part::Value(value, self.place)),
        }
    }

    /// Returns the whole text. A value that would leave its place is an issue.
    pub(super) fn finish(mut self) -> Result<String, Problem> {
        self.end_element();
        match self.problem {
            Some(problem) => Err(problem),
            None => Ok(self.done),
        }
    }

    fn push_literal(&mut self, c: char) {
        let place = self.place;
        match c {
            _ if self.escaped => self.escaped = false,
            '\\' if place == Place::Quotes => self.escaped = true,
            '"' if place == Place::Quotes => self.place = Place::Outside,
            '"' if place == Place::Outside => self.place = Place::Quotes,
            '<' if place == Place::Outside => self.place = Place::Brackets,
            '>' if place == Place::Brackets => self.place = Place::Outside,
            ',' | ';' | '\r' | '\n' if place == Place::Outside => {
                self.end_element();
                self.done.push(c);
                return;
            }
            _ => {}
        }
        match self.element.last_mut() {
            Some(Part::Literal(literal)) => literal.push(c),
            _ => self.element.push(Part::Literal(c.into())),
        }
    }

    fn end_element(&mut self) {
        let element = std::mem::take(&mut self.element);
        let is_blank = |part: &Part| match part {
            Part::Literal(literal) => literal.trim_ascii().is_empty(),
            Part::Value(..) => false,
        };
        // The value of an element that is one placeholder is kept as it is. It may be a list.
        let is_alone = element.iter().filter(|part| !is_blank(part)).count() == 1;
        for part in element {
            match part {
                Part::Literal(literal) => self.done.push_str(&literal),
                Part::Value(value, _) if is_alone => self.done.push_str(&value),
                Part::Value(value, place) => self.put_in_place(&value, place),
            }
        }
    }

    fn put_in_place(&mut self, value: &str, place: Place) {
        /// The special characters in a list of addresses (RFC 5322 section 3.2.3).
        const SPECIAL: &[char] =
            &['"', '\\', '<', '>', '(', ')', '[', ']', ':', ';', ',', '@', '\r', '\n'];
        match place {
            Place::Outside if value.contains(SPECIAL) => self.done.push_str(&quoted(value)),
            Place::Quotes => {
                let inside = quoted(value);
                self.done.push_str(&inside[1..inside.len() - 1]);
            }
            Place::Brackets if value.contains(['"', '<', '>', ';', ',', '\r', '\n']) => {
                let message = format!(
                    "the value {:?} between < and > is not a valid address",
                    excerpt(value)
                );
                self.problem.get_or_insert(Problem { code: Code::InvalidAddress, message });
            }
            Place::Outside | Place::Brackets => self.done.push_str(value),
        }
    }
}
