//! Tests of keywords in every field.

use super::*;
use crate::input::fields::Field;

const KEYWORDS: &str = r#"{
    "customer": {"email": "c@x.test", "name": "Cem <b>"},
    "order": {"ids": [7, 8], "lines": [{"name": "Pen & Co", "price": 1.5}, {"name": "Ink", "price": 2}]},
    "nobody": null, "big": 18446744073709551615, "yes": true
}"#;

/// A field's value after resolution, as JSON that a test can compare.
fn resolve(field: &str, text: &str, is_html: bool) -> Result<Value<'static>, (String, Code)> {
    let input = serde_json::json!({ field: text }).to_string();
    let mut findings = Findings::default();
    let keywords = Keywords::read(Some(KEYWORDS), &mut findings).unwrap();
    let members = Value::read_object(&input, &mut findings).unwrap();
    let mut fields = Fields::sort(members, &mut findings);
    keywords.resolve(&mut fields, is_html, &mut findings);
    match findings.issues.into_iter().next() {
        Some(issue) => Err((issue.message, issue.code)),
        None => {
            let field = Field::from_name(field).unwrap();
            Ok(fields.take(field).1.into_owned())
        }
    }
}

fn text(text: &str) -> Result<Value<'static>, (String, Code)> {
    Ok(string(text.to_owned()))
}

#[test]
fn a_field_that_is_one_placeholder_takes_the_value_with_its_type() {
    assert_eq!(resolve("to", "{{customer.email}}", false), text("c@x.test"));
    assert_eq!(resolve("to", " {{ order.ids[1] }} ", false), Ok(Value::Number(Box::new(8.into()))));
    assert_eq!(resolve("dryRun", "{{yes}}", false), Ok(Value::Bool(true)));
    assert_eq!(resolve("cc", "{{nobody}}", false), Ok(Value::Null));
    assert_eq!(resolve("subject", "{{big}}", false), Ok(Value::Number(Box::new(u64::MAX.into()))));
    let Ok(Value::Array(lines)) = resolve("to", "{{order.lines}}", false) else { panic!() };
    assert_eq!(lines.len(), 2);
    assert!(matches!(&lines[0], Value::Object(members) if members.len() == 2));
    // The placeholder is the whole value of the field, so the value is not escaped.
    assert_eq!(resolve("html", "{{customer.name}}", true), text("Cem <b>"));
}

#[test]
fn placeholders_in_text_are_filled_in_and_escaped_in_html_alone() {
    assert_eq!(resolve("subject", "Order {{order.ids[1]}}", false), text("Order 8"));
    assert_eq!(resolve("body", "Dear {{customer.name}}!", false), text("Dear Cem <b>!"));
    assert_eq!(resolve("body", "<p>{{customer.name}}", true), text("<p>Cem &lt;b&gt;"));
    assert_eq!(resolve("html", "<p>{{customer.name | safe}}", false), text("<p>Cem <b>"));
    assert_eq!(resolve("text", "{{customer.name}}.", true), text("Cem <b>."));
    assert_eq!(resolve("subject", "a{{nobody}}b", false), text("ab"));
    assert_eq!(resolve("fromName", "{{customer.name}} {%", false), text("Cem <b> {%"));
}

