//! The value of a custom header: free text, or the syntax of the header's standard.
//!
//! Encoded words (RFC 2047) are allowed in free text and in phrases. Programs do not decode them in a URL, an id or a
//! token, so a value that would need them there is an issue.

use encodify::rfc2047::{decode_text, utf8_charset};

use crate::input::findings::{Code, Findings, Path};
use crate::input::values::address::{Address, Mailbox};
use crate::input::values::address_list::parse_list;

/// The value of a header, by the way it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    /// Elements with commas between them.
    List(Vec<Vec<Piece>>),
    /// Free text, with encoded words where they are needed.
    Text(String),
    /// Printable ASCII, written unchanged and folded at its spaces.
    Verbatim(String),
}

/// A part of an element of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A URL, an id or an address in printable ASCII, written between `<` and `>`.
    Angle(String),
    /// Text between `(` and `)`.
    Comment(String),
    /// A name, written plain, quoted or in encoded words.
    Phrase(String),
    /// A word that the header's syntax defines.
    Word(&'static str),
}

/// The syntax of a header.
#[derive(Clone, Copy)]
enum Kind {
    /// Addresses (RFC 5322 section 3.4).
    Addresses,
    /// Base64 or a similar encoding, in which spaces are ignored.
    Base64,
    /// A JSON object, in the headers that mail services read.
    Json,
    /// A list id (RFC 2919).
    ListId,
    /// The value of List-Unsubscribe-Post (RFC 8058 section 3.1).
    OneClick,
    /// Phrases (RFC 5322 section 3.6.5).
    Phrases,
    Text,
    Tokens,
    /// URLs between `<` and `>` (RFC 2369, RFC 5064).
    Urls,
}

/// Headers that are not free text.
const KINDS: &[(Kind, &[&str])] = &[
    (
        Kind::Addresses,
        &[
            "abuse-reports-to",
            "apparently-to",
            "errors-to",
            "mail-followup-to",
            "mail-reply-to",
            "return-receipt-to",
            "x-complaints-to",
            "x-confirm-reading-to",
            "x-original-from",
            "x-report-abuse-to",
            "x-sender",
        ],
    ),
    (Kind::Base64, &["autocrypt", "face", "x-face"]),
    (
        Kind::Json,
        &[
            "x-mailgun-recipient-variables",
            "x-mailgun-variables",
            "x-mc-mergevars",
            "x-mc-metadata",
            "x-msys-api",
            "x-smtpapi",
        ],
    ),
    (Kind::ListId, &["list-id"]),
    (Kind::OneClick, &["list-unsubscribe-post"]),
    (Kind::Phrases, &["keywords"]),
    (
        Kind::Tokens,
        &[
            "accept-language",
            "auto-submitted",
            "deferred-delivery",
            "disposition-notification-options",
            "expires",
            "expiry-date",
            "feedback-id",
            "importance",
            "latest-delivery-time",
            "obsoletes",
            "original-message-id",
            "original-recipient",
            "precedence",
            "priority",
            "reply-by",
            "sensitivity",
            "supersedes",
            "thread-index",
            "x-auto-response-suppress",
            "x-entity-ref-id",
            "x-msmail-priority",
            "x-priority",
        ],
    ),
    (
        Kind::Urls,
        &[
            "archived-at",
            "list-archive",
            "list-help",
            "list-owner",
            "list-post",
            "list-subscribe",
            "list-unsubscribe",
        ],
    ),
];
/// The prefix of Amazon SES headers: configuration sets, tags, ARNs.
const TOKENS_PREFIX: &str = "x-ses-";

/// The longest word in octets. A line has at most 998 octets (RFC 5322 section 2.1.1), with the header's name, brackets
/// and a comma.
const MAX_WORD: usize = 900;
/// The longest list id in octets (RFC 2919 section 2).
const MAX_LIST_ID: usize = 255;
/// The only value of List-Unsubscribe-Post (RFC 8058 section 3.1).
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

