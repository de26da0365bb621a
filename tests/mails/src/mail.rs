//! Random mails, and what readers must find in them.

use std::ops::Range;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::string::string_regex;
use serde_json::{Value, json};

use crate::reading::{Leaf, Mailbox, Reading, Tree};

/// A hidden recipient of every mail, who must not appear in the message.
pub(crate) const HIDDEN: &str = "hidden.recipient@";

/// A mail, described by its input.
#[derive(Debug)]
pub struct Mail {
    from: Mailbox,
    to: Vec<Mailbox>,
    cc: Vec<Mailbox>,
    reply_to: Vec<Mailbox>,
    subject: String,
    custom: Vec<String>,
    text: Option<String>,
    html: Option<String>,
    files: Vec<File>,
}

#[derive(Clone, Debug)]
struct File {
    name: Option<String>,
    kind: &'static str,
    bytes: Vec<u8>,
    has_content_id: bool,
    inline: Option<bool>,
}

/// Generates any mail.
pub fn mails() -> impl Strategy<Value = Mail> {
    let people = (mailbox(), vec(mailbox(), 0..4), vec(mailbox(), 0..3), vec(mailbox(), 0..2));
    let says = (line(), vec(line(), 0..3), option::of(body()), option::of(body()));
    (people, says, vec(file(), 0..4)).prop_map(
        |((from, to, cc, reply_to), (subject, custom, text, html), files)| Mail {
            from,
            // Duplicate mailboxes are removed from a mail, so a number makes every address unique.
            to: numbered("to", to),
            cc: numbered("cc", cc),
            reply_to,
            subject,
            custom,
            text,
            html,
            files,
        },
    )
}

fn numbered(field: &str, mailboxes: Vec<Mailbox>) -> Vec<Mailbox> {
    let unlike =
        |(index, (name, address)): (usize, Mailbox)| (name, format!("{field}{index}{address}"));
    mailboxes.into_iter().enumerate().map(unlike).collect()
}

/// Characters that cause trouble in mail.
const RARE: [char; 10] = ['é', 'ß', '日', '本', '😀', '\u{301}', '\u{a0}', '✓', 'ا', '\u{10ffff}'];

/// Generates text with ordinary characters and some that cause trouble in mail. Each character comes from one number: a
/// strategy per character would be slower than the rest of the test.
fn characters(most: usize) -> impl Strategy<Value = String> {
    let character = |number: u16| {
        let which = number / 15;
        let among = |first: u8, count: u16| char::from(first + (which % count) as u8);
        match number % 15 {
            0..8 => among(b'a', 26),
            8..11 => ' ',
            11..13 => among(b'!', 94),
            _ => RARE[usize::from(which) % RARE.len()],
        }
    };
    vec(any::<u16>(), 0..most).prop_map(move |numbers| numbers.into_iter().map(character).collect())
}

/// Generates a word that is too long for a line.
fn word(length: Range<usize>) -> impl Strategy<Value = String> {
    (b'a'..=b'z', length).prop_map(|(letter, length)| {
        let letters = (b'a'..=b'z').cycle().skip(usize::from(letter - b'a'));
        letters.take(length).map(char::from).collect()
    })
}

fn octets(most: usize) -> impl Strategy<Value = Vec<u8>> {
    (vec(any::<u64>(), 0..most / 8), 0..8_usize).prop_map(|(words, odd)| {
        let mut octets: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        octets.truncate(octets.len().saturating_sub(odd));
        octets
    })
}

fn matching(expression: &str) -> impl Strategy<Value = String> {
    string_regex(expression).expect("it is a regular expression")
}

/// Generates a line for a header.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![6 => characters(40), 2 => characters(300), 1 => word(70..200)]
}

fn mailbox() -> impl Strategy<Value = Mailbox> {
    let local = matching("[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,12}(\\.[a-z0-9]{1,8}){0,2}");
    // `{{x}}` and `{%x%}` are unfilled placeholders, and an address that contains one is refused.
    let local =
        local.prop_filter("a placeholder", |local| !local.contains("{{") && !local.contains("{%"));
    let domain = select(vec!["example.com", "mail.example.net", "bücher.example", "Example.ORG"]);
    // One encoded word holds this number of any character. Between two encoded words in a name, Python 3.11 reads a
    // space that is not there.
    (characters(12), local, domain)
        .prop_map(|(name, local, domain)| (one_blank(&name), format!("{local}@{domain}")))
}

fn body() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => characters(60),
        1 => select(vec!["\r", "\n\n", "\r\n", ".", "..", "From me", "\t x \t", " ", "=", "=3D", "--", "\u{7}"])
            .prop_map(str::to_owned),
        1 => word(900..1100),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.join("\n"))
}

fn file() -> impl Strategy<Value = File> {
    let name = option::of(matching("[a-zA-Zéß日✓'\"()%;=,_ -]{0,60}[a-z]\\.[a-z]{1,4}"));
    let kind =
        select(vec!["application/pdf", "image/png", "application/zip", "application/x-thing"]);
    let bytes = prop_oneof![4 => octets(200), 1 => octets(3000)];
    (name, kind, bytes, any::<bool>(), option::of(any::<bool>())).prop_map(
        |(name, kind, bytes, has_content_id, inline)| File {
            name: name.map(|name| name.trim().to_owned()),
            kind,
            bytes,
            has_content_id,
            inline,
        },
    )
}

