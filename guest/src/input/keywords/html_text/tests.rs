use super::*;
use crate::growth::assert_linear;

/// Fills in a template with `@` in the place of its one value.
fn filled(template: &str, value: &str) -> Filled {
    let rendered = template.replace('@', &mark(value));
    fill(&pieces(&rendered))
}

#[test]
fn a_value_stays_in_its_place() {
    for (template, value, html) in [
        ("<p>@</p>", "<b> & \"'/", "<p>&lt;b&gt; &amp; &quot;&#x27;/</p>"),
        ("<p title=\"@\">", "\" onload=\"x", "<p title=\"&quot; onload=&quot;x\">"),
        ("<p title='a @'>", "'x", "<p title='a &#x27;x'>"),
        ("<p title=@>", "x onload=y", "<p title=x&#32;onload&#61;y>"),
        ("<p title=@ id=a>", "", "<p title=\"\" id=a>"),
        ("<p title=a@ id=b>", "", "<p title=a id=b>"),
        ("<p title = @>", "/x", "<p title = /x>"),
        ("<h@>", "2", "<h2>"),
        ("<h@>", "2 onclick=x>", "<h2 onclickx>"),
        ("<option @>", "selected", "<option selected>"),
        ("<!-- @ --><p>", "--><script>", "<!-- --&gt;&lt;script&gt; --><p>"),
        ("<a href=\"@\">", "https://x.test/?a=1&b=2", "<a href=\"https://x.test/?a=1&amp;b=2\">"),
        (
            "<a href=\"https://x.test/?a=1&amp;q=@&z\">",
            "a&b \"c",
            "<a href=\"https://x.test/?a=1&amp;q=a%26b%20%22c&z\">",
        ),
        ("<a href=https://x.test/?q=@>", "a b", "<a href=https://x.test/?q=a%20b>"),
        ("<A HREF = '@'>", "javascript:alert(1)", "<A HREF = '#'>"),
        ("<img src=\"@\">", "cid:logo", "<img src=\"cid:logo\">"),
        (
            "<img srcset=\"a.png 1x, https://x.test/?q=@ 2x\">",
            "a b",
            "<img srcset=\"a.png 1x, https://x.test/?q=a%20b 2x\">",
        ),
        (
            "<!--[if mso]><v:rect href=\"@\"><![endif]--><p>@",
            "javascript:x",
            "<!--[if mso]><v:rect href=\"#\"><![endif]--><p>javascript:x",
        ),
        (
            "<p style=\"color: @\">",
            "red; background: url(x)",
            "<p style=\"color: red background: url(x)\">",
        ),
        ("<p style=\"@\">", "color: red; margin: 0", "<p style=\"color: red; margin: 0\">"),
        (
            "<p style=\"font-family: @\">",
            "'Open Sans', Arial",
            "<p style=\"font-family: &#x27;Open Sans&#x27;, Arial\">",
        ),
        (
            "<style>p { color: @ }</style><p>@",
            "red} a{",
            "<style>p { color: red a }</style><p>red} a{",
        ),
        ("<style>@</style>", "a{}</style><b>", "<style>a{}/style>b></style>"),
        (
            "<script>{\"n\": \"@\"}</script>@",
            "\"</script>",
            "<script>{\"n\": \"\\\"\\u003c/script\\u003e\"}</script>&quot;&lt;/script&gt;",
        ),
        ("<script>{\"n\": @}</script>", "5", "<script>{\"n\": 5}</script>"),
        ("<script>{\"n\": @}</script>", "a b", "<script>{\"n\": \"a b\"}</script>"),
        (
            "<title>@</title>@",
            "</title><b>",
            "<title>&lt;/title&gt;&lt;b&gt;</title>&lt;/title&gt;&lt;b&gt;",
        ),
        ("a < b @ <3 @", "<b>", "a < b &lt;b&gt; <3 &lt;b&gt;"),
    ] {
        assert_eq!(filled(template, value).text, html, "{template}");
    }
}

#[test]
fn changed_html_is_a_warning() {
    assert_eq!(filled("<a href='@'>", "javascript:x").changed.len(), 1);
    assert_eq!(filled("<p style='color: @'>", "red;").changed.len(), 1);
    assert!(filled("<a href='@'>@</a>", "https://x.test/").changed.is_empty());
}

#[test]
fn marks_cannot_be_forged() {
    for value in ["a\0]<b>", "\0[\0[a\0]", "\0"] {
        let found = filled("<p>@</p>", value).text;
        assert!(!found.contains("<b>"), "{found:?}");
    }
    assert_eq!(filled("@", "a\0b").text, "a\0b");
}

#[test]
fn a_long_body_takes_time_in_proportion_to_its_length() {
    for piece in
        ["<p>@</p>", "<!-- @ ", "<style>a{} @", "<script>x@", "<p title=\"a@", "<a href='x?@"]
    {
        assert_linear(piece, |template| {
            let _ = filled(template, "x");
        });
    }
}
