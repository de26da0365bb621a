//! What to look for in an inbox.

use std::fmt;
use std::str::FromStr;

use super::entry::Entry;

/// A search for messages.
///
/// A query has terms with blanks between them, and a message must match each of them. Quotation marks keep blanks together.
/// Letters match in any case.
///
/// | term | a message matches if |
/// |---|---|
/// | `from:ada` | the sender in From or in the envelope contains it |
/// | `to:bob@example.com` | a recipient in To, in Cc or in the envelope contains it |
/// | `subject:"order 1042"` | the subject contains it |
/// | `file:.pdf` | the name of an attachment contains it |
/// | `has:file` | it has an attachment |
/// | `tea` | the sender, a recipient, the subject or the first 4 kB of the text contain it |
/// | `-term`, `not:term` | it does not match the term |
///
/// ```
/// use smtp_connector_inbox::Query;
///
/// let query: Query = r#"from:orders@example.com subject:"order 1042" -has:file"#.parse()?;
/// assert_eq!(query.to_string(), r#"from:orders@example.com subject:"order 1042" -has:file"#);
/// assert!("has:wings".parse::<Query>().is_err());
/// # Ok::<(), smtp_connector_inbox::InvalidQuery>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    is_negated: bool,
    field: Field,
    /// As it was written.
    text: String,
    lowercase: String,
}

/// The part of a message that a term is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Any,
    From,
    To,
    Subject,
    File,
    HasFile,
}

const FIELDS: &[(&str, Field)] = &[
    ("from:", Field::From),
    ("to:", Field::To),
    ("subject:", Field::Subject),
    ("file:", Field::File),
    ("has:", Field::HasFile),
];

/// The reason why a text is not a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidQuery(String);

impl Query {
    /// Reports whether a message matches each term. An empty query matches every message.
    pub fn matches(&self, entry: &Entry) -> bool {
        self.terms.iter().all(|term| term.is_in(entry) != term.is_negated)
    }
}

impl Term {
    fn is_in(&self, entry: &Entry) -> bool {
        let is_in = |text: &str| text.to_lowercase().contains(&self.lowercase);
        let any = |texts: &[String]| texts.iter().any(|text| is_in(text));
        let from = || is_in(&entry.stored.sender) || any(&entry.from);
        let to = || any(&entry.stored.recipients) || any(&entry.to);
        match self.field {
            Field::From => from(),
            Field::To => to(),
            Field::Subject => is_in(&entry.subject),
            Field::File => any(&entry.files),
            Field::HasFile => !entry.files.is_empty(),
            Field::Any => from() || to() || is_in(&entry.subject) || is_in(&entry.text),
        }
    }
}

impl FromStr for Query {
    type Err = InvalidQuery;

    fn from_str(text: &str) -> Result<Self, InvalidQuery> {
        let terms = words(text)?.into_iter().map(|word| term(&word));
        Ok(Self { terms: terms.collect::<Result<_, _>>()? })
    }
}

/// A word of a query, and where its first quotation mark was.
struct Word {
    text: String,
    quoted_from: Option<usize>,
}

/// Divides a query at blanks outside of quotation marks.
fn words(text: &str) -> Result<Vec<Word>, InvalidQuery> {
    let mut words = Vec::new();
    let mut word = Word { text: String::new(), quoted_from: None };
    let mut is_quoted = false;
    for c in text.chars().chain([' ']) {
        match c {
            '"' => {
                is_quoted = !is_quoted;
                word.quoted_from.get_or_insert(word.text.len());
            }
            c if c.is_whitespace() && !is_quoted => {
                let ended = Word { text: String::new(), quoted_from: None };
                let ended = std::mem::replace(&mut word, ended);
                if !ended.text.is_empty() || ended.quoted_from.is_some() {
                    words.push(ended);
                }
            }
            c => word.text.push(c),
        }
    }
    match is_quoted {
        true => Err(InvalidQuery("a quotation mark is not closed".to_owned())),
        false => Ok(words),
    }
}