impl Mail {
    /// Returns the input for this mail.
    pub fn input(&self) -> Value {
        let people = |mailboxes: &[Mailbox]| -> Value {
            mailboxes.iter().map(|(name, email)| json!({ "name": name, "email": email })).collect()
        };
        let file = |(index, file): (usize, &File)| {
            json!({
                "base64": Leaf::encode(&file.bytes),
                "contentType": file.kind,
                "filename": file.name,
                "cid": file.has_content_id.then(|| content_id(index)),
                "inline": file.inline,
            })
        };
        json!({
            "from": { "name": self.from.0, "email": self.from.1 },
            "to": people(&self.to),
            "cc": people(&self.cc),
            "bcc": format!("{HIDDEN}example.net"),
            "replyTo": people(&self.reply_to),
            "subject": self.subject,
            "headers": { "X-Custom": self.custom },
            "text": self.text,
            "html": self.html(),
            "attachments": self.files.iter().enumerate().map(file).collect::<Vec<_>>(),
        })
    }

    /// Returns the HTML, which first shows some of the files.
    fn html(&self) -> Option<String> {
        let html = self.html.as_deref().filter(|html| !html.is_empty())?;
        let named = self.files.iter().enumerate().filter(|(_, file)| file.is_named());
        let shown = named.map(|(index, _)| format!("<img src=\"cid:{}\">\n", content_id(index)));
        Some(shown.chain([html.to_owned()]).collect())
    }

    /// Returns what a reader must find in the message.
    pub fn expected(&self) -> Reading {
        let (tree, leaves) = self.parts();
        let ascii = |mailboxes: &[Mailbox]| -> Vec<Mailbox> {
            let domain = |(name, address): &Mailbox| {
                (name.clone(), address.replace("bücher", "xn--bcher-kva"))
            };
            mailboxes.iter().map(domain).collect()
        };
        Reading {
            subject: trimmed(&self.subject),
            from: ascii(std::slice::from_ref(&self.from)),
            to: ascii(&self.to),
            cc: ascii(&self.cc),
            reply_to: ascii(&self.reply_to),
            custom: self.custom.iter().map(|value| trimmed(value)).collect(),
            tree,
            leaves,
            defects: Vec::new(),
        }
    }

    /// Returns the tree of the contract: `mixed( alternative( text, related( html, inline... ) ), attached... )`.
    /// Levels with one child are left out.
    fn parts(&self) -> (Tree, Vec<Leaf>) {
        let html = self.html();
        let text = self.text.as_deref().filter(|text| !text.is_empty());
        let text = text.or_else(|| html.is_none().then_some(""));
        let (related, attached): (Vec<_>, Vec<_>) =
            self.files.iter().enumerate().partition(|(_, file)| {
                html.is_some() && file.is_named() && file.inline != Some(false)
            });
        let mut leaves = Vec::new();
        let mut leaf = |leaf: Leaf| {
            let kind = Tree::Leaf(leaf.kind.clone());
            leaves.push(leaf);
            kind
        };
        let mut alternatives: Vec<_> =
            text.map(|text| leaf(text_leaf("text/plain", text))).into_iter().collect();
        if let Some(html) = &html {
            let mut shown = vec![leaf(text_leaf("text/html", html))];
            shown.extend(related.iter().map(|(index, file)| leaf(file.leaf(*index, true))));
            alternatives.push(level("multipart/related", shown));
        }
        let mut all = vec![level("multipart/alternative", alternatives)];
        all.extend(attached.iter().map(|(index, file)| leaf(file.leaf(*index, false))));
        (level("multipart/mixed", all), leaves)
    }
}

impl File {
    /// Reports whether the HTML, if any, refers to this file. It refers to some of the files that have an id.
    fn is_named(&self) -> bool {
        self.has_content_id && self.bytes.len().is_multiple_of(2)
    }

    fn leaf(&self, index: usize, shown: bool) -> Leaf {
        let made_up = || {
            let extension = match self.kind {
                "application/pdf" => "pdf",
                "image/png" => "png",
                "application/zip" => "zip",
                _ => "bin",
            };
            let name = format!("attachment-{}.{extension}", index + 1);
            if shown { String::new() } else { name }
        };
        let inline = shown || self.inline == Some(true);
        Leaf {
            kind: self.kind.to_owned(),
            disposition: if inline { "inline" } else { "attachment" }.to_owned(),
            filename: self.name.clone().unwrap_or_else(made_up),
            cid: if self.has_content_id { content_id(index) } else { String::new() },
            bytes: Leaf::encode(&self.bytes),
        }
    }
}

/// Returns a name with single spaces between its words, as Python reads it.
fn one_blank(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a header value without spaces at either end, which readers may drop.
fn trimmed(value: &str) -> String {
    value.trim_matches(' ').to_owned()
}

fn content_id(index: usize) -> String {
    format!("file{index}@example.com")
}

fn text_leaf(kind: &str, text: &str) -> Leaf {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
    Leaf { kind: kind.to_owned(), bytes: Leaf::encode(lines.as_bytes()), ..Leaf::default() }
}

fn level(kind: &str, mut parts: Vec<Tree>) -> Tree {
    match parts.len() {
        1 => parts.remove(0),
        _ => Tree::Multipart(kind.to_owned(), parts),
    }
}
