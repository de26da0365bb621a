//! A message without the bytes of its files.

use mail_builder::Writer;
use mail_builder::mime::MimePart;

/// The bytes of a message around its files, and the places of the files.
pub(super) struct Skeleton {
    bytes: Vec<u8>,
    /// Ascending offsets into `bytes`, each with the number of the file that is inserted there.
    places: Vec<(usize, usize)>,
}

/// A piece of a message, in order.
pub(super) enum Piece<'s> {
    /// Bytes around the files.
    Bytes(&'s [u8]),
    /// The file with this number.
    File(usize),
}

impl Skeleton {
    /// Writes a tree after a header block. A body that is `markers[n]`, by address, marks the place of file `n`.
    pub(super) fn write(head: Vec<u8>, tree: MimePart<'_>, markers: &[u8]) -> Self {
        let mut weaver = Weaver { skeleton: Self { bytes: head, places: Vec::new() }, markers };
        tree.write_part(&mut weaver);
        let mut skeleton = weaver.skeleton;
        // A message must end with CRLF, but a single part may have a text without one.
        let ends_with_file =
            skeleton.places.last().is_some_and(|(end, _)| *end == skeleton.bytes.len());
        if !skeleton.bytes.ends_with(b"\r\n") && !ends_with_file {
            skeleton.bytes.extend_from_slice(b"\r\n");
        }
        skeleton
    }

    /// Returns the length of the bytes around the files.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the bytes around the files. Without files, this is the whole message.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the pieces of the whole message.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let mut from = 0;
        let mut places = self.places.iter();
        let mut due = None;
        std::iter::from_fn(move || {
            if let Some(file) = due.take() {
                return Some(Piece::File(file));
            }
            let end = match places.next() {
                Some((offset, file)) => {
                    due = Some(*file);
                    *offset
                }
                None if from < self.bytes.len() => self.bytes.len(),
                None => return None,
            };
            let bytes = &self.bytes[from..end];
            from = end;
            Some(Piece::Bytes(bytes))
        })
    }
}

/// A sink for mail-builder that recognizes markers by their address.
struct Weaver<'m> {
    skeleton: Skeleton,
    markers: &'m [u8],
}

impl Writer for Weaver<'_> {
    fn write(&mut self, bytes: &[u8]) {
        let range = self.markers.as_ptr_range();
        if range.contains(&bytes.as_ptr()) && bytes.len() == 1 {
            let file = bytes.as_ptr().addr() - range.start.addr();
            self.skeleton.places.push((self.skeleton.bytes.len(), file));
        } else {
            self.skeleton.bytes.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    use mail_builder::headers::content_type::ContentType;
    use mail_builder::headers::raw::Raw;
    use mail_builder::mime::BodyPart;

    #[test]
    fn files_stand_where_their_markers_stood() {
        let markers = vec![0; 2];
        let part = |index: usize| {
            MimePart::raw(BodyPart::Binary(Cow::Borrowed(&markers[index..=index])))
                .header("Content-Type", Raw::new("a/b"))
                .header("Content-Transfer-Encoding", Raw::new("base64"))
        };
        let tree = MimePart::new(
            ContentType::new("multipart/mixed").attribute("boundary", "=_x"),
            vec![part(1), part(0)],
        );
        let skeleton = Skeleton::write(b"A: b\r\n".to_vec(), tree, &markers);
        let mut seen = String::new();
        for piece in skeleton.pieces() {
            match piece {
                Piece::Bytes(bytes) => seen.push_str(std::str::from_utf8(bytes).unwrap()),
                Piece::File(file) => seen.push_str(&format!("[{file}]")),
            }
        }
        assert_eq!(
            seen,
            "A: b\r\nContent-Type: multipart/mixed; boundary=\"=_x\"\r\n\r\n--=_x\r\n\
             Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n[1]\r\n--=_x\r\n\
             Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n[0]\r\n--=_x--\r\n"
        );
    }

    #[test]
    fn a_message_ends_with_a_line_end() {
        let part = MimePart::raw("text")
            .header("Content-Type", Raw::new("text/plain"))
            .header("Content-Transfer-Encoding", Raw::new("7bit"));
        let skeleton = Skeleton::write(Vec::new(), part, &[]);
        assert!(skeleton.bytes.ends_with(b"\r\n\r\ntext\r\n"));
    }
}