/// The code and the message of an invalid value.
type Invalid = (Code, String);

/// Reports whether the header `name` contains URLs between `<` and `>`.
pub fn holds_urls(name: &str) -> bool {
    matches!(Kind::of(name), Kind::Urls)
}

/// Reports whether the header `name` contains mailboxes. This includes headers that a field writes.
pub fn holds_addresses(name: &str) -> bool {
    let of_a_field = ["disposition-notification-to", "reply-to"];
    matches!(Kind::of(name), Kind::Addresses)
        || of_a_field.iter().any(|field| field.eq_ignore_ascii_case(name))
}

impl HeaderValue {
    /// Parses the value of the header `name`. `text` must not contain control characters.
    pub fn read(name: &str, text: &str, path: &Path<'_>, findings: &mut Findings) -> Option<Self> {
        let mut mended = Vec::new();
        let kind = Kind::of(name);
        // Forms also send empty fields.
        if text.is_empty() && !matches!(kind, Kind::Text) {
            return None;
        }
        let value = match kind {
            Kind::Addresses => addresses(text),
            Kind::Base64 => Ok(Self::Verbatim(cut(text))),
            Kind::Json => json(text),
            Kind::ListId => list_id(text, &mut mended),
            Kind::OneClick => one_click(text),
            Kind::Phrases => Ok(phrases(text)),
            Kind::Text => Ok(Self::Text(text.to_owned())),
            Kind::Tokens => Ok(Self::Verbatim(text.to_owned())),
            Kind::Urls => urls(name, text, &mut mended),
        };
        match value.and_then(Self::checked) {
            Ok(value) => {
                for message in mended {
                    findings.warn(path, Code::Sanitised, message);
                }
                Some(value)
            }
            Err((code, message)) => {
                findings.issue(path, code, message);
                None
            }
        }
    }

    /// Appends the elements of another value, if both are lists.
    pub fn append(&mut self, other: &mut Self) {
        if let (Self::List(elements), Self::List(others)) = (self, other) {
            elements.append(others);
        }
    }

    /// Checks that a verbatim value is printable ASCII and can be folded.
    fn checked(self) -> Result<Self, Invalid> {
        let Self::Verbatim(text) = &self else { return Ok(self) };
        if let Some(c) = text.chars().find(|c| !matches!(c, ' '..='~')) {
            let message = format!("{c:?} is not allowed in this header, because programs read it");
            return Err((Code::InvalidHeader, message));
        }
        match text.split(' ').map(str::len).max() {
            Some(longest) if longest > MAX_WORD => Err(too_long(longest)),
            _ => Ok(self),
        }
    }
}

impl Kind {
    fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        if name.starts_with(TOKENS_PREFIX) {
            return Self::Tokens;
        }
        let found = KINDS.iter().find(|(_, names)| names.contains(&name.as_str()));
        found.map_or(Self::Text, |(kind, _)| *kind)
    }
}

/// Parses `<URL> (comment), <URL>` (RFC 2369 section 2).
fn urls(header: &str, text: &str, mended: &mut Vec<String>) -> Result<HeaderValue, Invalid> {
    let is_no =
        |word: &str| header.eq_ignore_ascii_case("List-Post") && word.eq_ignore_ascii_case("NO");
    let mut elements: Vec<Vec<Piece>> = Vec::new();
    let between = [' ', ',', ';'];
    let mut rest = text.trim_matches(between);
    while !rest.is_empty() {
        let after;
        if let Some(opened) = rest.strip_prefix('<') {
            let Some((inside, left)) = opened.split_once('>') else {
                return Err((Code::InvalidHeader, format!("a < has no closing > in {rest:?}")));
            };
            elements.push(vec![if is_no(inside) {
                Piece::Word("NO")
            } else {
                Piece::Angle(url(inside, mended)?)
            }]);
            after = left;
        } else if rest.starts_with('(') {
            let (comment, left) = comment(rest)?;
            match elements.last_mut() {
                Some(element) => element.push(comment),
                None => elements.push(vec![comment]),
            }
            after = left;
        } else {
            let end = rest.find([' ', '<', '(']).unwrap_or(rest.len());
            let word = rest[..end].trim_end_matches([',', ';']);
            if is_no(word) {
                elements.push(vec![Piece::Word("NO")]);
            } else {
                elements.push(vec![Piece::Angle(url(word, mended)?)]);
                mended.push(format!("{word:?} was put between < and >, as this header requires"));
            }
            after = &rest[end..];
        }
        rest = after.trim_start_matches(between);
    }
    match elements.iter().flatten().all(|piece| matches!(piece, Piece::Comment(_))) {
        true => Err((Code::InvalidHeader, "this header needs a URL: <https://...>".to_owned())),
        false => Ok(HeaderValue::List(elements)),
    }
}

