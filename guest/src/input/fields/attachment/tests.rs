//! Tests of attachments in all forms.

use super::*;
use crate::growth::assert_linear;

fn read(json: &str) -> (Vec<Attachment<'_>>, Findings) {
    let mut findings = Findings::default();
    let value = Value::read(json, &mut findings).unwrap();
    let attachments = read_attachments(value, &Path::ROOT.key("attachments"), &mut findings);
    (attachments, findings)
}

fn one(json: &str) -> Attachment<'_> {
    let (mut attachments, findings) = read(json);
    assert!(findings.is_valid(), "{json}: {findings:?}");
    assert_eq!(attachments.len(), 1, "{json}");
    attachments.remove(0)
}

fn bytes(attachment: &Attachment<'_>) -> Vec<u8> {
    match &attachment.source {
        Source::Bytes(bytes) => bytes.to_vec(),
        Source::Base64(text) => {
            let mut bytes = Vec::new();
            text.decode_from(0, 3 * text.decoded_len(), &mut bytes);
            bytes
        }
        other => panic!("no bytes: {other:?}"),
    }
}

#[test]
fn bytes_come_in_many_keys() {
    for json in [
        r#"{"base64": "aGk="}"#,
        r#"{"Data": "aGk="}"#,
        r#"{"ContentBytes": "aGk="}"#,
        r#"{"base64": "data:text/plain;base64,aGk="}"#,
        r#"{"content": "aGk=", "encoding": "base64"}"#,
        r#"{"content": "hi", "encoding": "UTF-8"}"#,
        r#"{"content": "data:,hi"}"#,
        r#"{"text": "hi"}"#,
        r#"{"dataURL": "data:;base64,aGk="}"#,
        r#"[null, "data:text/plain,hi", null]"#,
        r#"{"base64": "aGk\u003d"}"#,
        r#""[{\"base64\": \"aGk=\"}]""#,
    ] {
        assert_eq!(bytes(&one(json)), b"hi", "{json}");
    }
}

