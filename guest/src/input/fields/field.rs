//! The fields of `send-mail`: their names, their aliases, and the lookup of a field by its name.

use std::borrow::Cow;

use crate::input::findings::{Code, Findings, Path};
use crate::input::json::{Object, Value};

/// Declares every field once: its variant, its name in the README, its title in a form, and its aliases. The name and
/// the title always mean the field too.
macro_rules! fields {
    ($($name:ident, $text:literal, $title:literal, [$($alias:literal),*];)+) => {
        /// A field of `send-mail`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Field {
            $($name,)+
        }

        impl Field {
            /// All fields, in the order of a form.
            pub const ALL: &[Field] = &[$(Field::$name),+];

            /// Returns the name that the README and the schema use.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Field::$name => $text,)+
                }
            }

            /// Returns the title in a form.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Field::$name => $title,)+
                }
            }

            /// Returns the aliases of this field, folded.
            pub const fn aliases(self) -> &'static [&'static str] {
                match self {
                    $(Field::$name => &[$($alias),*],)+
                }
            }
        }
    };
}

fields! {
    From, "from", "Sender",
        ["fromemail", "fromaddress", "fromemailaddress", "senderemail", "senderaddress", "sendfrom"];
    FromName, "fromName", "Sender name", ["senderdisplayname", "fromdisplayname"];
    To, "to", "Receiver",
        ["receivers", "receiveremail", "recipient", "recipients", "recipientemail", "recipientemails", "toemail",
         "toemails", "toaddress", "toaddresses", "toemailaddress", "torecipients", "sendto", "emailto", "mailto"];
    Cc, "cc", "Cc", ["ccemail", "ccemails", "ccaddress", "ccaddresses", "ccrecipients", "carboncopy"];
    Bcc, "bcc", "Bcc",
        ["bccemail", "bccemails", "bccaddress", "bccaddresses", "bccrecipients", "blindcarboncopy"];
    ReplyTo, "replyTo", "Reply To",
        ["replytoemail", "replytoemails", "replytoaddress", "replytoaddresses", "replytolist"];
    Subject, "subject", "Subject",
        ["emailsubject", "mailsubject", "messagesubject", "subjectline", "topic", "title"];
    ContentType, "contentType", "Content Type",
        ["emailformat", "emailtype", "mailformat", "messageformat", "bodyformat", "bodytype", "bodycontenttype",
         "format", "ishtml"];
    Body, "body", "Message Body",
        ["message", "content", "contents", "payload", "emailbody", "mailbody", "bodycontent", "emailcontent",
         "mailcontent", "messagecontent", "emailmessage"];
    Text, "text", "Text",
        ["textcontent", "textbody", "textpart", "textmessage", "bodytext", "contenttext", "emailtext", "mailtext",
         "messagetext", "plaintext", "plaintextcontent", "plaintextbody", "plaintextmessage", "plainbody",
         "bodyplain", "bodyplaintext", "altbody", "alternativebody"];
    Html, "html", "HTML",
        ["htmlcontent", "htmlbody", "htmltext", "htmltextcontent", "htmlpart", "htmlmessage", "bodyhtml",
         "contenthtml", "emailhtml", "mailhtml", "messagehtml"];
    Attachments, "attachments", "Attachments",
        ["attachment", "attachmentarray", "attachmentlist", "attachmenturl", "attachmenturls", "emailattachments",
         "mailattachments", "fileattachments", "attachedfiles", "file", "files"];
    Headers, "headers", "Headers",
        ["customheaders", "extraheaders", "additionalheaders", "emailheaders", "mailheaders", "messageheaders"];
    Priority, "priority", "Priority", ["importance", "emailpriority", "mailpriority", "messagepriority"];
    InReplyTo, "inReplyTo", "In reply to", [];
    References, "references", "References", [];
    MessageId, "messageId", "Message ID", [];
    Date, "date", "Date", [];
    ListUnsubscribe, "listUnsubscribe", "List-Unsubscribe", [];
    Calendar, "calendar", "Calendar", ["icalevent"];
    ReturnPath, "returnPath", "Return path", ["envelopefrom", "bounceto", "bounceaddress"];
    Dsn, "dsn", "Delivery reports", ["deliverystatusnotification"];
    ReadReceiptTo, "readReceiptTo", "Read receipt to", ["readreceipt", "dispositionnotificationto"];
    OnPartialFailure, "onPartialFailure", "When some recipients are refused", [];
    IdempotencyKey, "idempotencyKey", "Idempotency key", [];
    AttachDataUrls, "attachDataUrls", "Attach data URLs", [];
    DryRun, "dryRun", "Dry run", ["preview"];
}

