//! The file name in a Content-Disposition header (RFC 6266).

/// Returns the file name in a Content-Disposition header. `filename*` takes precedence over `filename`.
///
/// The server chooses the name, so it is not safe to use for a file. The component makes it safe.
pub(super) fn file_name(header: &str) -> Option<String> {
    let extended = parameter(header, "filename*").and_then(|value| {
        let mut parts = value.splitn(3, '\'');
        let (charset, _, encoded) = (parts.next()?, parts.next()?, parts.next()?);
        charset.eq_ignore_ascii_case("utf-8").then(|| percent_decoded(encoded))?
    });
    extended.or_else(|| parameter(header, "filename")).filter(|name| !name.is_empty())
}

fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header;
    // The text before the first semicolon is the disposition.
    while let Some((_, after)) = rest.split_once(';') {
        let after = after.trim_start();
        let (name, value) = after.split_once('=')?;
        let value = value.trim_start();
        let (text, length) = match value.strip_prefix('"') {
            Some(inside) => quoted(inside)?,
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (value[..end].trim_end().to_owned(), end)
            }
        };
        if name.trim_end().eq_ignore_ascii_case(wanted) {
            return Some(text);
        }
        rest = &value[length..];
    }
    None
}

/// Returns the text of a quoted string, and the length of the string with its quotes.
fn quoted(inside: &str) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut escaped = false;
    for (index, c) in inside.char_indices() {
        match c {
            _ if escaped => {
                escaped = false;
                text.push(c);
            }
            '\\' => escaped = true,
            '"' => return Some((text, index + 2)),
            _ => text.push(c),
        }
    }
    None
}

fn percent_decoded(text: &str) -> Option<String> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_their_forms() {
        for (header, name) in [
            ("attachment; filename=a.pdf", Some("a.pdf")),
            ("attachment; filename=\"a b; c.pdf\"; size=3", Some("a b; c.pdf")),
            ("attachment; filename=\"a\\\"b.pdf\"", Some("a\"b.pdf")),
            (
                "attachment; filename=\"x.pdf\"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf",
                Some("résumé.pdf"),
            ),
            ("inline; FileName = a.pdf ", Some("a.pdf")),
            ("attachment; filename*=ISO-8859-1''x; filename=y", Some("y")),
            ("attachment", None),
            ("attachment; filename=", None),
            ("attachment; filename=\"open", None),
            ("", None),
        ] {
            assert_eq!(file_name(header).as_deref(), name, "{header}");
        }
    }
}
