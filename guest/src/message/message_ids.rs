//! Unique values that are derived from the run, so that a retry gets the same ones.

use sha2::{Digest, Sha256};

/// A generator of a message's boundaries and its Message-ID.
pub struct MessageIds {
    seed: [u8; 32],
    boundaries: u32,
}

impl MessageIds {
    /// Creates the generator for a run on an account. Two accounts may use the same key for different mails.
    pub fn new(account: &str, run: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(account);
        hash.update([0]);
        hash.update(run);
        Self { seed: hash.finalize().into(), boundaries: 0 }
    }

    /// Returns the part of a Message-ID before the `@`: 128 bits.
    pub fn message_id(&self) -> String {
        self.derive("message-id", 0)
    }

    /// Returns a boundary that does not occur in `raw`, the parts that are sent without encoding.
    ///
    /// Encoded parts never contain `=_`: in quoted-printable, `=` is followed by two digits or a line end, and base64
    /// does not use `_`. RFC 2045 section 6.7 suggests such a boundary.
    pub fn boundary(&mut self, raw: &[&[u8]]) -> String {
        loop {
            let boundary = format!("=_{}", self.derive("boundary", self.boundaries));
            self.boundaries += 1;
            if !raw.iter().any(|part| contains(part, boundary.as_bytes())) {
                return boundary;
            }
        }
    }

    fn derive(&self, purpose: &str, number: u32) -> String {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(purpose);
        hash.update(number.to_be_bytes());
        hexadecimal(&hash.finalize()[..16])
    }
}

/// Formats bytes in hexadecimal, two digits each.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn contains(part: &[u8], wanted: &[u8]) -> bool {
    part.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_run_makes_the_same_names() {
        let mut one = MessageIds::new("work", "order-7");
        let mut two = MessageIds::new("work", "order-7");
        assert_eq!(one.message_id(), two.message_id());
        assert_eq!(one.boundary(&[]), two.boundary(&[]));
        assert_ne!(one.boundary(&[]), MessageIds::new("work", "order-7").boundary(&[]));
        assert_ne!(one.message_id(), MessageIds::new("work", "order-8").message_id());
        assert_ne!(one.message_id(), MessageIds::new("home", "order-7").message_id());
    }

    #[test]
    fn a_boundary_that_stands_in_a_part_is_passed_over() {
        let first = MessageIds::new("work", "order-7").boundary(&[]);
        let part = format!("--{first}\r\nforged");
        let second = MessageIds::new("work", "order-7").boundary(&[part.as_bytes()]);
        assert_ne!(first, second);
    }
}
