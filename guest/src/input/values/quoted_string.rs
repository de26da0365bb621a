//! Quoted strings (RFC 5322 section 3.2.4).

/// A quoted string (RFC 5322 section 3.2.4) of printable ASCII.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}
