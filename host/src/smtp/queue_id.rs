//! The name that a server gives a message, for whoever asks its postmaster.

/// The server's own name for a message, out of the words that common servers say it in.
pub(super) fn queue_id(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split([' ', '\n', '\t']).filter(|word| !word.is_empty()).collect();
    let place = |phrase: &[&str]| {
        words.windows(phrase.len()).position(|window| {
            window.iter().zip(phrase).all(|(word, said)| word.eq_ignore_ascii_case(said))
        })
    };
    let after = |phrase: &[&str]| words.get(place(phrase)? + phrase.len()).copied();
    let before = |phrase: &[&str]| words.get(place(phrase)?.checked_sub(1)?).copied();
    // Postfix and many others; Sendmail and OpenSMTPD; Exim; Amazon SES, which says nothing but the id.
    let found = after(&["queued", "as"])
        .or_else(|| before(&["Message", "accepted", "for", "delivery"]))
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
            ("91fe2c3d Message accepted for delivery", Some("91fe2c3d")),
            ("Message accepted for delivery", None),
            ("OK", None),
            ("", None),
            ("Ok: thanks", None),
        ] {
            assert_eq!(queue_id(text).as_deref(), id, "{text}");
        }
    }
}
