//! Generates envelopes and messages. Most of them keep the rules.

use super::case::Input;
use super::material::{
    BAD_BODY, BAD_HEADERS, BODY, DATE, ENVELOPE_IDS, FROM, HEADERS, MESSAGE_ID, ODD, OTHER_SENDERS,
    OTHERS, RECIPIENTS, SENDERS,
};
use super::program::{Chunk, Envelope};
use super::random::Random;

pub(crate) fn envelope(random: &mut Random, input: &Input, is_sound: bool) -> Envelope {
    let sender = match random.below(30) {
        0 if !is_sound => odd(random, OTHER_SENDERS),
        _ => random.pick(SENDERS).to_owned(),
    };
    let mut recipients = Vec::new();
    for recipient in &input.recipients {
        let is_chosen = is_sound || recipients.is_empty() || random.one_in(2);
        if is_chosen && !recipients.contains(recipient) {
            recipients.push(recipient.clone());
        }
    }
    match random.below(40) {
        _ if is_sound => {}
        0 => recipients.push(odd(random, OTHERS)),
        1 => recipients.push(random.pick(RECIPIENTS).to_owned()),
        2 if !recipients.is_empty() => {
            let at = random.below(recipients.len());
            recipients[at] = odd(random, &[&recipients[at].clone()]);
        }
        3 => recipients.extend(input.recipients.first().cloned()),
        4 if random.one_in(2) => recipients = vec![format!("{}@example.net", "x".repeat(300))],
        5 if random.one_in(2) => recipients = vec!["bob@example.net".to_owned(); 101],
        _ => {}
    }
    let has_utf8 = recipients.iter().any(|one| !one.is_ascii());
    let notification = random.one_in(8).then(|| {
        let report = random.one_in(2).then(|| u32::from(random.one_in(2)));
        let id = random.one_in(2).then(|| match random.below(12) {
            0 => "x".repeat(101),
            1 => random.pick(ENVELOPE_IDS).to_owned(),
            _ => random.pick(&ENVELOPE_IDS[..4]).to_owned(),
        });
        (u32::try_from(random.below(8)).expect("it is small"), report, id)
    });
    Envelope {
        sender,
        recipients,
        allow_partial: !random.one_in(if is_sound { 12 } else { 3 }),
        utf8_headers: has_utf8 && random.one_in(2),
        size: random.one_in(20).then(|| random.next() >> random.below(64)),
        notification,
    }
}

/// Returns one of these texts, often with something inserted.
fn odd(random: &mut Random, from: &[&str]) -> String {
    let mut text = random.pick(from).to_owned();
    if random.one_in(2) {
        let places: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        text.insert(random.pick(&places), random.pick(ODD));
    }
    text
}

/// Returns a complete message. If `is_sound`, it keeps all rules; otherwise it does in most cases.
pub(crate) fn content(random: &mut Random, is_sound: bool) -> Vec<u8> {
    let mut headers = vec![random.pick(FROM), DATE, MESSAGE_ID];
    if random.one_in(2) {
        let at = random.below(headers.len() + 1);
        headers.insert(at, random.pick(HEADERS));
    }
    match random.below(24) {
        _ if is_sound => {}
        0 | 1 => headers.insert(random.below(headers.len() + 1), random.pick(BAD_HEADERS)),
        2 => headers[0] = random.pick(BAD_HEADERS),
        3 => drop(headers.remove(random.below(headers.len()))),
        _ => {}
    }
    let mut message = headers.concat();
    if is_sound || !random.one_in(20) {
        message.push_str("\r\n");
    }
    for _ in 0..random.below(6) {
        message.push_str(random.pick(BODY));
    }
    match random.below(40) {
        _ if is_sound => {}
        0 | 1 => {
            message.push_str(random.pick(BAD_BODY));
            message.push_str(random.pick(BODY));
        }
        2 => message.push_str(&format!("{}\r\n", "x".repeat(998 + random.below(2)))),
        3 => message.push_str(&".\r\n".repeat(random.below(1000))),
        4 => message.push_str(random.pick(BAD_BODY)),
        _ => {}
    }
    message.into_bytes()
}

/// Cuts a text at random places, often within a line end or at a dot.
pub(crate) fn pieces(random: &mut Random, bytes: &[u8]) -> Vec<Chunk> {
    let marks: Vec<_> = (1..bytes.len()).filter(|&at| matches!(bytes[at], b'\n' | b'.')).collect();
    let mut cuts: Vec<_> = (0..random.below(5))
        .filter_map(|_| match random.one_in(2) {
            true if !marks.is_empty() => Some(random.pick(&marks)),
            _ if bytes.len() > 1 => Some(1 + random.below(bytes.len() - 1)),
            _ => None,
        })
        .collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| Chunk::Bytes(bytes[cut[0]..cut[1]].to_vec())).collect()
}
