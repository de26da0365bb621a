use super::*;

fn parameters(text: &str) -> Vec<(String, String)> {
    MediaType::parse(text).unwrap().media_type.parameters
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn keeps_the_parameters() {
    let parsed = MediaType::parse("Text/CSV; Charset=\"utf-8\"; name=\"a \\\"b\\\".csv\"").unwrap();
    assert_eq!(parsed.media_type.essence(), "text/csv");
    assert_eq!(parsed.media_type.parameters(), [pair("charset", "utf-8")]);
    assert_eq!(parsed.name.as_deref(), Some("a \"b\".csv"));
    assert!(!parsed.dropped);
    assert_eq!(
        parameters("application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"),
        [pair("smime-type", "signed-data")]
    );
    assert_eq!(parameters("video/mp4; codecs=\"avc1, mp4a\""), [pair("codecs", "avc1, mp4a")]);
    assert!(!MediaType::parse("application/pdf;\r\n").unwrap().dropped);
}

#[test]
fn a_parameter_that_cannot_be_written_goes_and_the_type_stays() {
    for text in [
        "text/plain; charset=\"open",
        "text/plain; charset=a b",
        "text/plain; charset",
        "text/plain; boundary=x",
        "text/plain; a%b=c; =d",
        "text/plain; name=my file.txt",
    ] {
        let parsed = MediaType::parse(text).unwrap();
        assert!(parsed.dropped, "{text}");
        assert_eq!(parsed.media_type.essence(), "text/plain");
        assert_eq!(parsed.media_type.parameters(), [], "{text}");
    }
    assert_eq!(
        parameters("text/plain; x y; charset=utf-8; charset=ascii"),
        [pair("charset", "utf-8")]
    );
}

#[test]
fn a_name_is_read_in_all_its_forms() {
    for (text, name) in [
        ("a/b; name=report.pdf", "report.pdf"),
        ("a/b; name*=UTF-8''R%C3%A9sum%C3%A9.pdf", "Résumé.pdf"),
        ("a/b; name=R.pdf; name*=utf-8'de'R%C3%A9.pdf", "Ré.pdf"),
        ("a/b; name*0*=UTF-8''R%C3%A9; name*1=\" 1.pdf\"", "Ré 1.pdf"),
        ("a/b; name=\"=?utf-8?Q?R=C3=A9.pdf?=\"", "Ré.pdf"),
    ] {
        assert_eq!(MediaType::parse(text).unwrap().name.as_deref(), Some(name), "{text}");
    }
}

#[test]
fn refuses_what_a_header_or_a_reader_could_stumble_over() {
    use InvalidMediaType::*;
    for (text, reason) in [
        ("pdf", Shape),
        ("", Shape),
        ("a/b/c", Shape),
        ("text /plain", Shape),
        ("mult\u{1}ipart/mixed", Control),
        ("text/html\r\nX-Inj: 1\r\n\r\n<script>", Control),
        ("text/plain; x\r\nX-Inj=\"1\"", Control),
        ("text/plain; charset=\"a\r\nb\"", Control),
        ("multipart/mixed; boundary=\"x\"", Multipart),
        ("message/partial; number=1", Evasive),
        ("message/external-body; access-type=local-file", Evasive),
    ] {
        assert_eq!(MediaType::parse(text), Err(reason), "{text}");
    }
    assert_eq!(MediaType::parse(&format!("text/plain{}", ";a=b".repeat(100))), Err(TooLong));
}

#[test]
fn file_names_tell_types_and_types_extensions() {
    let of = |name| MediaType::of_file_name(name).map(|found| found.to_string());
    assert_eq!(of("report.PDF").as_deref(), Some("application/pdf"));
    assert_eq!(of("invite.ics").as_deref(), Some("text/calendar"));
    assert_eq!(of("report.qqzx"), None);
    assert_eq!(of("report"), None);
    let extension = |text| MediaType::parse(text).unwrap().media_type.extension();
    assert_eq!(extension("application/pdf"), Some("pdf"));
    assert_eq!(extension("text/plain"), Some("txt"));
    assert_eq!(extension("application/x-unheard-of"), None);
}
