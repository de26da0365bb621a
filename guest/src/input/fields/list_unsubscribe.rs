//! Ways to unsubscribe from a mailing list, which mail programs show as a button (RFC 2369, RFC 8058).

use super::settings::Settings;
use super::text::{read_scalar, read_switch};
use crate::input::findings::{Code, Findings, Path};
use crate::input::json::Value;
use crate::input::values::address::Address;
use crate::input::values::web_address::WebAddress;

/// The content of List-Unsubscribe: a web address, an email address, or both.
#[derive(Debug, PartialEq, Eq)]
pub struct ListUnsubscribe {
    /// The web address.
    pub url: Option<WebAddress>,
    /// The text after `mailto:`, in printable ASCII.
    pub mailto: Option<String>,
    /// Whether a mail program may unsubscribe with a single POST to `url` (RFC 8058).
    pub one_click: bool,
}

/// The keys of the field.
pub const KEYS: &[&str] = &["url", "mailto", "oneClick"];

/// The longest `url` or `mailto` in bytes. Each is on one line of the header. A line has at most 998 octets (RFC 5322
/// section 2.1.1), with the header's name, the brackets and a comma.
const MAX_LENGTH: usize = 900;

/// Reads the field `listUnsubscribe`: `{url, mailto, oneClick}`.
pub fn read(value: Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Option<ListUnsubscribe> {
    let mut settings = Settings::read(value, KEYS, path, findings)?;
    let url = settings.take("url");
    let url = read_url(&url, &path.key("url"), findings);
    let mailto = settings.take("mailto");
    let mailto = read_mailto(&mailto, &path.key("mailto"), findings);
    let one_click = settings.take("oneClick");
    let place = path.key("oneClick");
    let one_click = read_switch(&one_click, &place, findings).unwrap_or_default();
    if url.is_none() && mailto.is_none() {
        if !findings.has_issue_in(path) {
            let message = "give a url or a mailto to unsubscribe with";
            findings.issue(path, Code::MissingValue, message);
        }
        return None;
    }
    let secure = url.as_ref().is_some_and(|url| starts_with_https(url.as_str()));
    if one_click && !secure {
        let message = "oneClick requires a url that starts with https:// (RFC 8058)";
        findings.issue(&place, Code::InvalidUrl, message);
    }
    Some(ListUnsubscribe { url, mailto, one_click })
}

fn read_url(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Option<WebAddress> {
    if value.is_absent() {
        return None;
    }
    let text = read_scalar(value, path, findings)?;
    match WebAddress::parse(&text) {
        Ok(url) if url.as_str().len() > MAX_LENGTH => too_long(path, findings),
        Ok(url) if url.as_str().is_ascii() => Some(url),
        Ok(_) => {
            let message = "characters beyond ASCII must be percent-encoded in a header";
            findings.issue(path, Code::InvalidUrl, message);
            None
        }
        Err(reason) => {
            findings.issue(path, Code::InvalidUrl, reason.to_string());
            None
        }
    }
}

/// Reads an address, or a whole `mailto:` URI (RFC 6068) with one address.
fn read_mailto(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Option<String> {
    if value.is_absent() {
        return None;
    }
    let text = read_scalar(value, path, findings)?;
    let text = text.trim_matches(' ');
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let (address, query) = text.split_once('?').unwrap_or((text, ""));
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"<>\",".contains(&byte);
    match Address::parse(address) {
        Ok(_) if text.len() > MAX_LENGTH => too_long(path, findings),
        Ok(address) if address.is_ascii() && query.bytes().all(plain) => {
            let query = if query.is_empty() { String::new() } else { format!("?{query}") };
            Some(format!("{address}{query}"))
        }
        _ => {
            let message =
                "expected an address such as unsubscribe@example.com, optionally with ?subject=...";
            findings.issue(path, Code::InvalidAddress, message);
            None
        }
    }
}

fn too_long<T>(path: &Path<'_>, findings: &mut Findings) -> Option<T> {
    let message =
        format!("this is longer than {MAX_LENGTH} bytes, which does not fit in a header line");
    findings.issue(path, Code::TooLong, message);
    None
}

fn starts_with_https(url: &str) -> bool {
    url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsubscribe(json: &str) -> (Option<ListUnsubscribe>, Findings) {
        let mut findings = Findings::default();
        let value = Value::read(json, &mut findings).unwrap();
        (read(value, &Path::ROOT.key("listUnsubscribe"), &mut findings), findings)
    }

    #[test]
    fn offers_the_web_and_mail() {
        let (found, findings) = unsubscribe(
            r#"{"url": "https://x.test/u?id=1", "mailto": "mailto:u@x.test?subject=u", "oneClick": true}"#,
        );
        assert!(findings.is_valid(), "{findings:?}");
        let found = found.unwrap();
        assert_eq!(found.url.unwrap().as_str(), "https://x.test/u?id=1");
        assert_eq!(found.mailto.as_deref(), Some("u@x.test?subject=u"));
        assert!(found.one_click);
    }

    #[test]
    fn each_way_fits_on_a_line_of_the_header() {
        let json = |url: usize, query: usize| {
            let (url, query) = ("u".repeat(url), "q".repeat(query));
            format!(r#"{{"url": "https://x.test/{url}", "mailto": "mailto:u@x.test?{query}"}}"#)
        };
        assert!(unsubscribe(&json(MAX_LENGTH - 15, MAX_LENGTH - 9)).1.is_valid());
        let (_, findings) = unsubscribe(&json(MAX_LENGTH - 14, MAX_LENGTH - 8));
        let found: Vec<_> =
            findings.issues.iter().map(|issue| (issue.path.as_str(), issue.code)).collect();
        assert_eq!(
            found,
            [("listUnsubscribe.url", Code::TooLong), ("listUnsubscribe.mailto", Code::TooLong)]
        );
    }

    #[test]
    fn a_value_cannot_escape_from_the_brackets() {
        for (json, path) in [
            (r#"{"oneClick": true}"#, "listUnsubscribe"),
            (r#"{"url": "https://x.test/>\r\nBcc: e@evil.test"}"#, "listUnsubscribe.url"),
            (r#"{"url": "https://x.test/ü"}"#, "listUnsubscribe.url"),
            (r#"{"mailto": "u@x.test>, <https://evil.test"}"#, "listUnsubscribe.mailto"),
            (r#"{"mailto": "u@x.test?a=\r\nb"}"#, "listUnsubscribe.mailto"),
            (r#"{"url": "http://x.test/", "oneClick": true}"#, "listUnsubscribe.oneClick"),
            (r#"{"comment": "x\r\nX-Injected: yes"}"#, "listUnsubscribe.comment"),
            (r#""https://x.test/""#, "listUnsubscribe"),
        ] {
            assert_eq!(unsubscribe(json).1.issues[0].path, path, "{json}");
        }
    }
}