#[test]
fn base64_is_borrowed_from_the_input() {
    let json = format!(r#"[{{"base64": "{}"}}]"#, "AAAA".repeat(1000));
    let attachment = one(&json);
    assert_eq!(bytes(&attachment).len(), 3000);
}

#[test]
fn files_come_from_the_web_and_from_the_platform() {
    for json in [
        r#""https://example.com/a.pdf""#,
        r#"{"href": "http://example.com/a.pdf"}"#,
        r#"{"path": "https://example.com/a.pdf"}"#,
    ] {
        assert!(matches!(one(json).source, Source::Web(_)), "{json}");
    }
    let upload = one(r#"{"file": "u-1", "name": "a.pdf", "optional": true, "inline": "false"}"#);
    assert!(matches!(upload.source, Source::Upload(id) if id == "u-1"));
    assert_eq!(upload.file_name.unwrap().as_str(), "a.pdf");
    assert!(upload.optional);
    assert_eq!(upload.inline, Some(false));
}

#[test]
fn several_urls_in_one_text_are_several_files() {
    let urls = |json: &str| -> Vec<String> {
        let (attachments, findings) = read(json);
        assert!(findings.is_valid(), "{json}: {findings:?}");
        let url = |attachment: Attachment<'_>| match &attachment.source {
            Source::Web(url) => url.as_str().to_owned(),
            _ => String::from_utf8(bytes(&attachment)).unwrap(),
        };
        attachments.into_iter().map(url).collect()
    };
    let (a, b) = ("https://x.test/a.pdf", "HTTP://x.test/b.pdf");
    for between in [",", ", ", ";", "; ", "|", " ", r"\n", r"\r\n", r"\t", r" ,\n\n; "] {
        assert_eq!(urls(&format!(r#""{a}{between}{b}""#)), [a, b], "{between:?}");
        assert_eq!(urls(&format!(r#"["{a}{between}{b}{between}"]"#)).len(), 2, "{between:?}");
    }
    assert_eq!(urls(&format!(r#"" {a}\n""#)), [a]);
    assert_eq!(urls(&format!(r#""\n{a}""#)), [a]);
    assert_eq!(urls(r#""https://x.test/a,b;c.pdf""#), ["https://x.test/a,b;c.pdf"]);
    assert_eq!(urls(r#""https://x.test/?u=https://y.test""#), ["https://x.test/?u=https://y.test"]);
    assert_eq!(urls(&format!(r#""data:,a,{b},data:;base64,aGk=, {a}""#)), ["a", b, "hi", a]);
    assert_eq!(urls(&format!(r#""data:,{a}""#)), [a]);
}

#[test]
fn a_long_text_of_urls_takes_time_in_proportion() {
    for piece in [",", " ", "https://x.test/ ", "data:", "data:,", ", data:", "http://"] {
        assert_linear(piece, |text| assert!(split_urls(text).count() > 0));
    }
}

#[test]
fn bytes_may_be_nested_objects() {
    for json in [
        r#"{"content": {"type": "Buffer", "data": [104, 105]}}"#,
        r#"{"data": {"type": "Buffer", "data": [104, 105]}}"#,
        r#"{"buffer": {"type": "Buffer", "data": [104, 105]}}"#,
        r#"{"type": "Buffer", "data": [104, 105]}"#,
        r#"{"content": {"type": "Buffer", "data": "aGk="}, "encoding": "7bit"}"#,
        r#"{"content": [104, 105]}"#,
        r#"{"content": {"0": 104, "1": 105}}"#,
        r#"{"contentBytes": {"$content-type": "application/pdf", "$content": "aGk="}}"#,
        r#"{"$content-type": "application/pdf", "$content": "aGk="}"#,
        r#"{"data": {"$binary": {"base64": "aGk=", "subType": "00"}}}"#,
    ] {
        assert_eq!(bytes(&one(json)), b"hi", "{json}");
    }
    let pdf = one(r#"{"contentBytes": {"$content-type": "application/pdf", "$content": "aGk="}}"#);
    assert_eq!(pdf.media_type.unwrap().essence(), "application/pdf");
}

#[test]
fn content_beside_a_type_that_only_bytes_can_have_is_base64() {
    for media_type in ["application/pdf", "image/png", "application/vnd.ms-excel"] {
        let json = format!(r#"{{"content": "aGk=", "contentType": "{media_type}"}}"#);
        assert_eq!(bytes(&one(&json)), b"hi", "{json}");
    }
    for media_type in
        ["text/plain", "image/svg+xml", "application/json", "application/octet-stream"]
    {
        let json = format!(r#"{{"content": "aGk=", "contentType": "{media_type}"}}"#);
        assert_eq!(read(&json).1.issues[0].code, Code::MissingValue, "{json}");
    }
}

#[test]
fn a_file_may_be_a_nested_object() {
    for json in [
        r#"{"file": {"url": "https://x.test/a.pdf"}}"#,
        r#"{"name": "a.pdf", "type": "file", "file": {"url": "https://x.test/a.pdf", "expiry_time": "x"}}"#,
        r#"{"name": "a.pdf", "type": "external", "external": {"url": "https://x.test/a.pdf"}}"#,
        r#"{"fileUrl": "https://x.test/a.pdf"}"#,
        r#"{"file_url": "https://x.test/a.pdf"}"#,
    ] {
        assert!(matches!(one(json).source, Source::Web(_)), "{json}");
    }
    let both = one(r#"{"file": {"filename": "a.pdf", "data": "aGk="}, "name": "b.pdf"}"#);
    assert_eq!(both.file_name.unwrap().as_str(), "b.pdf");
}

#[test]
fn what_storage_and_pickers_add_is_a_warning_with_the_nearest_key() {
    let (attachments, findings) = read(
        r#"[{"name": "a.txt", "base64": "aGk=", "key": "k", "bucket": "b", "etag": "x", "fieldname": "f",
             "originalname": "c.txt", "thumbnails": {}, "@odata.type": "x", "fielname": "d", "size": 2}]"#,
    );
    assert!(findings.is_valid(), "{findings:?}");
    assert_eq!(attachments[0].file_name.as_ref().unwrap().as_str(), "a.txt");
    let places: Vec<_> = findings.warnings.iter().map(|warning| warning.path.as_str()).collect();
    let keys =
        [".key", ".bucket", ".etag", ".fieldname", ".thumbnails", "[\"@odata.type\"]", ".fielname"];
    assert_eq!(places, keys.map(|key| format!("attachments[0]{key}")));
    assert!(findings.warnings[6].message.contains("did you mean \"filename\""), "{findings:?}");
    let stored = one(r#"{"base64": "aGk=", "originalname": "c.txt"}"#);
    assert_eq!(stored.file_name.unwrap().as_str(), "c.txt");
}

#[test]
fn a_type_of_its_own_wins_over_the_data_uris() {
    let attachment = one(r#"{"dataUri": "data:text/plain;name=a.csv,x", "type": "text/csv"}"#);
    assert_eq!(attachment.media_type.unwrap().essence(), "text/csv");
    assert_eq!(attachment.file_name.unwrap().as_str(), "a.csv");
    assert_eq!(one(r#""data:,""#).media_type.unwrap().essence(), "text/plain");
}

#[test]
fn text_says_what_it_is_and_that_it_is_utf8() {
    for (json, media_type, charset) in [
        (r#"{"text": "ü"}"#, "text/plain", Some("utf-8")),
        (r#"{"text": "ü", "name": "a.csv"}"#, "text/csv", Some("utf-8")),
        (r#"{"text": "{}", "name": "a.json"}"#, "application/json", None),
        (r#"{"text": "ü", "name": "a.qqzx"}"#, "text/plain", Some("utf-8")),
        (r#"{"text": "From: a", "name": "a.eml"}"#, "message/rfc822", None),
        (
            r#"{"content": "ü", "encoding": "utf-8", "type": "text/html"}"#,
            "text/html",
            Some("utf-8"),
        ),
        (r#"{"text": "ü", "type": "text/csv; charset=latin1"}"#, "text/csv", Some("utf-8")),
        (r#"{"text": "u", "type": "text/csv; charset=us-ascii"}"#, "text/csv", Some("us-ascii")),
        (r#""data:text/css,ü""#, "text/css", Some("utf-8")),
        (r#""data:text/css,%FC""#, "text/css", None),
        (r#""data:image/svg+xml;utf8,<svg/>""#, "image/svg+xml", Some("utf-8")),
        (r#"{"base64": "/A==", "name": "a.csv", "type": "text/csv"}"#, "text/csv", None),
    ] {
        let found = one(json).media_type.unwrap();
        assert_eq!((found.essence(), found.parameter("charset")), (media_type, charset), "{json}");
    }
}

#[test]
fn a_name_comes_from_wherever_it_is_given() {
    for (json, name) in [
        (
            r#""data:application/pdf;name=R%C3%A9sum%C3%A9%20of%20Bob.pdf;base64,aGk=""#,
            "Résumé of Bob.pdf",
        ),
        (r#""data:application/pdf;filename=a b.pdf;base64,aGk=""#, "a b.pdf"),
        (r#"{"base64": "aGk=", "type": "a/b; name*=UTF-8''%C3%BC.pdf"}"#, "ü.pdf"),
        (r#"{"base64": "aGk=", "disposition": "attachment; filename=\"c d.pdf\""}"#, "c d.pdf"),
        (r#"{"base64": "aGk=", "name": "e.pdf", "type": "a/b; name=f.pdf"}"#, "e.pdf"),
    ] {
        assert_eq!(one(json).file_name.unwrap().as_str(), name, "{json}");
    }
}

#[test]
fn a_disposition_says_whether_a_file_is_shown() {
    let inline = |key: &str| one(&format!(r#"{{"text": "x", {key}}}"#)).inline;
    assert_eq!(inline(r#""disposition": "Inline""#), Some(true));
    assert_eq!(inline(r#""contentDisposition": "attachment; size=3""#), Some(false));
    assert_eq!(inline(r#""disposition": "form-data""#), None);
    assert_eq!(inline(r#""disposition": "attachment", "inline": true"#), Some(true));
    assert_eq!(inline(r#""inline": true, "disposition": "attachment""#), Some(true));
}

#[test]
fn an_issue_stands_where_the_value_stands() {
    for (json, path, code) in [
        (r#""aGk=""#, "attachments", Code::AttachmentSource),
        (r#"["/etc/passwd"]"#, "attachments[0]", Code::LocalPath),
        (r#"[{"path": "C:\\a.txt"}]"#, "attachments[0].path", Code::LocalPath),
        (r#"[{"filename": "a.txt"}]"#, "attachments[0]", Code::AttachmentSource),
        (
            r#"[{"url": "https://x.test/", "base64": "aGk="}]"#,
            "attachments[0]",
            Code::AttachmentSource,
        ),
        (r#"[{"base64": "aGk=", "data": "aGk="}]"#, "attachments[0].data", Code::DuplicateField),
        (r#"[{"content": "aGk="}]"#, "attachments[0].content", Code::MissingValue),
        (
            r#"[{"content": "aGk=", "encoding": "hex"}]"#,
            "attachments[0].encoding",
            Code::UnknownValue,
        ),
        (r#"[{"base64": "aGl="}]"#, "attachments[0].base64", Code::InvalidBase64),
        (r#"[{"dataUri": "data:text/plain"}]"#, "attachments[0].dataUri", Code::InvalidDataUri),
        (
            r#"[{"dataUri": "data:multipart/mixed,x"}]"#,
            "attachments[0].dataUri",
            Code::InvalidMediaType,
        ),
        (r#"[{"text": "x", "type": "pdf"}]"#, "attachments[0].type", Code::InvalidMediaType),
        (r#"[{"text": "x", "cid": "a b"}]"#, "attachments[0].cid", Code::InvalidContentId),
        (r#"[{"text": "x", "sha256": "00"}]"#, "attachments[0].sha256", Code::UnknownValue),
        (r#"[{"text": "x", "optional": 1}]"#, "attachments[0].optional", Code::WrongType),
        (r#"[{"text": {}}]"#, "attachments[0].text", Code::WrongType),
        (
            r#"[{"content": {"type": "Buffer", "data": [104, 256]}}]"#,
            "attachments[0].content",
            Code::WrongType,
        ),
        (r#"[{"data": [1.5]}]"#, "attachments[0].data", Code::WrongType),
        (
            r#"[{"file": {"url": "https://x.test/a", "base64": "aGk="}}]"#,
            "attachments[0]",
            Code::AttachmentSource,
        ),
        (r#"[{"file": {"url": "ftp://x.test/a"}}]"#, "attachments[0].file.url", Code::InvalidUrl),
        (
            r#"[{"url": "https://x.test/a, https://x.test/b"}]"#,
            "attachments[0].url",
            Code::InvalidUrl,
        ),
        (
            r#"[{"content": "hi", "contentType": "application/pdf"}]"#,
            "attachments[0].content",
            Code::InvalidBase64,
        ),
        (r#""https://x.test/a, report.pdf""#, "attachments", Code::InvalidUrl),
        (r#"[{"upload": ""}]"#, "attachments[0].upload", Code::MissingValue),
        (
            r#"[{"text": "x", "sha256": "0000000000000000000000000000000000000000000000000000000000000000"}]"#,
            "attachments[0].sha256",
            Code::ChecksumMismatch,
        ),
        ("7", "attachments", Code::WrongType),
        (r#"[[["data:,"]]]"#, "attachments[0][0]", Code::WrongType),
    ] {
        let (_, findings) = read(json);
        let found = findings.issues.first().expect(json);
        assert_eq!((found.path.as_str(), found.code), (path, code), "{json}");
    }
}

#[test]
fn an_empty_value_is_not_an_attachment_and_a_file_pickers_array_is_flattened() {
    for nothing in ["null", "\"\"", "[]", "[\"\"]", "[[]]", "[null]"] {
        let (attachments, findings) = read(nothing);
        assert!(attachments.is_empty() && findings.is_valid(), "{nothing}");
    }
    assert_eq!(read(r#"[["data:,a", "data:,b"], "data:,c", ""]"#).0.len(), 3);
}
