//! Quoted strings (RFC 5322 section 3.2.4).

/// Puts printable ASCII text in quotes (RFC 5322 section 3.2.4).
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