#[test]
fn a_value_does_not_get_out_of_the_address_that_it_is_a_part_of() {
    let keywords = r#"{"name": "Doe, Jo \"J\"", "email": "jo@x.test", "list": "a@x.test, B <b@x.test>",
                       "evil": "x@x.test>, <evil@evil.test"}"#;
    let resolve = |template: &str| {
        let input = serde_json::json!({ "to": template }).to_string();
        let mut findings = Findings::default();
        let keywords = Keywords::read(Some(keywords), &mut findings).unwrap();
        let members = Value::read_object(&input, &mut findings).unwrap();
        let mut fields = Fields::sort(members, &mut findings);
        keywords.resolve(&mut fields, false, &mut findings);
        match fields.take(Field::To).1 {
            Value::String(text) => Ok(text.into_owned()),
            _ => Err(findings.issues[0].code),
        }
    };
    for (template, text) in [
        ("{{name}} <{{email}}>", r#""Doe, Jo \"J\"" <jo@x.test>"#),
        ("\"{{name}}\" <{{email}}>", r#""Doe, Jo \"J\"" <jo@x.test>"#),
        ("Jo {{email}} <{{email}}>", r#"Jo "jo@x.test" <jo@x.test>"#),
        // A placeholder that is a whole element may be a list.
        ("{{list}}; {{email}}", "a@x.test, B <b@x.test>; jo@x.test"),
        ("sales@x.test\n{{ list }}", "sales@x.test\na@x.test, B <b@x.test>"),
        ("{{email}} ", "jo@x.test"),
    ] {
        assert_eq!(resolve(template).as_deref(), Ok(text), "{template}");
    }
    for template in ["Jo <{{evil}}>", "<{{list}}>", "Jo < {{name}} >"] {
        assert_eq!(resolve(template), Err(Code::InvalidAddress), "{template}");
    }
}

/// The keys and texts of a value, one on each line.
fn lines_of(value: &Value<'_>, lines: &mut Vec<String>) {
    match value {
        Value::String(text) => lines.push(text.to_string()),
        Value::Array(items) => items.iter().for_each(|item| lines_of(item, lines)),
        Value::Object(members) => {
            for (key, item) in members {
                lines.push(format!("{key}:"));
                lines_of(item, lines);
            }
        }
        other => lines.push(format!("{other:?}")),
    }
}

/// A field's value after resolution, and the number of warnings.
fn resolved(
    field: &str,
    value: &serde_json::Value,
    keywords: &serde_json::Value,
) -> (String, usize) {
    let input = serde_json::json!({ field: value }).to_string();
    let mut findings = Findings::default();
    let keywords = Keywords::read(Some(&keywords.to_string()), &mut findings).unwrap();
    let members = Value::read_object(&input, &mut findings).unwrap();
    let mut fields = Fields::sort(members, &mut findings);
    keywords.resolve(&mut fields, false, &mut findings);
    assert!(findings.is_valid(), "{input}: {findings:?}");
    let mut found = Vec::new();
    lines_of(&fields.take(Field::from_name(field).unwrap()).1, &mut found);
    (found.join("\n"), findings.warnings.len())
}

#[test]
fn a_value_is_escaped_for_the_place_that_it_stands_in() {
    use serde_json::json;
    let ics = "BEGIN:VCALENDAR\nSUMMARY:{{x}}\nEND:VCALENDAR";
    for (field, value, wanted) in [
        ("calendar", json!({ "content": ics }), "SUMMARY:a/b\\, \\n\"c\" & <d>\n"),
        ("calendar", json!({ "content": "{{x}}" }), "content:\na/b, \n\"c\" & <d>"),
        ("calendar", json!({ "filename": "{{x}}.ics" }), "a_b, "),
        ("attachments", json!({ "text": ics }), "SUMMARY:a/b\\, \\n\"c\" & <d>\n"),
        (
            "attachments",
            json!({ "name": "a.HTM", "text": "<p>{{x}}" }),
            "&quot;c&quot; &amp; &lt;d&gt;",
        ),
        ("attachments", json!([{ "type": "text/html", "content": "<p>{{x}}{%" }]), "&lt;d&gt;{%"),
        ("attachments", json!({ "name": "a.txt", "text": "<p>{{x}}" }), "& <d>"),
        ("attachments", json!({ "name": "a {{x}}.pdf" }), "a a_b, "),
        ("attachments", json!({ "name": "{{x}}" }), "a/b, "),
        (
            "attachments",
            json!({ "url": "https://x.test/{{x}}" }),
            "https://x.test/a/b,%20\n%22c%22%20&%20%3Cd%3E",
        ),
        (
            "attachments",
            json!("https://x.test/{{x}}"),
            "https://x.test/a/b,%20\n%22c%22%20&%20%3Cd%3E",
        ),
        (
            "headers",
            json!({ "List-Unsubscribe": "<https://x.test/?q={{x}}>" }),
            "<https://x.test/?q=a%2Fb%2C%20%0A%22c%22%20%26%20%3Cd%3E>",
        ),
        (
            "headers",
            json!([{ "name": "List-Help", "value": "<https://x.test/?q={{x}}>" }]),
            "?q=a%2Fb%2C%20%0A%22c",
        ),
        ("headers", json!({ "List-Help": "<https://x.test/> ({{x}})" }), "> (a/b, \n\"c\" &  d )"),
        (
            "headers",
            json!({ "Errors-To": "{{x}} <a@x.test>" }),
            "\"a/b, \n\\\"c\\\" & <d>\" <a@x.test>",
        ),
        (
            "listUnsubscribe",
            json!({ "url": "https://x.test/{{x}}" }),
            "https://x.test/a/b,%20%22c%22%20&%20%3Cd%3E",
        ),
        (
            "listUnsubscribe",
            json!({ "mailto": "u@x.test?subject={{x}}" }),
            "u@x.test?subject=a%2Fb%2C%20%0A%22c",
        ),
    ] {
        let text = value.to_string();
        let (found, _) = resolved(field, &value, &json!({ "x": "a/b, \n\"c\" & <d>" }));
        assert!(found.contains(wanted), "{text}: {found}");
    }
}

#[test]
fn a_value_cannot_add_a_key_to_json_given_as_text() {
    use serde_json::json;
    let evil = json!({ "x": "a\", \"path\": \"/etc/passwd" });
    for (field, value) in [
        ("attachments", r#"[{"filename": "{{x}}.txt", "text": "b"}]"#),
        ("to", r#"[{"name": "{{x}}", "email": "a@x.test"}]"#),
        ("calendar", r#"{"method": "REQUEST", "content": "BEGIN {{x}}"}"#),
        ("listUnsubscribe", r#"{"url": "https://x.test/?{{x}}"}"#),
    ] {
        let (found, warnings) = resolved(field, &json!(value), &evil);
        assert!(!found.contains("path:\n") && found.contains(":\n"), "{found}");
        assert_eq!(warnings, 1, "{field}");
    }
    // A subject is not an object, even if it looks like one.
    assert_eq!(resolved("subject", &json!("[{{x}}]"), &json!({ "x": 1 })).0, "[1]");
}

#[test]
fn the_places_of_html_are_found_in_what_a_template_renders_to() {
    use serde_json::json;
    let keywords = json!({ "links": [{ "url": "javascript:x", "t": "<1>" }, { "url": "https://x.test/?a&b", "t": "2" }] });
    let template = "{% for link in links %}<a href='{{link.url}}'>{{link.t}}</a>{% endfor %}";
    let (found, warnings) = resolved("html", &json!(template), &keywords);
    assert!(
        found.contains("<a href='#'>&lt;1&gt;</a><a href='https://x.test/?a&amp;b'>2</a>"),
        "{found}"
    );
    assert_eq!(warnings, 1);
    let template =
        "{% set a %}<a title=\"{{links[0].t}}\">{% endset %}{{a}}{{a | safe}}{{a | upper}}";
    let (found, _) = resolved("html", &json!(template), &keywords);
    assert!(found.contains("<a title=\"&lt;1&gt;\"><a title=\"&lt;1&gt;\">"), "{found}");
    assert!(!found.contains('\0'));
    let template = "<style>@media (max-width: 1px){#main{width: {{w}}}}</style>";
    let (found, warnings) = resolved("html", &json!(template), &json!({ "w": "5px" }));
    assert_eq!(found, "<style>@media (max-width: 1px){#main{width: 5px}}</style>");
    assert_eq!(warnings, 0);
}

#[test]
fn a_value_does_not_get_out_of_the_header_that_it_is_a_part_of() {
    let resolve = |keywords: &str| {
        let mut findings = Findings::default();
        let keywords = Keywords::read(Some(keywords), &mut findings).unwrap();
        let input = r#"{"headers": "X-Name: {{name}}\nX-B: 1"}"#;
        let members = Value::read_object(input, &mut findings).unwrap();
        let mut fields = Fields::sort(members, &mut findings);
        keywords.resolve(&mut fields, false, &mut findings);
        (fields.take(Field::Headers).1.into_owned(), findings)
    };
    assert_eq!(resolve(r#"{"name": "Bob"}"#).0, string("X-Name: Bob\nX-B: 1".to_owned()));
    let (_, findings) = resolve(r#"{"name": "Bob\nX-Spam: no"}"#);
    assert_eq!(findings.issues[0].code, Code::InvalidCharacter);
}

#[test]
fn subject_and_bodies_loop_and_branch() {
    let rows = "<table>{% for line in order.lines %}<tr><td>{{line.name}}{% endfor %}</table>";
    assert_eq!(
        resolve("html", rows, false),
        text("<table><tr><td>Pen &amp; Co<tr><td>Ink</table>")
    );
    let branch = "{% if order.ids | length > 1 %}Orders{% else %}Order{% endif %}";
    assert_eq!(resolve("subject", branch, false), text("Orders"));
}

#[test]
fn a_missing_keyword_is_named() {
    for (field, template, name) in [
        ("to", "{{custmer}}", "custmer"),
        ("to", "Bob <{{customer.mail}}>", "customer.mail"),
        ("subject", "Order {{order.ids[7]}}!", "order.ids[7]"),
        ("body", "a\nb {{missing | upper}} {{gone}}", "gone, missing"),
        ("to", "{{missing | upper}}", "missing"),
        ("html", "{% for line in order.rows %}x{% endfor %}", "order.rows"),
    ] {
        let (message, code) = resolve(field, template, false).unwrap_err();
        assert_eq!(code, Code::MissingKeyword, "{template}: {message}");
        assert!(message.contains(name), "{template}: {message}");
    }
}

#[test]
fn a_template_that_cannot_be_filled_in_is_an_issue() {
    for template in ["{{", "{{ a | b c }}", "{% for x in %}", "{{ 1 | nothing }}", "{{ {{ }}"] {
        let (message, code) = resolve("body", template, false).unwrap_err();
        assert_eq!(code, Code::TemplateError, "{template}: {message}");
    }
    assert_eq!(resolve("to", "a {{", false).unwrap_err().1, Code::TemplateError);
}

#[test]
fn a_template_without_end_runs_out_of_steps() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}\
                   {% endfor %}{% endfor %}{% endfor %}";
    let (message, code) = resolve("body", endless, false).unwrap_err();
    assert_eq!(code, Code::TemplateError);
    assert!(message.contains("steps"), "{message}");
}

#[test]
fn a_keyword_may_be_called_anything() {
    let keywords = r#"{
        "First Name": "Bob", "first-name": "Rob", "größe": "XL", "客户": {"姓名": "王", "E-Mail": "w@x.test"},
        "customer.email": "flat@x.test", "data": {"user.mail": "u@x.test", "Last Name": "Lee"}, "1": "one",
        "Price (EUR)": 7, "lines": [{"unit price": 1}, {"unit price": 2}], "a": 5, "b": 3, "name": "Bob"
    }"#;
    let resolve = |field: &str, template: &str| {
        let input = serde_json::json!({ field: template }).to_string();
        let mut findings = Findings::default();
        let keywords = Keywords::read(Some(keywords), &mut findings).unwrap();
        let members = Value::read_object(&input, &mut findings).unwrap();
        let mut fields = Fields::sort(members, &mut findings);
        keywords.resolve(&mut fields, false, &mut findings);
        let field = Field::from_name(field).unwrap();
        match fields.take(field).1 {
            Value::String(text) if findings.is_valid() => text.into_owned(),
            other => format!("{other:?} {:?}", findings.issues),
        }
    };
    for (template, text) in [
        ("Hi {{First Name}}", "Hi Bob"),
        ("{{ First Name }},", "Bob,"),
        ("{{first-name}} {{größe}} {{客户.姓名}}", "Rob XL 王"),
        ("{{客户.E-Mail}}.", "w@x.test."),
        ("{{customer.email}} {{data.user.mail}}", "flat@x.test u@x.test"),
        ("{{1}} {{Price (EUR)}} {{ data.Last Name }}", "one 7 Lee"),
    ] {
        assert_eq!(resolve("subject", template), text, "{template}");
        // The same in fields where templates are not run.
        assert_eq!(resolve("fromName", template), text, "{template}");
    }
    for (template, text) in [
        ("{{ First Name | upper }} {{ data.Last Name | lower }}", "BOB lee"),
        ("{% for line in lines %}{{ line.unit price }};{% endfor %}", "1;2;"),
        ("{% if größe == \"XL\" %}big{% endif %}", "big"),
        ("{{ a - b }} {{ name | upper }}", "2 BOB"),
        ("{#main{width:{{a}}%} #}", "{#main{width:5%} #}"),
    ] {
        assert_eq!(resolve("text", template), text, "{template}");
    }
    assert_eq!(resolve("to", "{{客户.E-Mail}}"), "w@x.test");
    assert_eq!(resolve("to", "{{First Name}} <{{data.user.mail}}>"), "Bob <u@x.test>");
}

#[test]
fn a_missing_keyword_with_a_name_of_several_words_is_named() {
    for (field, template, name) in [
        ("subject", "Hi {{Last Name}}", "keyword Last Name;"),
        ("fromName", "Hi {{Last Name}}", "keyword Last Name;"),
        ("to", "{{Last Name}}", "keyword Last Name;"),
        ("to", "{{customer.E-Mail Address}}", "keyword customer.E-Mail Address;"),
    ] {
        let (message, code) = resolve(field, template, false).unwrap_err();
        assert_eq!(code, Code::MissingKeyword, "{template}: {message}");
        assert!(message.contains(name), "{template}: {message}");
    }
}

#[test]
fn numbers_keep_their_digits_and_true_is_written_true() {
    let keywords = r#"{"iccid": 89014103211118510720, "n": 900719925474099312, "four": 4.0, "half": 0.5, "yes": true}"#;
    let resolve = |field: &str| {
        let template = "{{iccid}} {{n}} {{four}} {{half}} {{yes}}";
        let input = serde_json::json!({ field: template }).to_string();
        let mut findings = Findings::default();
        let keywords = Keywords::read(Some(keywords), &mut findings).unwrap();
        let members = Value::read_object(&input, &mut findings).unwrap();
        let mut fields = Fields::sort(members, &mut findings);
        keywords.resolve(&mut fields, false, &mut findings);
        fields.take(Field::from_name(field).unwrap()).1.into_owned()
    };
    for field in ["subject", "html", "fromName"] {
        let text = "89014103211118510720 900719925474099312 4 0.5 true";
        assert_eq!(resolve(field), string(text.to_owned()), "{field}");
    }
}

#[test]
fn broken_keywords_are_a_separate_issue() {
    for (json, path) in
        [("[]", "keywords"), ("{", "keywords"), (r#"{"a": 1, "a": 2}"#, "keywords.a")]
    {
        let mut findings = Findings::default();
        Keywords::read(Some(json), &mut findings);
        assert_eq!(findings.issues[0].path, path, "{json}");
    }
    assert!(Keywords::read(None, &mut Findings::default()).is_none());
}
