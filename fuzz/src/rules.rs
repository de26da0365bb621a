//! Rules for every message, for any input. Each check panics if a rule is broken.

use std::collections::BTreeSet;

use mail_parser::{Address, MessageParser};

use crate::platform::Sent;

/// Checks a message against all rules.
pub fn check(sent: &Sent) {
    check_lines(&sent.message);
    check_headers(&sent.message);
    check_envelope(sent);
}

/// Checks that every line ends in CRLF and has at most 998 octets (RFC 5322 section 2.1).
fn check_lines(message: &[u8]) {
    assert!(message.ends_with(b"\r\n"), "the last line has no end");
    assert!(!message.contains(&0), "a NUL");
    for line in message.split(|byte| *byte == b'\n') {
        let (text, end) = line.split_at(line.len().saturating_sub(1));
        assert!(line.is_empty() || end == b"\r", "a lone LF");
        assert!(!text.contains(&b'\r'), "a lone CR");
        assert!(text.len() <= 998, "a line of {} octets", text.len());
    }
}

/// Checks that required headers stand once, and that forbidden ones are absent.
fn check_headers(message: &[u8]) {
    let end = message.windows(4).position(|octets| octets == b"\r\n\r\n").expect("a header block");
    let head = String::from_utf8(message[..end].to_vec()).expect("headers are UTF-8");
    let names: Vec<_> = head
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split_once(':').expect("every header has a name").0.to_ascii_lowercase())
        .collect();
    let count = |wanted: &str| names.iter().filter(|name| *name == wanted).count();
    for name in ["from", "date", "message-id", "mime-version", "subject", "content-type"] {
        assert_eq!(count(name), 1, "{name}");
    }
    for name in ["to", "cc", "reply-to", "in-reply-to", "references", "content-transfer-encoding"] {
        assert!(count(name) <= 1, "{name}");
    }
    for name in ["bcc", "resent-bcc", "return-path", "received", "delivered-to", "sender"] {
        assert_eq!(count(name), 0, "{name}");
    }
}

/// Checks that everyone in the headers gets the message.
fn check_envelope(sent: &Sent) {
    let envelope = &sent.envelope;
    for address in envelope.recipients.iter().chain([&envelope.sender]) {
        let strange = |c: char| c.is_control() || c == ' ' || c == '<' || c == '>';
        assert!(!address.contains(strange), "{address:?}");
    }
    let recipients: BTreeSet<_> = envelope.recipients.iter().map(String::as_str).collect();
    assert_eq!(recipients.len(), envelope.recipients.len(), "a recipient is listed twice");
    let message = MessageParser::default().parse_headers(&sent.message).expect("a message");
    let named = [message.to(), message.cc()].into_iter().flatten().flat_map(Address::iter);
    for one in named.filter_map(|one| one.address()) {
        assert!(recipients.contains(one), "{one:?} is named, and {recipients:?} get it");
    }
}
