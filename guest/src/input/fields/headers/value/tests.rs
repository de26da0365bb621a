//! Tests of header values, with and without a defined syntax.

use super::*;
use crate::input::findings::Issue;
use crate::message::headers::header_line;

fn write(name: &str, text: &str) -> Result<String, Issue> {
    let mut findings = Findings::default();
    match HeaderValue::read(name, text, &Path::ROOT.key("headers"), &mut findings) {
        Some(value) => Ok(header_line(name, &value).replace("\r\n ", " ")),
        None => Err(findings.issues.remove(0)),
    }
}

#[test]
fn phrases_alone_are_encoded() {
    for (name, text, written) in [
        (
            "List-Id",
            "Das Neue für alle <news.example.com>",
            "=?utf-8?Q?Das_Neue_f=C3=BCr_alle?= <news.example.com>",
        ),
        ("list-id", "News <news.example.com>", "News <news.example.com>"),
        (
            "List-Id",
            "\"News, and more\" <news.example.com>",
            "\"News, and more\" <news.example.com>",
        ),
        (
            "List-Id",
            "=?utf-8?Q?Das_Neue_f=C3=BCr_alle?= <n.example.com>",
            "=?utf-8?Q?Das_Neue_f=C3=BCr_alle?= <n.example.com>",
        ),
        ("List-Id", "news.example.com", "<news.example.com>"),
        (
            "List-Unsubscribe",
            "<mailto:u@x.test?subject=u> (per Post für alle),<https://x.test/u?a=?b,c> (web)",
            "<mailto:u@x.test?subject=u> ( =?utf-8?Q?per_Post_f=C3=BCr_alle?= ), <https://x.test/u?a=?b,c> (web)",
        ),
        ("List-Unsubscribe", "< https://x.test/ u >", "<https://x.test/u>"),
        (
            "List-Unsubscribe",
            "https://x.test/a,b, u@x.test",
            "<https://x.test/a,b>, <mailto:u@x.test>",
        ),
        (
            "List-Help",
            "<a@x.test?subject=help>; <https://x.test/>",
            "<mailto:a@x.test?subject=help>, <https://x.test/>",
        ),
        ("List-Post", "NO (closed)", "NO (closed)"),
        ("List-Post", "<no>", "NO"),
        ("Archived-At", "<https://x.test/=?1>", "<https://x.test/=?1>"),
        ("List-Unsubscribe-Post", "list-unsubscribe=one-click", "List-Unsubscribe=One-Click"),
        (
            "Return-Receipt-To",
            "Jörg Example <j@x.test>",
            "=?utf-8?Q?J=C3=B6rg_Example?= <j@x.test>",
        ),
        ("Errors-To", "Jo <j@x.test>, <>", "Jo <j@x.test>, <>"),
        (
            "Keywords",
            "Das Neue für alle, plain words, \"a, b\"",
            "=?utf-8?Q?Das_Neue_f=C3=BCr_alle?=, plain words, \"a, b\"",
        ),
        ("Feedback-ID", "a:b=?c:d", "a:b=?c:d"),
        ("X-SES-MESSAGE-TAGS", "a=b, c==?d", "a=b, c==?d"),
        ("X-SMTPAPI", "{\"a\":\"ü, 😀\",\"b\":1}", "{\"a\":\"\\u00fc, \\ud83d\\ude00\", \"b\":1}"),
        ("Organization", "Verein für alle <example>", "=?utf-8?Q?Verein_f=C3=BCr_alle_<example>?="),
        ("Comments", "plain", "plain"),
    ] {
        assert_eq!(write(name, text).as_deref(), Ok(&*format!("{name}: {written}\r\n")));
    }
}

#[test]
fn a_value_that_no_program_would_decode_is_an_issue() {
    let long = format!("<https://x.test/{}>", "a".repeat(900));
    for (name, text, code) in [
        ("List-Unsubscribe", "<https://x.test/?n=Jürgen>", Code::InvalidUrl),
        ("List-Unsubscribe", long.as_str(), Code::TooLong),
        ("List-Unsubscribe", "<https://x.test/u", Code::InvalidHeader),
        ("List-Unsubscribe", "<javascript:alert(1)>", Code::InvalidUrl),
        ("List-Unsubscribe", "yes please", Code::InvalidUrl),
        ("List-Unsubscribe", "(comment)", Code::InvalidHeader),
        ("List-Help", "<https://x.test/> (open", Code::InvalidHeader),
        ("List-Id", "News <größe.example.com>", Code::InvalidHeader),
        ("List-Id", "größe", Code::InvalidHeader),
        ("List-Id", "two words", Code::InvalidHeader),
        ("List-Id", "News <>", Code::InvalidHeader),
        ("List-Unsubscribe-Post", "yes", Code::InvalidHeader),
        ("Return-Receipt-To", "Jörg <jörg@x.test>", Code::InvalidHeader),
        ("Return-Receipt-To", "Jörg", Code::InvalidHeader),
        ("Auto-Submitted", "ja, natürlich", Code::InvalidHeader),
        ("Precedence", "größer", Code::InvalidHeader),
        ("X-SES-Configuration-Set", "größe", Code::InvalidHeader),
        ("Feedback-ID", &long[1..], Code::TooLong),
    ] {
        assert_eq!(write(name, text).unwrap_err().code, code, "{name}: {text}");
    }
}

#[test]
fn long_keys_are_cut_where_blanks_say_nothing() {
    let key = "A".repeat(1_500);
    let written = write("Autocrypt", &format!("addr=a@x.test; keydata={key}")).unwrap();
    assert!(written.replace(' ', "").contains(&key));
    assert!(written.split(' ').all(|word| word.len() <= 76), "{written}");
}

#[test]
fn a_name_that_was_encoded_cannot_end_its_line() {
    let written = write("List-Id", "=?utf-8?Q?x=0D=0ABcc:_e@evil.test?= <n.example.com>").unwrap();
    assert_eq!(written, "List-Id: \"xBcc: e@evil.test\" <n.example.com>\r\n");
}
