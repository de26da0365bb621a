//! Writes the header block from parsed values.

use mail_builder::headers::Header as _;
use mail_builder::headers::date::Date;

use super::folding::{Folding, can_stand_plainly};
use crate::input::fields::headers::value::{HeaderValue, Piece};
use crate::input::values::address::Mailbox;
use crate::input::values::message_id::MessageId;
use crate::input::{Mail, Priority};

/// Writes the headers of a mail, except those of its body.
pub fn write(out: &mut Vec<u8>, mail: &Mail<'_>, message_id: &MessageId, date: i64) {
    addresses(out, "From", std::slice::from_ref(&mail.from));
    if !mail.reply_to.is_empty() {
        addresses(out, "Reply-To", &mail.reply_to);
    }
    let recipients = &mail.recipients;
    if !recipients.to.is_empty() {
        addresses(out, "To", &recipients.to);
    } else if recipients.cc.is_empty() {
        // Mail clients and spam filters expect a To or Cc header. RFC 5322 section 3.6.3 allows an empty group.
        line(out, "To", "undisclosed-recipients:;");
    }
    if !recipients.cc.is_empty() {
        addresses(out, "Cc", &recipients.cc);
    }
    text(out, "Subject", &mail.subject);
    out.extend_from_slice(b"Date: ");
    Date::new(date).write_header(out, "Date: ".len());
    line(out, "Message-ID", message_id.as_str());
    threading(out, mail);
    priority(out, mail.priority);
    list_unsubscribe(out, mail);
    if !mail.read_receipt_to.is_empty() {
        addresses(out, "Disposition-Notification-To", &mail.read_receipt_to);
    }
    for header in &mail.headers {
        out.extend_from_slice(header_line(&header.name, &header.value).as_bytes());
    }
    line(out, "MIME-Version", "1.0");
}

/// Returns the line of a custom header, including its CRLF.
pub fn header_line(name: &str, value: &HeaderValue) -> String {
    let mut folding = Folding::new(name);
    match value {
        HeaderValue::Text(text) => folding.text(text.trim_matches([' ', '\t'])),
        HeaderValue::Verbatim(text) => folding.verbatim(text.trim_matches(' ')),
        HeaderValue::List(elements) => {
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    folding.separator(',');
                }
                element.iter().for_each(|piece| write_piece(&mut folding, piece));
            }
        }
    }
    format!("{name}: {}\r\n", folding.finish())
}

fn write_piece(folding: &mut Folding, piece: &Piece) {
    match piece {
        Piece::Angle(inside) => folding.word(&["<", inside, ">"].concat()),
        // Encoded words must be surrounded by spaces (RFC 2047 section 5).
        Piece::Comment(text) if !can_stand_plainly(text) => {
            folding.word("(");
            folding.phrase(text);
            folding.word(")");
        }
        Piece::Comment(text) => {
            format!("({text})").split(' ').for_each(|word| folding.word(word));
        }
        Piece::Phrase(name) => folding.phrase(name),
        Piece::Word(word) => folding.word(word),
    }
}

fn threading(out: &mut Vec<u8>, mail: &Mail<'_>) {
    if !mail.in_reply_to.is_empty() {
        ids(out, "In-Reply-To", &mail.in_reply_to);
    }
    if !mail.references.is_empty() {
        ids(out, "References", &mail.references);
    }
}

/// Writes three headers for the priority, since mail clients read different ones.
fn priority(out: &mut Vec<u8>, priority: Priority) {
    let (number, word) = match priority {
        Priority::High => ("1 (Highest)", "High"),
        Priority::Normal => return,
        Priority::Low => ("5 (Lowest)", "Low"),
    };
    line(out, "X-Priority", number);
    line(out, "X-MSMail-Priority", word);
    line(out, "Importance", word);
}

fn list_unsubscribe(out: &mut Vec<u8>, mail: &Mail<'_>) {
    let Some(list) = &mail.list_unsubscribe else { return };
    let mut folding = Folding::new("List-Unsubscribe");
    let url = list.url.as_ref().map(|url| format!("<{}>", url.as_str()));
    let mailto = list.mailto.as_ref().map(|address| format!("<mailto:{address}>"));
    let mut ways = url.into_iter().chain(mailto).peekable();
    while let Some(way) = ways.next() {
        folding.word(&way);
        if ways.peek().is_some() {
            folding.separator(',');
        }
    }
    line(out, "List-Unsubscribe", &folding.finish());
    if list.one_click {
        line(out, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
    }
}

fn addresses(out: &mut Vec<u8>, name: &str, mailboxes: &[Mailbox]) {
    let mut folding = Folding::new(name);
    for (index, mailbox) in mailboxes.iter().enumerate() {
        if index > 0 {
            folding.separator(',');
        }
        match &mailbox.name {
            Some(shown) => {
                folding.phrase(shown.as_str());
                folding.word(&["<", mailbox.address.as_str(), ">"].concat());
            }
            None => folding.word(mailbox.address.as_str()),
        }
    }
    line(out, name, &folding.finish());
}

fn ids(out: &mut Vec<u8>, name: &str, ids: &[MessageId]) {
    let mut folding = Folding::new(name);
    ids.iter().for_each(|id| folding.word(id.as_str()));
    line(out, name, &folding.finish());
}

fn text(out: &mut Vec<u8>, name: &str, value: &str) {
    let mut folding = Folding::new(name);
    // Mail clients drop spaces at either end as part of the folding.
    folding.text(value.trim_matches([' ', '\t']));
    line(out, name, &folding.finish());
}

fn line(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}
