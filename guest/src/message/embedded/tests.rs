use super::*;

use mail_parser::{MessageParser, MimeHeaders};

fn rewritten(message: &str) -> String {
    let out = to_seven_bits(message.as_bytes()).unwrap();
    assert!(is_seven_bit(&out));
    String::from_utf8(out).unwrap()
}

#[test]
fn a_text_beyond_ascii_is_encoded_and_reads_back() {
    let long = "x".repeat(3000);
    for text in ["Grüße\nund Küsse\n", "日本語の本文です。何度も何度も。", &long, "a\0ü", "a\rü"]
    {
        let out = rewritten(&format!(
            "From: Carol <carol@example.com>\nSubject: Q\nContent-Type: text/plain; charset=utf-8\n\
             Content-Transfer-Encoding: 8bit\n\n{text}"
        ));
        assert!(out.starts_with("From: Carol <carol@example.com>\r\nSubject: Q\r\n"), "{out}");
        assert_eq!(out.matches("Content-Transfer-Encoding: ").count(), 1, "{out}");
        assert!(out.contains("\r\nMIME-Version: 1.0\r\n"), "{out}");
        let parsed = MessageParser::new().parse(out.as_bytes()).unwrap();
        let found = parsed.body_text(0).unwrap().replace("\r\n", "\n");
        assert_eq!(found.trim_end(), text.trim_end());
    }
}

#[test]
fn parts_are_written_again_each_by_itself() {
    let message = "Subject: x\r\nContent-Type: multipart/mixed;\r\n boundary=\"a b\"\r\n\r\nfür alte Programme\r\n\
         --a b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nplain\r\n--a b\r\n\
         Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>Grüße\r\n\
         --a b\r\nContent-Type: image/png; name=\"Größe.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\n\
         --a b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Größe\r\n\r\nü\r\n--a b--\r\nü";
    let out = rewritten(message);
    assert!(out.contains("--a b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nplain\r\n"));
    let parsed = MessageParser::new().parse(out.as_bytes()).unwrap();
    assert_eq!(parsed.body_html(1).unwrap().trim_end(), "<p>Grüße");
    let picture = parsed.attachment(0).unwrap();
    assert_eq!(picture.attachment_name(), Some("Größe.png"));
    assert_eq!(picture.contents(), b"hi");
    let inner = parsed.attachment(1).unwrap().message().unwrap();
    assert_eq!(inner.subject(), Some("Größe"));
    assert_eq!(inner.body_text(0).unwrap().trim_end(), "ü");
}

#[test]
fn names_and_subjects_become_encoded_words() {
    let out = rewritten(
        "From: Jörg Müller <j@x.test>, b@x.test\r\nSubject: Größe\r\nX-A: a\r\n\tb\r\n\r\nx",
    );
    let parsed = MessageParser::new().parse(out.as_bytes()).unwrap();
    assert_eq!(parsed.from().unwrap().first().unwrap().name(), Some("Jörg Müller"));
    assert_eq!(parsed.subject(), Some("Größe"));
    assert!(out.contains("X-A: a\r\n\tb\r\n\r\nx"), "{out}");
    // Old mails have headers in Latin-1.
    let out = to_seven_bits(b"Subject: Gr\xfc\xdfe\r\n\r\nx").unwrap();
    assert_eq!(MessageParser::new().parse(&out).unwrap().subject(), Some("Grüße"));
    assert!(
        rewritten("From carol@example.com Mon Jun  1 09:12:00 2026\nSubject: ü\n\n")
            .starts_with("Subject")
    );
}

#[test]
fn what_may_not_be_changed_is_not() {
    for message in [
        "Content-Type: multipart/signed; boundary=b; protocol=x\r\n\r\n--b\r\n\r\nü\r\n--b--\r\n",
        "not a header: ü",
        "Gr\u{fc}\u{df}e",
        "Message-ID: <ü@x.test>\r\n\r\nx",
        "From: ü@x.test\r\n\r\nx",
        "Content-Type: multipart/mixed\r\n\r\nü",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\nü",
        "Content-Transfer-Encoding: base64\r\n\r\nü",
        "Subject: x\ry: ü\r\n\r\nx",
    ] {
        assert_eq!(to_seven_bits(message.as_bytes()), None, "{message}");
    }
    let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(2_000) + "Subject: ü\r\n\r\n";
    assert_eq!(to_seven_bits(deep.as_bytes()), None);
}
