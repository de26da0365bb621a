//! Queue ids: a server's own id for a message. The server's administrator can find the message with it.

/// Returns the queue id in a reply, found by the wording of known servers. Returns `None` in doubt, rather than another
/// value: a rate, a time, a host, or the message's own Message-ID.
pub(crate) fn queue_id(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split([' ', '\n', '\t']).filter(|word| !word.is_empty()).collect();
    let words = Words(&words);
    FORMS.iter().find_map(|form| form(words)).map(str::to_owned)
}

/// The words of a reply.
#[derive(Clone, Copy)]
struct Words<'t>(&'t [&'t str]);

/// The wording of one server.
type Form = for<'t> fn(Words<'t>) -> Option<&'t str>;

const FORMS: &[Form] = &[
    // Microsoft 365 and Exchange: `<message-id> [InternalId=1234, Hostname=...] ... Queued mail for delivery`.
    |words| words.behind("[InternalId=").and_then(number),
    // Gmail: `OK  1731389794 ffacd0b85a97d-381ed975a54si7856017f8f.119 - gsmtp`.
    |words| words.before(&["-", "gsmtp"]).and_then(id).filter(|word| number(word).is_none()),
    // Yandex: `Ok: queued on mail.example as 1700000000-AbCdEf`, or without the `as`.
    |words| {
        let host = words.place(&["queued", "on"])? + 2;
        words.at(host + 1).filter(|word| *word != "as").or_else(|| words.at(host + 2)).and_then(id)
    },
    // Postfix, Mailpit, SendGrid, Mailjet, and many others: `Ok: queued as 4XyZ12`.
    |words| words.after(&["queued", "as"]).and_then(id_or_name),
    // Stalwart: `Message queued with id 1a2b3c.`
    |words| words.after(&["queued", "with", "id"]).and_then(id),
    // Haraka: `Message Queued (3DE1EB9D-4A6B-4A7B-9A43-0F5B7C0E2A11.1)`.
    |words| words.after(&["Message", "Queued"])?.strip_prefix('(')?.strip_suffix(')').and_then(id),
    // qmail: `ok 1700000000 qp 12345`.
    |words| match words.0 {
        [ok, time, "qp", process, ..] if ok.eq_ignore_ascii_case("ok") => {
            number(time).and(number(process))
        }
        _ => None,
    },
    // Cisco IronPort: `ok:  Message 53246 accepted`.
    |words| match words.0 {
        [ok, message, number_of, accepted]
            if [ok, message, accepted] == [&"ok:", &"Message", &"accepted"] =>
        {
            number(number_of)
        }
        _ => None,
    },
    // Sendmail, OpenSMTPD and Proofpoint: `l1ABC123456 Message accepted for delivery`.
    |words| {
        words.before(&["Message", "accepted", "for", "delivery"]).and_then(id).filter(has_digit)
    },
    // Exim, IONOS and GMX: `OK id=1tABCD-000001-Ab`.
    |words| words.behind("id=").and_then(id),
    // KumoMTA: `OK ids=8a5475ccbbc611eda12250ebf67f93bd`.
    |words| words.behind("ids=").and_then(|ids| ids.split(',').next()).and_then(id),
    // Mimecast: `SmtpThread-1234-1700000000@mimecast.lan Received OK [rP3cfr6CN4WBHXR4vzUhlg.uk12]`.
    |words| words.after(&["Received", "OK"])?.strip_prefix('[')?.strip_suffix(']').and_then(id),
    // iCloud, and others with Oracle's server: `Ok, envelope id 0NM300K2M5CXTD00@mail.example`.
    |words| words.after(&["envelope", "id"]).and_then(id_or_name),
    // Courier: `Ok. 0000000000018A5D.000000004F7AF9C5.00001C5F`.
    |words| words.after(&["Ok."]).filter(|word| word.len() >= 24 && is_hex(word, '.')),
    // Amazon SES and SparkPost, which give only the id: `Ok 0100018f2c3d4e5f-1a2b3c4d-000000`.
    |words| match words.0 {
        [ok, word] if ok.eq_ignore_ascii_case("ok") => Some(*word).filter(|word| {
            let is_of_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '/');
            word.len() >= 16 && word.chars().all(is_of_id) && has_digit(word)
        }),
        _ => None,
    },
];

/// The longest id. No known server's id is longer.
const LONGEST: usize = 128;

impl<'t> Words<'t> {
    fn at(self, place: usize) -> Option<&'t str> {
        self.0.get(place).copied()
    }

    /// Returns the position of a phrase, ignoring case.
    fn place(self, phrase: &[&str]) -> Option<usize> {
        self.0.windows(phrase.len()).position(|window| {
            window.iter().zip(phrase).all(|(word, said)| word.eq_ignore_ascii_case(said))
        })
    }

    /// Returns the word after a phrase.
    fn after(self, phrase: &[&str]) -> Option<&'t str> {
        self.at(self.place(phrase)? + phrase.len())
    }

    /// Returns the word before a phrase.
    fn before(self, phrase: &[&str]) -> Option<&'t str> {
        self.at(self.place(phrase)?.checked_sub(1)?)
    }

    /// Returns the rest of the word that starts with `start`.
    fn behind(self, start: &str) -> Option<&'t str> {
        self.0.iter().find_map(|word| word.strip_prefix(start))
    }
}

/// Returns a word as an id, without the punctuation around it.
fn id(word: &str) -> Option<&str> {
    id_or_name(word).filter(|id| !id.contains('@'))
}