impl Field {
    /// Returns the field with a name. Case, `_`, `-`, spaces and tabs do not matter.
    pub fn from_name(name: &str) -> Option<Self> {
        let folded = fold(name);
        Self::ALL.iter().copied().find(|field| {
            // A name has only letters, so folding only changes its case.
            field.name().eq_ignore_ascii_case(&folded)
                || field.aliases().contains(&folded.as_ref())
                || fold(field.title()) == folded
        })
    }

    /// Returns all names of the field, folded: its name, its title and its aliases.
    pub fn names(self) -> impl Iterator<Item = Cow<'static, str>> {
        let (name, title) = (fold(self.name()), fold(self.title()));
        let title = (title != name).then_some(title);
        let aliases = self.aliases().iter().map(|&alias| Cow::Borrowed(alias));
        std::iter::once(name).chain(title).chain(aliases)
    }
}

/// Returns a name in lower case, without `_`, `-`, spaces and tabs.
pub fn fold(name: &str) -> Cow<'_, str> {
    let ignored = |byte: u8| matches!(byte, b'_' | b'-' | b' ' | b'\t');
    if name.bytes().any(|byte| byte.is_ascii_uppercase() || ignored(byte)) {
        let kept = name.chars().filter(|&c| !u8::try_from(c).is_ok_and(ignored));
        Cow::Owned(kept.map(|c| c.to_ascii_lowercase()).collect())
    } else {
        Cow::Borrowed(name)
    }
}

/// The values of an input by field, each with its name in the input.
#[derive(Debug)]
pub struct Fields<'a> {
    slots: [Option<(Cow<'a, str>, Value<'a>)>; Field::ALL.len()],
}

impl<'a> Fields<'a> {
    /// Assigns the members of an input to fields by their names.
    pub fn sort(members: Object<'a>, findings: &mut Findings) -> Self {
        let mut fields = Self { slots: std::array::from_fn(|_| None) };
        for (name, value) in members {
            let path = Path::ROOT.key(&name);
            let Some(field) = Field::from_name(&name) else {
                findings.issue_with(&path, Code::UnknownField, || unknown(&name));
                continue;
            };
            let slot = &mut fields.slots[field as usize];
            match slot {
                // The JSON parser already reports a duplicate key.
                Some((first, _)) if *first != name => {
                    let message = format!(
                        "{first:?} and {name:?} both mean the field {:?}; keep one of them",
                        field.name()
                    );
                    findings.issue(&path, Code::DuplicateField, message);
                }
                _ => *slot = Some((name, value)),
            }
        }
        fields
    }

    /// Takes the value of a field, with its name in the input.
    pub fn take(&mut self, field: Field) -> (Cow<'a, str>, Value<'a>) {
        let slot = self.slots[field as usize].take();
        slot.unwrap_or((Cow::Borrowed(field.name()), Value::Null))
    }

    /// Takes a field and reads it. Its path has the name in the input.
    pub fn read<T>(&mut self, field: Field, read: impl FnOnce(Value<'a>, &Path<'_>) -> T) -> T {
        let (name, value) = self.take(field);
        read(value, &Path::ROOT.key(&name))
    }

    /// Returns a field's name in the input, or the field's name if it is not given.
    pub fn given_name(&self, field: Field) -> &str {
        self.slots[field as usize].as_ref().map_or(field.name(), |(name, _)| name)
    }

    /// Returns the value of a field.
    pub fn peek(&self, field: Field) -> &Value<'a> {
        self.slots[field as usize].as_ref().map_or(&Value::Null, |(_, value)| value)
    }

    /// Returns all given values, to change them in place.
    pub fn values_mut(&mut self) -> impl Iterator<Item = (Field, &str, &mut Value<'a>)> {
        Field::ALL.iter().zip(&mut self.slots).filter_map(|(field, slot)| {
            let (name, value) = slot.as_mut()?;
            let name: &str = name;
            Some((*field, name, value))
        })
    }
}