fn term(word: &Word) -> Result<Term, InvalidQuery> {
    // What is in quotation marks is text, such as "-5" or "from: me".
    let plain = word.quoted_from.unwrap_or(word.text.len());
    let is_not = |not: &&str| plain >= not.len() && word.text.starts_with(*not);
    let not = ["-", "not:"].into_iter().find(is_not).unwrap_or_default();
    let is_negated = !not.is_empty();
    let (rest, plain) = (&word.text[not.len()..], plain - not.len());
    let named = FIELDS.iter().find(|(name, _)| {
        let start = rest.get(..name.len()).filter(|_| name.len() <= plain);
        start.is_some_and(|start| start.eq_ignore_ascii_case(name))
    });
    let (field, text) = match named {
        Some((name, field)) => (*field, &rest[name.len()..]),
        None => (Field::Any, rest),
    };
    if field == Field::HasFile && !["file", "files", "attachment"].contains(&text) {
        return Err(InvalidQuery(format!("has:{text} is not known; the only one is has:file")));
    }
    if text.is_empty() {
        let message = match named {
            Some((name, _)) => format!("a text must follow {name} without a blank"),
            None => "a term has no text".to_owned(),
        };
        return Err(InvalidQuery(message));
    }
    Ok(Term { is_negated, field, text: text.to_owned(), lowercase: text.to_lowercase() })
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, term) in self.terms.iter().enumerate() {
            let name = FIELDS.iter().find(|(_, field)| *field == term.field);
            let blank = if at > 0 { " " } else { "" };
            let minus = if term.is_negated { "-" } else { "" };
            write!(f, "{blank}{minus}{}", name.map_or("", |(name, _)| name))?;
            let is_plain = |c: char| !c.is_whitespace() && !"-:".contains(c);
            let needs_no_quotes = match term.field {
                Field::Any => term.text.chars().all(is_plain),
                _ => !term.text.contains(char::is_whitespace),
            };
            match needs_no_quotes {
                true => f.write_str(&term.text)?,
                false => write!(f, "\"{}\"", term.text)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for InvalidQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidQuery {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored::Stored;

    fn entry() -> Entry {
        let content = "From: Ada Lovelace <ada@example.com>\r\nTo: Bob <bob@example.net>\r\nSubject: Order 1042 for Zoë\r\n\
             Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nThe tea is on its way.\r\n--b\r\n\
             Content-Disposition: attachment; filename=invoice.pdf\r\n\r\n%PDF\r\n--b--\r\n";
        let stored = Stored {
            id: 1,
            at: 0,
            client_name: "client.test".to_owned(),
            encrypted: false,
            user: None,
            sender: "bounces@mailer.test".to_owned(),
            parameters: Vec::new(),
            recipients: vec!["bob@example.net".to_owned(), "hidden@example.org".to_owned()],
            size: content.len() as u64,
        };
        Entry::of(stored, content.as_bytes())
    }

    fn matches(query: &str) -> bool {
        query.parse::<Query>().expect("a query").matches(&entry())
    }

    #[test]
    fn a_message_matches_each_term() {
        for query in [
            "",
            "tea",
            "TEA order",
            "from:ada",
            "from:LOVELACE",
            "from:bounces@",
            "to:hidden",
            "to:bob",
            "subject:\"order 1042\"",
            "subject:zoë",
            "subject:ZOË",
            "has:file",
            "file:.PDF",
            "-from:eve",
            "not:from:eve",
            "not:coffee",
            "-subject:tea",
            "\"is on\"",
            "FROM:ada has:files -coffee",
            "from:\"Ada Love\"",
        ] {
            assert!(matches(query), "{query}");
        }
        for query in [
            "from:bob",
            "to:ada",
            "subject:tea",
            "-tea",
            "file:.zip",
            "1042x",
            "tea coffee",
            "-has:file",
            "not:has:file",
            "\"from:ada\"",
        ] {
            assert!(!matches(query), "{query}");
        }
    }

    #[test]
    fn a_query_reads_as_it_was_written() {
        for query in [
            "",
            "tea",
            "from:ada -has:file",
            "subject:\"order 1042\"",
            "\"a-b\" \"from:x\"",
            "to:a:b",
        ] {
            let parsed: Query = query.parse().expect("a query");
            assert_eq!(parsed.to_string(), query);
            assert_eq!(parsed.to_string().parse(), Ok(parsed));
        }
    }

    #[test]
    fn a_text_that_is_no_query_says_why() {
        for (query, why) in [
            ("has:wings", "has:wings is not known; the only one is has:file"),
            ("subject:\"order", "a quotation mark is not closed"),
            ("from: ada", "a text must follow from: without a blank"),
            ("-", "a term has no text"),
            ("\"\"", "a term has no text"),
        ] {
            let error = query.parse::<Query>().expect_err(query);
            assert_eq!(error.to_string(), why);
        }
    }

    #[test]
    fn a_message_that_is_no_mail_has_its_envelope() {
        let Entry { stored, .. } = entry();
        let entry = Entry::of(stored, b"\xff\xfe");
        assert!("to:hidden".parse::<Query>().expect("a query").matches(&entry));
        assert!(!"tea".parse::<Query>().expect("a query").matches(&entry));
    }
}