/// Like [`id`], but allows an @, as in MailHog's and Oracle's ids. In angle brackets such a word is a Message-ID.
fn id_or_name(word: &str) -> Option<&str> {
    let is_message_id = word.starts_with('<') && word.contains('@');
    let id = word.trim_matches(['<', '>', '.', ',', ';', '"', '(', ')', '[', ']']);
    let is_id = !id.is_empty() && id.len() <= LONGEST && !id.contains(':') && !is_message_id;
    is_id.then_some(id)
}

fn number(word: &str) -> Option<&str> {
    id(word).filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
}

fn has_digit(word: &&str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

fn is_hex(word: &str, or: char) -> bool {
    word.chars().all(|c| c.is_ascii_hexdigit() || c == or)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_name_messages_in_their_own_words() {
        for (text, found) in [
            ("Ok: queued as 4XyZ12", "4XyZ12"),
            ("Ok: queued as 4X", "4X"),
            (
                "OK queued as 0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
                "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
            ),
            ("Ok: queued as Xk3=@mailhog.example", "Xk3=@mailhog.example"),
            ("OK id=1tABCD-000001-Ab", "1tABCD-000001-Ab"),
            ("Requested mail action okay, completed: id=1MAxyz-1abc-00A1b", "1MAxyz-1abc-00A1b"),
            ("Ok 0100018f2c3d4e5f-1a2b3c4d-000000", "0100018f2c3d4e5f-1a2b3c4d-000000"),
            ("OK 4F/8A-29613-6B5C1F60", "4F/8A-29613-6B5C1F60"),
            ("Message accepted for delivery\nqueued as <7>", "7"),
            ("91fe2c3d Message accepted for delivery", "91fe2c3d"),
            ("2.0.0: 91fe2c3d Message accepted for delivery", "91fe2c3d"),
            ("3hx5a1cyb2-1 Message accepted for delivery", "3hx5a1cyb2-1"),
            (
                "OK  1731389794 ffacd0b85a97d-381ed975a54si7856017f8f.119 - gsmtp",
                "ffacd0b85a97d-381ed975a54si7856017f8f.119",
            ),
            ("OK DMARC:Quarantine 1731389794 5b1f17b1804b1-43d.12 - gsmtp", "5b1f17b1804b1-43d.12"),
            (
                "<a@x.test> [InternalId=12345678901234, Hostname=AM0PR01MB1234.eurprd01.prod.exchangelabs.com] 8123 bytes in 0.123, 64.1 KB/sec Queued mail for delivery",
                "12345678901234",
            ),
            ("<a@x.test> [InternalId=9083] Queued mail for delivery", "9083"),
            ("ok:  Message 53246 accepted", "53246"),
            ("ok 1700000000 qp 12345", "12345"),
            ("ok 1700000000 qp 12345 server-5.tower-1.example!1700000000!12345!1", "12345"),
            ("from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4XyZ12", "4XyZ12"),
            ("Ok: 1234 bytes queued as 4XyZ12", "4XyZ12"),
            (
                "Message Queued (3DE1EB9D-4A6B-4A7B-9A43-0F5B7C0E2A11.1)",
                "3DE1EB9D-4A6B-4A7B-9A43-0F5B7C0E2A11.1",
            ),
            ("Message queued with id 1a2b3c4d5e.", "1a2b3c4d5e"),
            ("OK ids=8a5475ccbbc611eda12250ebf67f93bd", "8a5475ccbbc611eda12250ebf67f93bd"),
            ("OK ids=8a54,9b65", "8a54"),
            (
                "Ok: queued on mail-nwsmtp-17.iva.yp-c.yandex.net 1700000000-AbCdEf1q-XyZ",
                "1700000000-AbCdEf1q-XyZ",
            ),
            ("Ok: queued on mxback1j.mail.yandex.net as 1552298461-k2Ab", "1552298461-k2Ab"),
            (
                "SmtpThread-17325937-1404829142450@eu-mta-21.mimecast.lan Received OK [rP3cfr6CN4WBHXR4vzUhlg.uk12]",
                "rP3cfr6CN4WBHXR4vzUhlg.uk12",
            ),
            (
                "Ok, envelope id 0NM300K2M5CXTD00@st13p00im.mac.com",
                "0NM300K2M5CXTD00@st13p00im.mac.com",
            ),
            (
                "Ok. 0000000000018A5D.000000004F7AF9C5.00001C5F",
                "0000000000018A5D.000000004F7AF9C5.00001C5F",
            ),
        ] {
            assert_eq!(queue_id(text).as_deref(), Some(found), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_taken_for_an_id() {
        for text in [
            "",
            "OK",
            "Ok: thanks",
            "Message accepted for delivery",
            "OK Message accepted for delivery",
            "Great success",
            "Message received",
            "ok dirdel 1/0",
            "OK , completed",
            "Queued (0.123 seconds)",
            "<a@x.test> Queued mail for delivery",
            "Ok, message saved <Message-ID: <a@x.test>>",
            "OK <CAF1234567890abcdef@mail.example>",
            "OK mx1234567890.mail.example",
            "Ok: queued as <a@x.test>",
            "OK 12:34:56.789012345",
            "Ok 1700000000 8123 bytes in 0.123, 64.1 KB/sec",
            "ok 1700000000 qp",
            "Message Queued in 0.1 seconds",
            "rate 12/s, thank you for your message",
            "Ok: queued on mail.example",
            "OK 1700000000 - gsmtp",
            "ok:  Message thanks accepted",
        ] {
            assert_eq!(queue_id(text), None, "{text}");
        }
    }
}
