//! Keywords in a list of addresses. Who fills in a form that a keyword comes from must not be able to add a
//! recipient: a value that is a part of an address stays a part of it.

use super::Piece;
use super::problem::{Problem, excerpt};
use crate::input::findings::Code;
use crate::input::values::quoted_string::quoted;

/// A list of addresses while its placeholders are filled in.
#[derive(Default)]
pub(super) struct AddressText {
    /// The elements that are complete, with the separators between them.
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
    /// A value, and where its placeholder stands.
    Value(String, Place),
}

/// Where in an element something stands.
#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    /// In a name, or in an address that stands alone.
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

    /// The whole text. A value that would get out of its place is an issue.
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
        // An element that is one placeholder is whatever it stands for, a list as well.
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
        /// What has a meaning in a list of addresses (RFC 5322 section 3.2.3).
        const SPECIAL: &[char] =
            &['"', '\\', '<', '>', '(', ')', '[', ']', ':', ';', ',', '@', '\r', '\n'];
        match place {
            Place::Outside if value.contains(SPECIAL) => self.done.push_str(&quoted(value)),
            Place::Quotes => {
                let inside = quoted(value);
                self.done.push_str(&inside[1..inside.len() - 1]);
            }
            Place::Brackets if value.contains(['"', '<', '>', ';', ',', '\r', '\n']) => {
                let message =
                    format!("{:?} is no address, and stands between < and >", excerpt(value));
                self.problem.get_or_insert(Problem { code: Code::InvalidAddress, message });
            }
            Place::Outside | Place::Brackets => self.done.push_str(value),
        }
    }
}