/// Parses a URL between `<` and `>`, where spaces are ignored (RFC 2369 section 2).
fn url(inside: &str, mended: &mut Vec<String>) -> Result<String, Invalid> {
    /// URL schemes that a mail program must not open.
    const SCRIPTS: &[&str] = &["data", "javascript", "vbscript"];
    let url = inside.replace(' ', "");
    if let Some(c) = url.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '<' | '>')) {
        let message = format!("{c:?} is not allowed in a URL; percent-encode it");
        return Err((Code::InvalidUrl, message));
    }
    if url.len() > MAX_WORD {
        return Err(too_long(url.len()));
    }
    let part_of_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    match url.split_once(':') {
        Some((scheme, _)) if SCRIPTS.iter().any(|bad| scheme.eq_ignore_ascii_case(bad)) => {
            Err((Code::InvalidUrl, format!("{scheme}: is not allowed here; give a web address")))
        }
        Some((scheme, rest))
            if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(part_of_scheme)
                && !rest.is_empty() =>
        {
            Ok(url)
        }
        _ if Address::parse(url.split('?').next().unwrap_or_default()).is_ok() => {
            mended.push(format!("{url:?} is an email address, so mailto: was added before it"));
            Ok(format!("mailto:{url}"))
        }
        _ => {
            let message =
                format!("{url:?} is not a valid URL; write <https://...> or <mailto:...>");
            Err((Code::InvalidUrl, message))
        }
    }
}

/// Parses `Name <list.example.com>`.
fn list_id(text: &str, mended: &mut Vec<String>) -> Result<HeaderValue, Invalid> {
    let text = text.trim_matches(' ');
    let wrong = |message: &str| Err((Code::InvalidHeader, message.to_owned()));
    let mut element = Vec::new();
    let inside = match text.rsplit_once('<') {
        Some((name, rest)) => {
            let Some((inside, after)) = rest.split_once('>') else {
                return wrong("a < has no closing >; write a list id as <list.example.com>");
            };
            element.extend(phrase(name));
            element.push(Piece::Angle(inside.replace(' ', "")));
            let after = after.trim_matches(' ');
            if !after.is_empty() {
                element.push(comment(after)?.0);
            }
            inside
        }
        None if text.contains(' ') => {
            return wrong("write a list id between < and >: News <news.example.com>");
        }
        None => {
            mended.push(format!("{text:?} was put between < and >, as this header requires"));
            element.push(Piece::Angle(text.to_owned()));
            text
        }
    };
    let plain = inside.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    match inside.len() {
        0 => wrong("the list id is missing"),
        _ if !plain || inside.contains(['<', '>']) => {
            wrong("a list id has only letters, digits, hyphens and dots, such as news.example.com")
        }
        length if length > MAX_LIST_ID => Err(too_long(length)),
        _ => Ok(HeaderValue::List(vec![element])),
    }
}

