//! The name that a server gives a message, for whoever asks its postmaster.

/// The server's own name for a message, out of the words that common servers say it in.
pub(super) fn queue_id(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split([' ', '\n', '\t']).filter(|word| !word.is_empty()).collect();
    let after = |lead: &[&str]| {
        let place = words.windows(lead.len()).position(|window| {
            window.iter().zip(lead).all(|(word, lead)| word.eq_ignore_ascii_case(lead))
        })?;
        words.get(place + lead.len()).copied()
    };
    // Postfix and many others; Exim; Gmail; Amazon SES, which says nothing but the id.
    let found = after(&["queued", "as"])
        .or_else(|| {
            words.iter().find_map(|word| word.strip_prefix("id=").filter(|id| !id.is_empty()))
        })
        .or_else(|| after(&["Ok"]).filter(|id| id.len() >= 16 && !id.contains(':')));
    found
        .map(|id| id.trim_matches(['<', '>', '.', ',', '"']).to_owned())
        .filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_name_messages_in_their_own_words() {
        for (text, id) in [
            ("Ok: queued as 4XyZ12", Some("4XyZ12")),
            ("OK id=1tABCD-000001-Ab", Some("1tABCD-000001-Ab")),
            ("Ok 0100018f2c3d4e5f-1a2b3c4d-000000", Some("0100018f2c3d4e5f-1a2b3c4d-000000")),
            ("Message accepted for delivery\nqueued as <7>", Some("7")),
            ("OK", None),
            ("", None),
            ("Ok: thanks", None),
        ] {
            assert_eq!(queue_id(text).as_deref(), id, "{text}");
        }
    }
}
