//! A small part of CSS that tells which elements are hidden. For example, many mails contain a preheader: a first line
//! for the list of mails, which is hidden in the mail itself.

use std::collections::HashSet;

/// Whether and how an element is shown, as a `style` attribute or a CSS rule says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// Whether the element is hidden.
    pub(super) hidden: bool,
    /// Its layout.
    pub(super) display: Option<Display>,
    /// Whether its text is too small to be seen; `None` if that depends on its parent.
    pub(super) tiny: Option<bool>,
}

/// The CSS properties that are read.
const PROPERTIES: &[&str] = &[
    "display",
    "font-size",
    "height",
    "max-height",
    "max-width",
    "opacity",
    "overflow",
    "visibility",
    "width",
];

/// The values of `display` that affect text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Display {
    /// On separate lines.
    Block,
    /// In the line, with a space before and after it.
    InlineBlock,
    /// Hidden.
    None,
    /// Any other value.
    Other,
}

impl Style {
    /// Reads declarations: `display: none; color: #fff`.
    pub(super) fn read(declarations: &str) -> Self {
        let mut style = Self::default();
        let (mut no_height, mut no_width, mut clips) = (false, false, false);
        for declaration in declarations.split(';') {
            let Some((name, value)) = declaration.split_once(':') else { continue };
            let name = name.trim_ascii();
            let Some(known) = PROPERTIES.iter().find(|known| known.eq_ignore_ascii_case(name))
            else {
                continue;
            };
            let value = value.split('!').next().unwrap_or_default().trim_ascii();
            let is = |word: &str| value.eq_ignore_ascii_case(word);
            match *known {
                "display" => {
                    style.display = Some(match () {
                        () if is("none") => Display::None,
                        () if is("block") || is("flex") || is("table") => Display::Block,
                        () if is("inline-block") || is("table-cell") => Display::InlineBlock,
                        () => Display::Other,
                    });
                }
                "visibility" => style.hidden |= is("hidden"),
                "opacity" => style.hidden |= number(value) == Some(0.0),
                "overflow" => clips = is("hidden"),
                "height" | "max-height" => no_height |= number(value) == Some(0.0),
                "width" | "max-width" => no_width |= number(value) == Some(0.0),
                // A size relative to the parent's is not known here.
                _ if value.ends_with('%') || is_relative(value) => {}
                _ => style.tiny = Some(number(value).is_some_and(|size| size <= 1.0)),
            }
        }
        style.hidden |= style.display == Some(Display::None) || clips && (no_height || no_width);
        style
    }
}

/// Returns the number at the start of a length.
fn number(value: &str) -> Option<f32> {
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    value[..end].parse().ok()
}

/// Reports whether a size is relative to the parent's: `1em` is, `1rem` is not.
fn is_relative(value: &str) -> bool {
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    ["em", "inherit", "smaller", "larger"].iter().any(|one| unit.eq_ignore_ascii_case(one))
}

/// The classes that `style` elements hide on every screen. Rules for certain screens (`@media`) are ignored.
#[derive(Debug, Default)]
pub(super) struct HiddenClasses(HashSet<String>);

impl HiddenClasses {
    /// Reports whether one of an element's classes is hidden.
    pub(super) fn hide(&self, classes: &str) -> bool {
        !self.0.is_empty() && classes.split_ascii_whitespace().any(|class| self.0.contains(class))
    }

    /// Reads the rules of a `style` element.
    pub(super) fn read(&mut self, css: &str) {
        let css = without_comments(css);
        let mut rest = css.as_str();
        while let Some((selectors, after)) = rest.split_once('{') {
            // The selector starts after statements such as `@import url(x);`.
            let selectors = selectors.rsplit([';', '}']).next().unwrap_or_default().trim_ascii();
            let (block, after) = block(after);
            rest = after;
            if selectors.starts_with('@') || block.contains('{') || !Style::read(block).hidden {
                continue;
            }
            self.0.extend(selectors.split(',').filter_map(class).map(str::to_owned));
        }
    }
}

/// Returns the class of a selector such as `.x` or `span.x`; `None` for any other selector.
fn class(selector: &str) -> Option<&str> {
    let (element, class) = selector.trim_ascii().split_once('.')?;
    let is_name = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let is_class = !class.is_empty() && class.chars().all(is_name);
    (is_class && element.chars().all(|c| c.is_ascii_alphanumeric())).then_some(class)
}

/// Splits text into the block up to its closing brace, and the rest.
fn block(text: &str) -> (&str, &str) {
    let mut depth = 1;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return (&text[..index], &text[index + 1..]);
        }
    }
    (text, "")
}

/// Removes comments from CSS, and the HTML comment markers that old browsers needed around it.
fn without_comments(css: &str) -> String {
    let mut kept = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, comment)) = rest.split_once("/*") {
        kept.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept.replace("<!--", "").replace("-->", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_says_that_its_element_is_not_seen() {
        for hidden in [
            "display:none",
            "color: red; DISPLAY : None !important",
            "visibility:hidden",
            "opacity: 0",
            "max-height:0px;overflow:hidden",
            "overflow: hidden; width: 0",
        ] {
            assert!(Style::read(hidden).hidden, "{hidden}");
        }
        for shown in
            ["", "display:block", "max-height:0", "overflow:hidden", "opacity:0.9", "mso-hide:all"]
        {
            assert!(!Style::read(shown).hidden, "{shown}");
        }
        assert_eq!(Style::read("font-size:0").tiny, Some(true));
        assert_eq!(Style::read("font-size:1px").tiny, Some(true));
        assert_eq!(Style::read("font-size:13px").tiny, Some(false));
        assert_eq!(Style::read("font-size:100%").tiny, None);
        assert_eq!(Style::read("font-size:1.5em").tiny, None);
    }

    #[test]
    fn classes_are_hidden_by_rules_for_every_screen() {
        let mut classes = HiddenClasses::default();
        classes.read(
            "@import url(x); /* .no { display: none } */ .preheader, span.gone { display:none !important; }\
             @media (max-width: 600px) { .phone { display: none } } p .deep { display: none }\
             .shown { color: red } .last { visibility: hidden",
        );
        for hidden in ["preheader", "a gone", "last"] {
            assert!(classes.hide(hidden), "{hidden}");
        }
        for shown in ["no", "phone", "deep", "shown", "", "pre"] {
            assert!(!classes.hide(shown), "{shown}");
        }
    }
}
