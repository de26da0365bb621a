//! Holds the docs to the code: their tables, commands and snippets.

#[cfg(unix)]
mod snippets;
mod tables;

/// Every page that a reader may copy from, with its name.
const PAGES: &[(&str, &str)] = &[
    ("README.md", include_str!("../../../README.md")),
    ("docs/accounts.md", include_str!("../../../docs/accounts.md")),
    ("docs/cli.md", include_str!("../../../docs/cli.md")),
    ("docs/forms.md", include_str!("../../../docs/forms.md")),
    ("docs/input.md", include_str!("../../../docs/input.md")),
    ("docs/other-hosts.md", include_str!("../../../docs/other-hosts.md")),
    ("docs/outbox.md", include_str!("../../../docs/outbox.md")),
    ("docs/performance.md", include_str!("../../../docs/performance.md")),
    ("docs/results-and-errors.md", include_str!("../../../docs/results-and-errors.md")),
    ("docs/reviewing-components.md", include_str!("../../../docs/reviewing-components.md")),
    ("docs/rust.md", include_str!("../../../docs/rust.md")),
];

/// A fenced block of a page.
struct Block<'p> {
    /// The words after the opening fence, such as `sh` or `json input`.
    kind: &'p str,
    text: &'p str,
}

/// Returns the fenced blocks of a page, in order.
fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find("\n```") {
        let (kind, after) = rest[start + 4..].split_once('\n').expect("a fence ends its line");
        let end = after.find("\n```").expect("a fence is closed");
        blocks.push(Block { kind, text: &after[..end] });
        rest = &after[end + 4..];
    }
    blocks
}
