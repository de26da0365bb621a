//! Tests of rendering hand-written HTML and a dozen templates.

use super::*;
use crate::growth::assert_linear;

#[test]
fn paragraphs_and_breaks() {
    for (html, text) in [
        ("<p>Hello <b>Bob</b></p>", "Hello Bob"),
        ("<p>One</p>\n<p>Two</p>", "One\n\nTwo"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("a<br><br>b", "a\n\nb"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("  a \n b\t c ", "a b c"),
        ("a<b>b</b>c", "abc"),
        ("<pre>a\n  b</pre>c", "a\n  b\n\nc"),
        ("", ""),
    ] {
        assert_eq!(render(html), text, "{html}");
    }
}

#[test]
fn what_is_not_for_readers_is_left_out() {
    assert_eq!(
        render("<head><title>t</title><style>p{}</style></head><body>x<!-- <b> --></body>"),
        "x"
    );
    assert_eq!(render("a<script>if (1 < 2) x();</script>b"), "ab");
    assert_eq!(render("<!DOCTYPE html><html><body>x</body></html>"), "x");
}

#[test]
fn links_show_where_they_go() {
    for (html, text) in [
        ("<a href=\"https://x.test/p?a=1&amp;b=2\">here</a>.", "here <https://x.test/p?a=1&b=2>."),
        ("<a href='https://x.test/'>https://x.test</a>", "https://x.test"),
        ("<a href=mailto:a@x.test>a@x.test</a>", "a@x.test"),
        ("<a href=\"https://x.test/\"><img alt=\"\"></a>", "https://x.test/"),
        ("<a href=\"#top\">top</a>", "top"),
        ("<a name=x>y</a>", "y"),
    ] {
        assert_eq!(render(html), text, "{html}");
    }
}

#[test]
fn lists_and_tables() {
    assert_eq!(render("x<ul><li>a<li>b</ul>y"), "x\n\n- a\n- b\n\ny");
    assert_eq!(
        render("<ol><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ol>"),
        "1. a\n2. b\n  - c\n3. d"
    );
    assert_eq!(
        render(
            "<table><tr><th>Item</th><th>Price</th></tr><tr><td>Pen</td><td>1</td></tr></table>"
        ),
        "Item | Price\nPen | 1"
    );
}

#[test]
fn entities_and_characters_that_look_like_tags() {
    assert_eq!(
        render("1 &lt; 2 &amp;&amp; 3&nbsp;&euro; &#8364;&#x20AC; &unknown; &"),
        "1 < 2 && 3 € €€ &unknown; &"
    );
    assert_eq!(render("1 < 2 and 3 > 2"), "1 < 2 and 3 > 2");
    // A browser does not show an unfinished tag either.
    assert_eq!(render("a <b"), "a");
}

#[test]
fn references_to_characters_are_resolved_once_and_as_the_standard_says() {
    for (html, text) in [
        (
            "&iquest;Qu&eacute;? 1&ordm; &amp;lt; 5&sup2; &hearts; &notit;",
            "¿Qué? 1º &lt; 5² ♥ ¬it;",
        ),
        ("It&#146;s &#147;fine&#148; &#150; 5&#128;", "It’s “fine” – 5€"),
        (
            "<a href='https://x.test/?a=1&copy=2&reg=eu&sect=5'>open</a>",
            "open <https://x.test/?a=1&copy=2&reg=eu&sect=5>",
        ),
        (
            "<a href='https://x.test/?a=1&amp;copy=2'><img src=x alt=''></a>",
            "https://x.test/?a=1&copy=2",
        ),
    ] {
        assert_eq!(render(html), text, "{html}");
    }
}

#[test]
fn a_link_stands_right_behind_its_text() {
    for (html, text) in [
        ("<a href='https://x.test/'>here </a>to go", "here <https://x.test/> to go"),
        ("<a href='https://x.test/'><div>Go</div></a>on", "Go <https://x.test/>\non"),
        ("write to <a href='mailto:'>a@x.test</a>", "write to a@x.test"),
        ("<a href='MAILTO:a@x.test'>a@x.test</a>", "a@x.test"),
        ("<a href=' https://x.test/a b\n'>x</a>", "x <https://x.test/a%20b>"),
        (
            "<a href='https://x.test/1' style='display:block'>a</a><a href='https://x.test/2' \
             style='display:block'>b</a>c",
            "a <https://x.test/1>\nb <https://x.test/2>\nc",
        ),
        ("<a href='javascript:x()'>a</a>", "a"),
    ] {
        assert_eq!(render(html), text, "{html}");
    }
}

#[test]
fn paragraphs_stand_beside_the_marks_of_their_items() {
    assert_eq!(
        render("<p>Steps:<ul><li><p>First</p></li><li><p>Second</p><p>More</p></li></ul>"),
        "Steps:\n\n- First\n- Second\n\nMore"
    );
    assert_eq!(render("<ol start=3><li><div>a<ul><li><p>b</ul></ol>c"), "3. a\n  - b\n\nc");
    assert_eq!(render("<ul><li></li><li>a</li></ul>"), "- a");
}

#[test]
fn cells_stand_in_a_line_where_they_are_figures_and_below_each_other_where_they_are_texts() {
    for (html, text) in [
        (
            "<table><tr><td></td><td><p>Thanks.</p><table><tr><td><p>Pen</p></td><td><p>1</p>\
             </td></tr></table></td><td>&nbsp;</td></tr></table>",
            "Thanks.\n\nPen | 1",
        ),
        ("<table><tr><td>Hat<br>Size M<td>2<td>38</table>x", "Hat | 2 | 38\nSize M\n\nx"),
        (
            "<table><tr><td><h2>A</h2><p>a</p></td><td><h2>B</h2><p>b</p></td></tr></table>",
            "A\n\na\n\nB\n\nb",
        ),
        ("<tr><td>a</td><td>b</td></tr>", "ab"),
        ("<table><tr><td>a</b></td><td>b</div></td></tr></table>c", "a | b\n\nc"),
    ] {
        assert_eq!(render(html), text, "{html}");
    }
}

#[test]
fn what_is_hidden_is_left_out_to_its_end() {
    for (html, text) in [
        ("<span style='display:none'>a<span>b</span>c</span>d", "d"),
        ("<div style='max-height:0;overflow:hidden'>a<div>b</div>c</div>d", "d"),
        ("<style>.pre{display:none}</style><p class='x pre'>a<p>b", "b"),
        ("<td hidden>a<td>b", "b"),
        ("<table><tr style='display:none'><td>a<tr><td>b</table>", "b"),
        ("<div style='font-size:0'>a<div style='font-size:13px'>b</div>c</div>d", "b\nd"),
        ("<p>a&#847;&zwnj;&nbsp;&shy;&#8199;&#65279; b</p>", "a b"),
        ("co&shy;op می&zwnj;خواهم", "coop می\u{200c}خواهم"),
        ("<head lang=en><title>t</title><body>x", "x"),
    ] {
        assert_eq!(render(html), text, "{html}");
    }
}

/// Each file in `templates` is an HTML mail like those that products send, beside its expected text.
#[test]
fn mails_of_products_read_well_as_text() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/html/templates");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "html") {
            let html = std::fs::read_to_string(&path).unwrap();
            let text = std::fs::read_to_string(path.with_extension("txt")).unwrap();
            assert_eq!(render(&html), text.trim_end(), "{}", path.display());
            read += 1;
        }
    }
    assert!(read >= 12, "{read}");
}

#[test]
fn hostile_html_takes_time_in_proportion_to_its_length() {
    let pieces = [
        "<",
        "<a",
        "<a href=\"",
        "<!--",
        "&",
        "&amp",
        "<li>",
        "<ul>",
        "<a href=x>",
        "<p ",
        "<table><tr><td>x",
        "<div></b>",
        "<span hidden>",
        "<x y=z ",
        "<style>a{",
        "<a href=http:x>y",
    ];
    for piece in pieces {
        assert_linear(piece, |html| {
            render(&format!("{html}>'"));
        });
    }
}