fn one_click(text: &str) -> Result<HeaderValue, Invalid> {
    let squeezed = text.replace(' ', "");
    match squeezed.eq_ignore_ascii_case(ONE_CLICK) {
        true => Ok(HeaderValue::Verbatim(ONE_CLICK.to_owned())),
        false => {
            let message = format!("the only value of this header is {ONE_CLICK} (RFC 8058)");
            Err((Code::InvalidHeader, message))
        }
    }
}

/// Parses mailboxes. Only their names are encoded. ASCII text is unchanged.
fn addresses(text: &str) -> Result<HeaderValue, Invalid> {
    if text.is_ascii() {
        return Ok(HeaderValue::Verbatim(text.to_owned()));
    }
    let mut elements = Vec::new();
    for element in parse_list(text) {
        let invalid = |reason: String| {
            (
                Code::InvalidHeader,
                format!("{:?} is not a valid address here: {reason}", element.text),
            )
        };
        let Mailbox { name, address } =
            element.mailbox.map_err(|reason| invalid(reason.to_string()))?;
        if !address.is_ascii() {
            return Err(invalid("addresses in this header must be ASCII".to_owned()));
        }
        let name = name.map(|name| Piece::Phrase(name.as_str().to_owned()));
        elements.push(name.into_iter().chain([Piece::Angle(address.to_string())]).collect());
    }
    Ok(HeaderValue::List(elements))
}

/// Parses phrases with commas between them. ASCII text is unchanged.
fn phrases(text: &str) -> HeaderValue {
    if text.is_ascii() {
        return HeaderValue::Verbatim(text.to_owned());
    }
    let mut quoted = false;
    let elements = text.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    HeaderValue::List(elements.filter_map(|one| phrase(one).map(|phrase| vec![phrase])).collect())
}

/// Adds spaces to long words, so that the text can be folded.
fn cut(text: &str) -> String {
    /// The longest word. With a space before it, it fits in a line of 78 characters.
    const LONGEST: usize = 72;
    let mut cut = String::with_capacity(text.len() + text.len() / LONGEST);
    let mut length = 0;
    for c in text.chars() {
        if length == LONGEST && c != ' ' {
            cut.push(' ');
            length = 0;
        }
        cut.push(c);
        length = if c == ' ' { 0 } else { length + 1 };
    }
    cut
}

/// Writes JSON in ASCII, with spaces where it can be folded.
fn json(text: &str) -> Result<HeaderValue, Invalid> {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return Ok(HeaderValue::Verbatim(text.to_owned()));
    }
    let mut ascii = String::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ' '..='~' => ascii.push(c),
            _ => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    ascii.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted && rest.peek() != Some(&' ') => ascii.push(' '),
            _ => {}
        }
    }
    Ok(HeaderValue::Verbatim(ascii))
}

/// Parses a name, with its quotes and encoded words decoded. Returns `None` if it is empty.
fn phrase(text: &str) -> Option<Piece> {
    let text = text.trim_matches(' ');
    let unquoted = match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) => unescape(inside),
        None => decode_text(text.as_bytes(), utf8_charset).into_owned(),
    };
    let plain: String = unquoted.chars().filter(|c| !c.is_control()).collect();
    (!plain.is_empty()).then_some(Piece::Phrase(plain))
}

fn unescape(text: &str) -> String {
    let mut escaped = false;
    let kept = text.chars().filter(|&c| {
        escaped = c == '\\' && !escaped;
        !escaped
    });
    kept.collect()
}

/// Parses the comment at the start of a text. Returns it with the text after it.
fn comment(text: &str) -> Result<(Piece, &str), Invalid> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            if index == 0 {
                break;
            }
            return Ok((Piece::Comment(text[1..index].trim().to_owned()), &text[index + 1..]));
        }
    }
    Err((Code::InvalidHeader, format!("{text:?} is not a comment between ( and )")))
}

fn too_long(length: usize) -> Invalid {
    let message = format!("a word of {length} bytes without a space does not fit in a header line");
    (Code::TooLong, message)
}

#[cfg(test)]
mod tests;
