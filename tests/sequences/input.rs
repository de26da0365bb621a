//! Generates inputs that name recipients, files and uploads, in every way that an input can.

use serde_json::json;

use super::case::Input;
use super::material::RECIPIENTS;
use super::random::Random;

/// Paths and ids that an input can name, and that a run can open.
pub(crate) const PATHS: &[&str] = &["/a", "/b?d=1", "/short", "/c"];
pub(crate) const UPLOADS: &[&str] = &["u-1", "u-2", "../u-3", "of-another-run"];
pub(crate) fn input(random: &mut Random, web: &str) -> Input {
    let mut input = Input::default();
    let mut fields = serde_json::Map::new();
    let mut keywords = serde_json::Map::new();
    for field in ["to", "cc", "bcc"] {
        let mut items = Vec::new();
        let least = usize::from(field == "to" && !random.one_in(12));
        for _ in 0..least + random.below(2) {
            let address = random.pick(RECIPIENTS);
            input.recipients.push(address.to_owned());
            let keyword = format!("k{}", keywords.len());
            items.push(match random.below(6) {
                0 => json!({ "email": address, "name": "eve@evil test" }),
                1 => json!(format!("A B <{address}>")),
                2 => {
                    keywords.insert(keyword.clone(), json!({ "email": address }));
                    json!(format!("{{{{{keyword}.email}}}}"))
                }
                3 => {
                    keywords.insert(keyword.clone(), json!([address]));
                    json!(format!("{{{{ {keyword} }}}}"))
                }
                4 => {
                    keywords.insert(keyword.clone(), json!(address));
                    json!(format!("A <{{{{{keyword}}}}}>"))
                }
                _ => json!(address),
            });
        }
        fields.insert(field.to_owned(), json!(items));
    }
    let mut files = Vec::new();
    for _ in 0..random.below(3) {
        let path = random.pick(PATHS);
        input.paths.push(path.to_owned());
        files.push(json!({ "url": format!("{web}{path}") }));
    }
    for _ in 0..random.below(3) {
        let id = random.pick(UPLOADS);
        input.uploads.push(id.to_owned());
        let keyword = format!("k{}", keywords.len());
        if random.one_in(2) {
            keywords.insert(keyword.clone(), json!(id));
            files.push(json!({ "upload": format!("{{{{{keyword}}}}}") }));
        } else {
            files.push(json!({ "upload": id }));
        }
    }
    fields.insert("attachments".to_owned(), json!(files));
    // Addresses and URLs in other fields are not named.
    fields.insert("body".to_owned(), json!(format!("eve@evil.test {web}/c of-another-run")));
    keywords.insert("other".to_owned(), json!(["eve@evil.test", format!("{web}/c"), "u-2"]));
    input.json = serde_json::Value::Object(fields).to_string();
    // Without keywords, a placeholder would be plain text.
    input.keywords = Some(serde_json::Value::Object(keywords).to_string());
    input
}
