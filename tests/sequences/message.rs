//! The rules for every message that a server received completely.

use mail_parser::{Address, MessageParser};
use memchr::{memchr_iter, memchr2};

use super::case::Case;
use super::invariants::Checked;

pub(crate) fn check_message(case: &Case, message: &[u8]) -> Checked {
    let mut start = 0;
    for end in memchr_iter(b'\n', message) {
        let line = &message[start..=end];
        start = end + 1;
        let line = line.strip_suffix(b"\r\n").ok_or("a line without CRLF")?;
        if line.len() > 998 || memchr2(0, b'\r', line).is_some() {
            return Err(format!("the line {}", shown(line)));
        }
    }
    let text = String::from_utf8_lossy(message);
    let headers = text.split("\r\n").take_while(|line| !line.is_empty());
    let headers = headers.filter(|line| !line.starts_with([' ', '\t']));
    let names: Result<Vec<_>, _> = headers
        .map(|line| match line.split_once(':') {
            Some((name, _)) if !name.contains(' ') => Ok(name.to_ascii_lowercase()),
            _ => Err(format!("the header {line:?}")),
        })
        .collect();
    let names = names?;
    let count = |name: &str| names.iter().filter(|other| *other == name).count();
    let is_forbidden = |name: &&String| {
        ["bcc", "return-path", "received", "delivered-to", "authentication-results"]
            .contains(&name.as_str())
            || name.starts_with("resent-")
    };
    if let Some(name) = names.iter().find(is_forbidden) {
        return Err(format!("the header {name}"));
    }
    for (name, least) in
        [("from", 1), ("date", 1), ("message-id", 1), ("sender", 0), ("subject", 0)]
    {
        if !(least..=1).contains(&count(name)) {
            return Err(format!("the header {name} {} times", count(name)));
        }
    }
    let parsed = MessageParser::default().parse(message).ok_or("no message")?;
    let originators = [parsed.from(), parsed.sender()];
    for address in originators.into_iter().flatten().flat_map(Address::iter) {
        let names = address.name().into_iter().flat_map(str::split_whitespace);
        let shown = names.filter(|word| word.contains('@')).chain(address.address());
        for address in shown {
            if !case.rules.allows_sender(address) {
                return Err(format!("a message from {address} against the policy"));
            }
        }
    }
    Ok(())
}

pub(crate) fn shown(bytes: &[u8]) -> String {
    let (start, end) = (bytes.len().min(300), bytes.len().saturating_sub(200));
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "{:?} ... {:?}, {} bytes",
        text(&bytes[..start]),
        text(&bytes[end.max(start)..]),
        bytes.len()
    )
}
