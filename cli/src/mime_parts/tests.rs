use super::*;

fn shown(raw: &str) -> Vec<(usize, String, usize)> {
    let shown = |part: &MimePart<'_>| {
        (part.depth, part.headers.media_type.clone(), if part.has_parts { 0 } else { part.size() })
    };
    parts_of(raw.as_bytes()).iter().map(shown).collect()
}

fn row(depth: usize, kind: &str, size: usize) -> (usize, String, usize) {
    (depth, kind.to_owned(), size)
}

#[test]
fn parts_are_found_in_their_order_and_decoded() {
    let raw = "Content-Type: multipart/mixed; boundary=a\r\n\r\npreamble\r\n\
               --a\r\nContent-Type: multipart/alternative; boundary=\"b c\"\r\n\r\n\
               --b c\r\n\r\nHi\r\n--b c \t\r\nContent-Type: text/html\r\n\
               Content-Transfer-Encoding: quoted-printable\r\n\r\n=41=\r\nB\r\n--b c--\r\nepilogue\r\n\
               --a\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n--b c\r\n\
               --a\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n--a--\r\n\
               --a\r\n\r\nafter the end\r\n";
    assert_eq!(
        shown(raw),
        [
            row(0, "multipart/mixed", 0),
            row(1, "multipart/alternative", 0),
            row(2, "text/plain", 2),
            row(2, "text/html", 2),
            row(1, "message/rfc822", 19),
            row(1, "image/png", 3),
        ]
    );
    let texts: Vec<_> = parts_of(raw.as_bytes()).iter().filter_map(MimePart::text).collect();
    assert_eq!(texts, ["Hi", "AB"]);
}

#[test]
fn other_types_are_one_part() {
    for (raw, kind, size) in [
        ("Subject: x\r\n\r\nbody\r\n", "text/plain", 6),
        ("Subject: x", "text/plain", 0),
        ("Content-Type: multipart/mixed\r\n\r\n--a\r\n\r\nx\r\n--a--\r\n", "multipart/mixed", 17),
        ("Content-Type: multipart/mixed; boundary=a\r\n\r\nx\r\n", "multipart/mixed", 3),
        ("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a--\r\n", "multipart/mixed", 0),
        ("Content-Type: text/plain; boundary=a\r\n\r\n--a\r\n\r\nx\r\n", "text/plain", 10),
    ] {
        assert_eq!(shown(raw), [row(0, kind, size)], "{raw}");
    }
}

#[test]
fn a_part_that_ends_within_its_headers_is_empty() {
    let raw =
        "Content-Type: multipart/digest; boundary=a\n\n--a\n--a\nContent-Type: text/x\n--a--\n";
    let found = [row(0, "multipart/digest", 0), row(1, "message/rfc822", 0), row(1, "text/x", 0)];
    assert_eq!(shown(raw), found);
}

/// Builds a message with nested messages or nested multiparts.
fn nested(levels: usize, kind: &str) -> String {
    let level = |n| match kind {
        "rfc822" => "Content-Type: message/rfc822\r\n\r\n".to_owned(),
        _ => format!("Content-Type: multipart/{kind}; boundary=b{n}\r\n\r\n--b{n}\r\n"),
    };
    (0..levels).map(level).collect::<String>() + "Content-Type: text/plain\r\n\r\nx\r\n"
}

#[test]
fn what_is_nested_too_deep_is_one_part_that_says_so() {
    for kind in ["mixed", "digest"] {
        let raw = nested(20_000, kind);
        let parts = parts_of(raw.as_bytes());
        assert_eq!(parts.len(), DEPTH + 1, "{kind}");
        let last = parts.last().expect("there are parts");
        assert_eq!((last.depth, last.limit), (DEPTH, Some(Limit::Depth)));
        assert!(last.size() > raw.len() - 80 * (DEPTH + 1), "all of the rest is in it");
    }
    assert_eq!(parts_of(nested(200_000, "rfc822").as_bytes()).len(), 1);
    // mail-parser decodes such a message and parses it too.
    let hidden = nested(20_000, "rfc822");
    let quoted = hidden.replace('=', "=3D");
    let raw = format!(
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{quoted}"
    );
    let parts = parts_of(raw.as_bytes());
    assert_eq!((parts.len(), parts[0].size()), (1, hidden.len()));
}

#[test]
fn parts_without_number_end_in_one_for_the_rest() {
    let part = "--a\r\nContent-Type: multipart/mixed; boundary=never\r\n\r\nx\r\n";
    let head = "Content-Type: multipart/mixed; boundary=a\r\n\r\n";
    let raw = format!("{head}{}", part.repeat(20_000));
    let parts = parts_of(raw.as_bytes());
    assert_eq!(parts.len(), PARTS + 1);
    let last = parts.last().expect("there are parts");
    assert_eq!((last.depth, last.limit), (1, Some(Limit::Parts)));
    let expected = (20_000 - PARTS + 1) * part.len();
    assert!(last.size() <= expected && last.size() + 100 > expected, "all of the rest is in it");
}