fn unknown(name: &str) -> String {
    let folded = fold(name);
    let names = Field::ALL.iter().flat_map(|field| field.names().map(|name| (field.name(), name)));
    match nearest(&folded, names) {
        Some(known) => format!("there is no such field; did you mean {known:?}?"),
        None => {
            let known: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
            format!("there is no such field; the fields are {}", known.join(", "))
        }
    }
}

/// Finds the name with the folded form nearest to `folded`, if it is near enough to be a typo.
pub fn nearest<'n, T: AsRef<str>>(
    folded: &str,
    known: impl Iterator<Item = (&'n str, T)>,
) -> Option<&'n str> {
    // A third of the letters may differ, but at least one. A name of more than 40 bytes is not compared, so a hostile
    // name of a megabyte costs little.
    let allowed = (folded.len() / 3).max(1);
    if folded.len() > 40 {
        return None;
    }
    known
        .map(|(name, form)| (strsim::osa_distance(folded, form.as_ref()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(text: &str) -> (Fields<'_>, Findings) {
        let mut findings = Findings::default();
        let members = Value::read_object(text, &mut findings).unwrap();
        (Fields::sort(members, &mut findings), findings)
    }

    #[test]
    fn spelling_does_not_matter() {
        for name in ["replyTo", "reply_to", "Reply To", "REPLY-TO", "replyto"] {
            assert_eq!(Field::from_name(name), Some(Field::ReplyTo), "{name}");
        }
        assert_eq!(Field::from_name("Receiver"), Some(Field::To));
        assert_eq!(Field::from_name("email_format"), Some(Field::ContentType));
        assert_eq!(Field::from_name("replyTöo"), None);
    }

    #[test]
    fn a_title_is_a_name_however_it_is_spelled() {
        for field in Field::ALL {
            for name in [field.title().to_owned(), field.title().to_uppercase().replace(' ', "_")] {
                assert_eq!(Field::from_name(&name), Some(*field), "{name}");
            }
        }
    }

    #[test]
    fn what_other_programs_call_a_field_is_understood() {
        for (name, field) in [
            ("Message Body", Field::Body),
            ("Email Body", Field::Body),
            ("mailBody", Field::Body),
            ("body_html", Field::Html),
            ("bodyHtml", Field::Html),
            ("HTMLPart", Field::Html),
            ("TextPart", Field::Text),
            ("AltBody", Field::Text),
            ("toRecipients", Field::To),
            ("Cc Address", Field::Cc),
            ("Is HTML", Field::ContentType),
        ] {
            assert_eq!(Field::from_name(name), Some(field), "{name}");
        }
    }

    #[test]
    fn no_two_fields_share_a_name() {
        let mut names: Vec<String> =
            Field::ALL.iter().flat_map(|field| field.names().map(Cow::into_owned)).collect();
        assert!(names.iter().all(|name| fold(name) == name.as_str()));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn two_names_for_one_field_are_an_issue() {
        let (_, findings) = sort(r#"{"to": "a@example.net", "Receiver": "b@example.net"}"#);
        assert_eq!(findings.issues.len(), 1);
        assert_eq!(findings.issues[0].path, "Receiver");
        assert_eq!(findings.issues[0].code, Code::DuplicateField);
    }

    #[test]
    fn an_unknown_name_is_an_issue_that_offers_the_nearest() {
        for (name, offer) in [
            ("subjcet", Some("subject")),
            ("recievers", Some("to")),
            ("attachement", Some("attachments")),
            ("too", Some("to")),
            ("zzzzzz", None),
        ] {
            let text = format!("{{{name:?}: 1}}");
            let (_, findings) = sort(&text);
            assert_eq!(findings.issues[0].code, Code::UnknownField);
            match offer {
                Some(offer) => assert!(
                    findings.issues[0].message.contains(&format!("did you mean {offer:?}")),
                    "{name}: {}",
                    findings.issues[0].message
                ),
                None => assert!(findings.issues[0].message.contains("the fields are")),
            }
        }
    }

    #[test]
    fn a_field_keeps_the_name_that_the_input_gave_it() {
        let (mut fields, _) = sort(r#"{"Reply To": "a@example.net"}"#);
        assert_eq!(fields.take(Field::ReplyTo).0, "Reply To");
        assert_eq!(fields.take(Field::Subject), (Cow::Borrowed("subject"), Value::Null));
    }
}
